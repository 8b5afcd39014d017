import assert from "node:assert/strict";
import { maxValuesPerSet } from "../domain/name_rules.ts";
import { typeCode } from "../domain/rdata/record_type.ts";
import { parseSeedRecord } from "../domain/seed.ts";
import { by, lookUp, settings, type StoreUnderTest, storeUnderTest, zoneName } from "../testing/temp_store.ts";
import { lineOf } from "./change_store.ts";

const zone = zoneName("example.org");

async function withZone(options: Parameters<typeof storeUnderTest>[0] = {}): Promise<StoreUnderTest> {
  const test = await storeUnderTest(options);
  test.editor.create(zone, { settings }, by);
  return test;
}

/** "ok", or the message of what is thrown. */
function outcome(work: () => unknown): string {
  try {
    work();
    return "ok";
  } catch (error) {
    return (error as Error).message;
  }
}

function set(test: StoreUnderTest, name: string, type: string, values: string[], ttlSeconds = 300) {
  const specs = values.map((value) => parseSeedRecord(`${name} ${type} ${value}`, zone, "record"));
  const { name: parsed } = parseSeedRecord(`${name} A 192.0.2.1`, zone, "record");
  const spec = { name: parsed, type: typeCode(type), data: specs.map(({ data }) => data), ttlSeconds };
  return test.records.set(zone, spec, by);
}

function remove(test: StoreUnderTest, name: string, filter: { type?: string; value?: string } = {}) {
  const { type, value } = filter;
  const { deleted, serial } = test.records.remove(zone, {
    name: parseSeedRecord(`${name} A 192.0.2.1`, zone, "record").name,
    ...(type === undefined ? {} : { type: typeCode(type) }),
    ...(value === undefined ? {} : { value }),
  }, by);
  return { deleted: deleted.length, serial };
}

const serial = (test: StoreUnderTest) => test.zones.get(zone).serial;
const history = (test: StoreUnderTest) =>
  test.changes.list(zone, null, { limit: 10, before: null }).map(({ actor, action, serial, removed, added }) =>
    [actor, action, serial, ...removed.map((one) => `-${lineOf(one)}`), ...added.map((one) => `+${lineOf(one)}`)].join(
      " ",
    )
  );

Deno.test("RecordStore.add raises the serial, and the zone in memory has it when it returns", async () => {
  await using test = await withZone();
  assert.equal(serial(test), 2026112100);
  assert.equal(test.add(zone, "www A 192.0.2.1"), 2026112101);
  assert.equal(lookUp(test.directory, "www.example.org A"), "300 192.0.2.1");
  assert.equal(lookUp(test.directory, "example.org SOA"), "serial 2026112101");
  test.clock.set(Date.UTC(2020, 0, 1));
  assert.equal(test.add(zone, "www 60 A 192.0.2.2"), 2026112102, "a clock set back doesn't take the serial with it");
  // RFC 2181 §5.2: one TTL per set.
  assert.equal(lookUp(test.directory, "www.example.org A"), "60 192.0.2.1 192.0.2.2");
});

Deno.test("RecordStore.add refuses what breaks a rule, and changes nothing then", async () => {
  await using test = await withZone();
  test.add(zone, "sub NS ns.sub.example.org");
  test.editor.create(zoneName("sub.example.org"), { settings }, by);
  test.add(zone, "www A 192.0.2.1");
  test.add(zone, "web CNAME www.example.org");
  test.add(zone, "cdn ALIAS www.example.net");
  test.add(zone, "moved DNAME example.net");
  test.add(zone, "a.kept A 192.0.2.7");
  const before = serial(test);
  for (
    const [text, message] of [
      ["www A 192.0.2.1", 'Cannot add A "www": it has 192.0.2.1 already'],
      ["web CNAME www.example.org", 'Cannot add CNAME "web": it has www.example.org already'],
      ["www CNAME a.example.org", 'Cannot add CNAME "www": an A record exists at that name'],
      ["web A 192.0.2.1", 'Cannot add A "web": a CNAME record exists at that name'],
      [
        "web CNAME b.example.org",
        'Cannot add CNAME "web": a CNAME to www.example.org exists at that name, and a name has one',
      ],
      [
        "@ CNAME b.example.org",
        'name: Cannot add CNAME "@": the zone\'s SOA and NS records stand there, and a CNAME stands alone; ' +
        "use ALIAS, or A and AAAA records",
      ],
      ["me CNAME me.example.org", 'value: Cannot add CNAME "me": it points to itself'],
      [
        "cdn A 192.0.2.1",
        'Cannot have ALIAS and addresses at "cdn": the ALIAS stands for the addresses',
      ],
      [
        `@ DS 1 13 2 ${"00".repeat(32)}`,
        'name: Cannot add DS "@": a zone\'s DS stands in the zone above it',
      ],
      ["x.moved A 192.0.2.1", 'Cannot add A "x.moved": the DNAME at "moved" redirects every name below it'],
      ["kept DNAME example.net", 'Cannot add DNAME "kept": "a.kept" stands below it'],
      ["*.x NS ns.example.net", 'name: Cannot add NS "*.x": a wildcard can\'t be delegated'],
      ["a.sub A 192.0.2.1", 'Cannot add A "a.sub" to zone example.org: that name belongs to zone sub.example.org'],
      ["sub A 192.0.2.1", 'Cannot add A "sub" to zone example.org: that name belongs to zone sub.example.org'],
    ] as const
  ) assert.equal(outcome(() => test.add(zone, text)), message);
  assert.equal(serial(test), before);
  assert.equal(lookUp(test.directory, "www.example.org A"), "300 192.0.2.1");
  assert.throws(() => test.add(zoneName("other.org"), "www A 192.0.2.1"), { code: "not_found" });
  // Glue of a zone that is delegated to ourselves is for others who transfer this zone.
  assert.equal(outcome(() => test.add(zone, "ns.sub A 192.0.2.53")), "ok");
});

