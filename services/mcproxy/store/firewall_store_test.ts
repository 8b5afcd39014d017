import assert from "node:assert/strict";
import { join } from "node:path";
import { FakeClock } from "@lib/clock/mod.ts";
import { openDatabase } from "@lib/db/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { type FirewallRule, type FirewallRuleInput, parseFirewallRule } from "../domain/firewall_rule.ts";
import { Firewall } from "../firewall/firewall.ts";
import { RuleBook } from "../firewall/rule_book.ts";
import { FirewallStore } from "./firewall_store.ts";
import sql from "./migrations/003_firewall.sql" with { type: "text" };

const rule: FirewallRuleInput = {
  id: "bots",
  priority: 100,
  enabled: true,
  action: "limit",
  listener: "https",
  hostname: "*.example.org",
  cidrs: ["192.0.2.0/24", "2001:db8::/32"],
  countries: ["DE", "??"],
  userAgents: ["*bot*", ""],
  paths: ["/admin*"],
  rate: { perSecond: 0.5, burst: 3 },
  maxConnections: 0,
  note: "since the flood",
};
const plain: FirewallRuleInput = { ...rule, action: "block", rate: null };
const open = { listener: "https", address: "192.0.2.1" };

async function withStore(test: (store: FirewallStore, clock: FakeClock, other: FirewallStore) => void): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const clock = new FakeClock(1000);
    const options = {
      path: join(folder, "mcproxy.db"),
      migrations: [{ name: "003_firewall", sql }],
      durability: "full",
      clock,
      log: silentLogger,
    } as const;
    using db = openDatabase(options);
    using second = openDatabase(options);
    test(new FirewallStore(db), clock, new FirewallStore(second));
    assert.deepEqual(db.check(), []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("FirewallStore.put keeps every field, and changes nothing when nothing has changed", async () => {
  await withStore((store, clock) => {
    const stored = store.put(rule);
    assert.deepEqual(stored, { ...rule, createdAt: 1000, updatedAt: 1000, version: stored.version });
    assert.deepEqual(parseFirewallRule(store.get("bots")!, ["https"]), rule);
    clock.advance(500);
    assert.deepEqual(store.put(rule), stored);
    const changes: Partial<FirewallRuleInput>[] = [
      { note: "" },
      { enabled: false },
      { rate: { perSecond: 1, burst: 3 } },
      // From a value to none and back: NULL differs from a number.
      { action: "block", rate: null },
      rule,
      { paths: [] },
    ];
    for (const change of changes) {
      clock.advance(1);
      const put = store.put({ ...rule, ...change });
      assert.deepEqual(put, { ...rule, ...change, createdAt: 1000, updatedAt: clock.now(), version: put.version });
      clock.advance(1);
      assert.deepEqual(store.put({ ...rule, ...change }), put);
    }
  });
});

Deno.test("FirewallStore.list pages in the order in which rules are read", async () => {
  await withStore((store) => {
    const places: [id: string, priority: number][] = [["c", 1], ["b", 2], ["a", 2], ["d", 0], ["e", 65_535]];
    for (const [id, priority] of places) store.put({ ...plain, id, priority });
    const ids = (rules: { id: string }[]) => rules.map(({ id }) => id).join("");
    assert.equal(ids(store.all()), "dcabe");
    assert.equal(ids(store.list(null, 2)), "dc");
    assert.equal(ids(store.list({ priority: 1, id: "c" }, 2)), "ab");
    assert.equal(ids(store.list({ priority: 2, id: "b" }, 2)), "e");
    assert.equal(ids(store.list({ priority: 65_535, id: "e" }, 2)), "");
    assert.equal(store.delete("a"), true);
    assert.equal(store.delete("a"), false);
    assert.equal(store.get("a"), null);
    assert.equal(ids(store.all()), "dcbe");
  });
});

Deno.test("RuleBook enforces a change when the call returns, and one of another process at the reload", async () => {
  await withStore((store, clock, other) => {
    const bookOf = (writer: FirewallStore, listeners: string[]) => {
      const firewall = new Firewall({ clock, country: null, limits: { maxBuckets: 10 } });
      const book = new RuleBook({ store: writer, firewall, listeners: () => listeners, log: silentLogger });
      book.reload();
      return { firewall, book };
    };
    const { firewall, book } = bookOf(store, ["https"]);
    const block: FirewallRuleInput = {
      ...plain,
      hostname: "",
      countries: [],
      userAgents: [],
      paths: [],
      cidrs: ["192.0.2.1/32"],
    };
    assert.ok(firewall.connection(open).allowed);
    assert.deepEqual(book.put(block).cidrs, ["192.0.2.1"]);
    assert.ok(!firewall.connection(open).allowed);

    const next = bookOf(other, ["https"]);
    assert.ok(!next.firewall.connection(open).allowed);
    assert.throws(() => book.put({ ...block, id: "X" }), { code: "invalid", field: "id" });
    assert.equal(book.delete("bots"), true);
    assert.equal(book.delete("bots"), false);
    assert.ok(firewall.connection(open).allowed);
    next.book.reload();
    assert.ok(next.firewall.connection(open).allowed);
  });
});

Deno.test("RuleBook keeps a stored rule that the configuration no longer permits, and says so", async () => {
  await withStore((store, clock) => {
    store.put(plain);
    store.put({ ...plain, id: "second", listener: "" });
    const firewall = new Firewall({ clock, country: null, limits: { maxBuckets: 10 } });
    const book = new RuleBook({ store, firewall, listeners: () => ["alt"], log: silentLogger });
    book.reload();
    assert.deepEqual(book.unenforced, [
      'firewall rule bots: listener: must be one of alt, or empty for all, got "https"',
    ]);
    assert.equal(firewall.hits("bots"), null);
    assert.ok(firewall.hits("second"));
    assert.ok(store.get("bots"));
    book.delete("bots");
    assert.deepEqual(book.unenforced, []);
  });
});

Deno.test("RuleBook.reload hands unchanged networks on as the same object, and changed ones as they are", async () => {
  await withStore((store) => {
    let cidrs: (readonly string[])[] = [];
    const firewall = { replace: (rules: readonly FirewallRule[]) => void (cidrs = rules.map((rule) => rule.cidrs)) };
    const book = new RuleBook({ store, firewall, listeners: () => ["https"], log: silentLogger });
    store.put(plain);
    store.put({ ...plain, id: "second" });
    book.reload();
    const before = cidrs;
    store.put({ ...plain, priority: 7 });
    store.put({ ...plain, id: "second", cidrs: ["192.0.2.0/24", "2001:db8::/33"] });
    book.reload();
    assert.equal(cidrs[0], before[0]);
    assert.deepEqual(cidrs[1], ["192.0.2.0/24", "2001:db8::/33"]);
  });
});

Deno.test("RuleBook takes at most 1,000 rules", async () => {
  await withStore((store, clock) => {
    for (let i = 0; i < 1000; i++) store.put({ ...plain, id: `r${i}` });
    const firewall = new Firewall({ clock, country: null, limits: { maxBuckets: 10 } });
    const book = new RuleBook({ store, firewall, listeners: () => ["https"], log: silentLogger });
    book.reload();
    book.put({ ...plain, id: "r1", note: "there already" });
    assert.throws(() => book.put(plain), {
      code: "conflict",
      message: 'Cannot add rule "bots": there are 1000 already',
    });
    assert.equal(store.get("bots"), null);
  });
});