Deno.test("RecordStore.add stops at the limit of values", async () => {
  await using test = await withZone();
  for (let i = 0; i < maxValuesPerSet; i++) test.add(zone, `www A 192.0.2.${i}`);
  assert.equal(
    outcome(() => test.add(zone, "www A 192.0.3.1")),
    'Cannot add A "www": it has 64 values, and that is the limit',
  );
});

Deno.test("RecordStore.set makes the set exactly these values, keeps what stays, and is idempotent", async () => {
  await using test = await withZone();
  const first = set(test, "www", "A", ["192.0.2.1", "192.0.2.2", "192.0.2.1"]);
  assert.deepEqual(first.records.map((row) => [row.id, row.value]), [[1, "192.0.2.1"], [2, "192.0.2.2"]]);
  assert.equal(first.serial, 2026112101);
  const again = set(test, "www", "A", ["192.0.2.2", "192.0.2.1"]);
  assert.deepEqual(
    [again.serial, again.records.map(({ id }) => id)],
    [first.serial, first.records.map(({ id }) => id)],
    "nothing to change: same rows, same serial",
  );
  const second = set(test, "www", "A", ["192.0.2.3", "192.0.2.2"], 60);
  assert.deepEqual(second.records.map((row) => [row.id, row.value, row.ttl]), [[2, "192.0.2.2", 60], [
    3,
    "192.0.2.3",
    60,
  ]]);
  assert.equal(second.serial, 2026112102);
  assert.equal(lookUp(test.directory, "www.example.org A"), "60 192.0.2.2 192.0.2.3");
  assert.equal(set(test, "www", "A", ["192.0.2.3", "192.0.2.2"], 90).serial, 2026112103, "another TTL is a change");
  assert.equal(lookUp(test.directory, "www.example.org A"), "90 192.0.2.2 192.0.2.3");
  set(test, "web", "CNAME", ["www.example.org"]);
  set(test, "web", "CNAME", ["ftp.example.org"]);
  assert.equal(lookUp(test.directory, "web.example.org A"), "cname ftp.example.org");
  for (
    const [name, type, values, code] of [
      ["www", "CNAME", ["a.example.org"], "conflict"],
      ["web", "A", ["192.0.2.1"], "conflict"],
      ["new", "CNAME", ["a.example.org", "b.example.org"], "invalid"],
      ["new", "A", [], "invalid"],
    ] as const
  ) assert.throws(() => set(test, name, type, [...values]), { code }, `${name} ${type}`);
  assert.equal(lookUp(test.directory, "new.example.org A"), "no_name");
});

Deno.test("RecordStore.remove deletes by name, type and value; none left is no error", async () => {
  await using test = await withZone();
  for (const line of ["www A 192.0.2.1", "www A 192.0.2.2", "www AAAA 2001:db8::1", "a.b A 192.0.2.3"]) {
    test.add(zone, line);
  }
  const start = serial(test);
  assert.deepEqual(remove(test, "www", { type: "A", value: "192.0.2.9" }), { deleted: 0, serial: start });
  assert.deepEqual(remove(test, "www", { type: "A", value: "192.0.2.1" }), { deleted: 1, serial: start + 1 });
  assert.equal(lookUp(test.directory, "www.example.org A"), "300 192.0.2.2");
  assert.deepEqual(remove(test, "www"), { deleted: 2, serial: start + 2 });
  assert.equal(lookUp(test.directory, "www.example.org A"), "no_name");
  assert.deepEqual(remove(test, "www"), { deleted: 0, serial: start + 2 });
});

Deno.test("RecordStore.list pages by id and filters by name, type, text and owner", async () => {
  await using test = await withZone();
  for (const line of ["a A 192.0.2.1", "b A 192.0.2.2", "a AAAA ::1", "c TXT Hello"]) test.add(zone, line);
  test.add(zone, "d A 192.0.2.3", { service: "hello", lease: "7" });
  const list = (filter: Parameters<typeof test.records.list>[1], after = 0, limit = 10) =>
    test.records.list(zone, filter, { limit, after }).map((row) => row.id);
  for (
    const [filter, want, after, limit] of [
      [{}, [1, 2, 3, 4, 5]],
      [{}, [2, 3], 1, 2],
      [{ type: "A" }, [2, 5], 1],
      [{ name: "a" }, [1, 3]],
      [{ name: "a" }, [3], 1],
      [{ name: "a", type: "A" }, [1]],
      [{ contains: "hELLO" }, [4]],
      [{ contains: "192.0.2.2" }, [2]],
      [{ service: "hello" }, [5]],
      [{ service: "hello", lease: "8" }, []],
    ] as const
  ) assert.deepEqual(list(filter, after, limit), want, JSON.stringify(filter));
});

Deno.test("RecordStore.removeOwned takes away what stands for a service, in every zone, all or nothing", async () => {
  await using test = await withZone();
  const other = zoneName("example.net");
  test.editor.create(other, { settings }, by);
  test.add(zone, "hello A 192.0.2.1", { service: "hello", lease: "1" });
  test.add(zone, "hello A 192.0.2.2", { service: "hello", lease: "2" });
  test.add(other, "hello A 192.0.2.1", { service: "hello", lease: "1" });
  test.add(zone, "www A 192.0.2.9");
  const [here, there] = [serial(test), test.zones.get(other).serial];
  assert.deepEqual(test.records.removeOwned({ service: "hello", lease: "1" }, by), {
    deleted: 2,
    zones: ["example.org", "example.net"],
  });
  assert.deepEqual([serial(test), test.zones.get(other).serial], [here + 1, there + 1]);
  assert.equal(lookUp(test.directory, "hello.example.org A"), "300 192.0.2.2");
  assert.equal(lookUp(test.directory, "hello.example.net A"), "no_name");
  assert.equal(test.records.removeOwned({ service: "hello", lease: "" }, by).deleted, 1);
  assert.equal(lookUp(test.directory, "www.example.org A"), "300 192.0.2.9");
  assert.throws(() => test.records.removeOwned({ service: "", lease: "" }, by), { field: "service" });
});

Deno.test("an ALIAS of a view takes the place of the others' addresses", async () => {
  const lan = { name: "lan", has: (address: string) => address.startsWith("10.") };
  await using test = await withZone({ views: [lan] });
  const inLan = test.views.directoryFor("10.1.2.3");
  test.add(zone, "www A 192.0.2.1");
  test.add(zone, "www AAAA 2001:db8::1");
  test.add(zone, "www TXT both");
  test.add(zone, "www ALIAS nas.example.net", { view: "lan" });
  for (const type of ["A", "AAAA"]) assert.equal(lookUp(inLan, `www.example.org ${type}`), "alias nas.example.net");
  assert.equal(lookUp(inLan, "www.example.org TXT"), '300 "both"');
  assert.equal(lookUp(test.directory, "www.example.org A"), "300 192.0.2.1");
});

Deno.test("records of a view take the place of the others of their type, for its clients only", async () => {
  const lan = { name: "lan", has: (address: string) => address.startsWith("10.") };
  await using test = await withZone({ views: [lan] });
  const inLan = test.views.directoryFor("10.1.2.3");
  test.add(zone, "www A 192.0.2.1");
  test.add(zone, "www TXT both");
  assert.equal(lookUp(inLan, "www.example.org A"), "300 192.0.2.1");
  test.add(zone, "www A 10.0.0.1", { view: "lan" });
  test.add(zone, "nas CNAME www.example.org", { view: "lan" });
  for (
    const [query, general, own] of [
      ["www.example.org A", "300 192.0.2.1", "300 10.0.0.1"],
      ["www.example.org TXT", '300 "both"', '300 "both"'],
      ["nas.example.org A", "no_name", "cname www.example.org"],
    ] as const
  ) assert.deepEqual([lookUp(test.directory, query), lookUp(inLan, query)], [general, own], query);
  using second = test.open();
  assert.equal(lookUp(second.views.directoryFor("10.1.2.3"), "www.example.org A"), "300 10.0.0.1", "read at start");
  remove(test, "www", { type: "A" });
  assert.equal(lookUp(inLan, "www.example.org A"), "no_data");
  assert.throws(() => test.add(zone, "x A 192.0.2.1", { view: "wan" }), { field: "view" });

  test.editor.setViews(zone, ["lan"], by);
  assert.equal(lookUp(test.directory, "nas.example.org A"), "no zone");
  assert.equal(lookUp(inLan, "nas.example.org A"), "cname www.example.org");
});

Deno.test("each change of records leaves history and an audit row, in its own transaction", async () => {
  await using test = await withZone();
  test.add(zone, "www A 192.0.2.1");
  outcome(() => test.add(zone, "www CNAME a.example.org")); // refused: leaves none
  set(test, "www", "A", ["192.0.2.2"]);
  set(test, "www", "A", ["192.0.2.2"]); // changes nothing: leaves none
  remove(test, "www");
  assert.deepEqual(history(test), [
    "ada record.delete 2026112103 -www 300 A 192.0.2.2",
    "ada record.set 2026112102 -www 300 A 192.0.2.1 +www 300 A 192.0.2.2",
    "ada record.add 2026112101 +www 300 A 192.0.2.1",
    "ada zone.create 2026112100",
  ]);
  const { events } = test.audit.list({ page: { limit: 10, after: null } });
  assert.deepEqual(events.map(({ actor, remote, action, target, detail }) => [actor, remote, action, target, detail]), [
    ["ada", by.remote, "record.delete", "example.org", "serial 2026112103; -www A 192.0.2.2"],
    ["ada", by.remote, "record.set", "example.org", "serial 2026112102; -www A 192.0.2.1, +www A 192.0.2.2"],
    ["ada", by.remote, "record.add", "example.org", "serial 2026112101; +www A 192.0.2.1"],
    ["ada", by.remote, "zone.create", "example.org", "serial 2026112100"],
  ]);
});

Deno.test("ChangeStore.undo takes a change back as a change of its own, and refuses when things have moved on", async () => {
  await using test = await withZone();
  const newest = () => test.changes.list(zone, null, { limit: 1, before: null })[0]!;
  set(test, "www", "A", ["192.0.2.1", "192.0.2.2"]);
  set(test, "www", "A", ["192.0.2.2", "192.0.2.3"], 60);
  const change = newest();
  const undone = test.changes.undo(zone, change.id, by);
  assert.equal(lookUp(test.directory, "www.example.org A"), "300 192.0.2.1 192.0.2.2");
  assert.deepEqual([undone.action, undone.undoes], ["undo", change.id]);
  assert.equal(test.changes.get(zone, change.id).undoneBy, undone.id);
  assert.throws(() => test.changes.undo(zone, change.id, by), {
    code: "conflict",
    message: /www 60 A 192\.0\.2\.[23] has changed since or is gone$/,
  });
  test.changes.undo(zone, undone.id, by); // an undo is a change as well
  assert.equal(lookUp(test.directory, "www.example.org A"), "60 192.0.2.2 192.0.2.3");
  remove(test, "www");
  const gone = newest();
  test.add(zone, "www CNAME other.example.org");
  assert.throws(() => test.changes.undo(zone, gone.id, by), { code: "conflict" });
  assert.equal(lookUp(test.directory, "www.example.org A"), "cname other.example.org", "nothing half done");
  const created = test.changes.list(zone, null, { limit: 100, before: null }).at(-1)!;
  assert.throws(() => test.changes.undo(zone, created.id, by), { message: /"zone\.create" changed no records/ });
  assert.throws(() => test.changes.undo(zone, 999, by), { code: "not_found" });
});

Deno.test("on a full disk nothing changes, the error says so, and answers go on", async () => {
  await using test = await withZone();
  test.add(zone, "www A 192.0.2.1");
  // As far as SQLite is concerned: not a page more than there are.
  const { page_count } = test.db.prepare<{ page_count: number }>("PRAGMA page_count").get()!;
  test.db.prepare(`PRAGMA max_page_count = ${page_count}`).get();
  let added = 0;
  let refused: unknown;
  while (refused === undefined) {
    try {
      test.add(zone, `${"x".repeat(60)}${added} A 192.0.2.2`);
      added++;
    } catch (error) {
      refused = error;
    }
  }
  assert.equal((refused as { code: string }).code, "unavailable");
  assert.match((refused as Error).message, /is full: nothing was changed$/);
  assert.equal(serial(test), 2026112101 + added);
  assert.equal(lookUp(test.directory, `${"x".repeat(60)}${added}.example.org A`), "no_name");
  assert.equal(lookUp(test.directory, "www.example.org A"), "300 192.0.2.1");
  test.db.prepare("PRAGMA max_page_count = 1000000").get();
  assert.equal(outcome(() => test.add(zone, "after A 192.0.2.3")), "ok");
});
