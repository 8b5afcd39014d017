import assert from "node:assert/strict";
import { FakeClock, systemClock } from "@lib/clock/mod.ts";
import { type FirewallRuleInput, parseFirewallRule } from "../domain/firewall_rule.ts";
import { formatIp } from "../domain/ip_address.ts";
import type { CountryDatabase } from "./country_reader.ts";
import { Firewall } from "./firewall.ts";

const blank: FirewallRuleInput = {
  id: "rule",
  priority: 100,
  enabled: true,
  action: "block",
  listener: "",
  hostname: "",
  cidrs: [],
  countries: [],
  userAgents: [],
  paths: [],
  rate: null,
  maxConnections: 0,
  note: "",
};

const countries: CountryDatabase = {
  ready: true,
  country: (address) => formatIp(address).startsWith("198.51.100.") ? "DE" : "??",
};

const made = (changes: Partial<FirewallRuleInput>[]) =>
  changes.map((change, i) => parseFirewallRule({ ...blank, id: `r${i + 1}`, ...change }, ["https", "alt"]));

function firewallOf(...changes: Partial<FirewallRuleInput>[]): Firewall & { clock: FakeClock } {
  const clock = new FakeClock();
  const firewall = new Firewall({ clock, country: countries, limits: { maxBuckets: 100 } });
  firewall.replace(made(changes));
  return Object.assign(firewall, { clock });
}

interface Visit {
  listener?: string;
  address?: string;
  hostname?: string;
  path?: string;
  userAgent?: string;
}

/** "ok", or the gate, rule and status of the refusal; and `explain`, asked first, says the same. */
function visit(firewall: Firewall, change: Visit = {}): string {
  const facts = {
    listener: "https",
    address: "192.0.2.1",
    hostname: "a.example.org",
    path: "/",
    userAgent: "curl/8.0",
    ...change,
  };
  const explained = firewall.explain(facts).verdict;
  for (const gate of ["connection", "hello", "request"] as const) {
    const verdict = firewall[gate](facts);
    if (verdict.allowed) continue;
    assert.deepEqual(explained, verdict);
    return `${gate} ${verdict.rule} ${verdict.status}`;
  }
  assert.deepEqual(explained, { allowed: true });
  return "ok";
}

Deno.test("Firewall: each field of a rule must match, an empty one matches all", () => {
  const rows: [rule: Partial<FirewallRuleInput>, meets: Visit, misses: Visit[], gate: string][] = [
    [{}, {}, [], "connection"],
    [{ listener: "https" }, {}, [{ listener: "alt" }], "connection"],
    [{ cidrs: ["192.0.2.0/24"] }, {}, [{ address: "192.0.3.1" }, { address: "::1" }, { address: "" }], "connection"],
    [{ cidrs: ["192.0.2.0/24"] }, { address: "::ffff:192.0.2.9" }, [], "connection"],
    [{ cidrs: ["fe80::/10"] }, { address: "fe80::1%eth0" }, [], "connection"],
    [{ countries: ["DE"] }, { address: "198.51.100.1" }, [{}], "connection"],
    [{ countries: ["DE", "??"] }, {}, [{ address: "no address" }], "connection"],
    [{ hostname: "a.example.org" }, {}, [{ hostname: "b.example.org" }, { hostname: "" }], "hello"],
    [{ hostname: "*.example.org" }, {}, [{ hostname: "example.org" }, { hostname: "x.a.example.org" }], "hello"],
    [{ paths: ["/admin*"] }, { path: "/x/..//%61dmin?q" }, [{ path: "/" }, { path: "/x?/admin" }], "request"],
    [{ paths: ["*"] }, { path: "*" }, [], "request"],
    [{ userAgents: ["*SQLMap*"] }, { userAgent: "x sqlMAP/1" }, [{}], "request"],
    [{ userAgents: [""] }, { userAgent: "" }, [{}], "request"],
    [
      { userAgents: ["curl*"], paths: ["/x"], hostname: "a.example.org", cidrs: ["192.0.2.1"], listener: "https" },
      { path: "/x" },
      [{}, { path: "/x", userAgent: "wget" }, { path: "/x", address: "192.0.2.2" }, { path: "/x", hostname: "b.test" }],
      "request",
    ],
  ];
  for (const [rule, meets, misses, gate] of rows) {
    const firewall = firewallOf(rule);
    assert.equal(visit(firewall, meets), `${gate} r1 403`, JSON.stringify(rule));
    for (const miss of misses) assert.equal(visit(firewall, miss), "ok", JSON.stringify([rule, miss]));
  }
});

Deno.test("Firewall: at one gate the first allow or block by priority, then id, decides", () => {
  const net = { cidrs: ["192.0.2.0/24"] };
  const rows: [rules: Partial<FirewallRuleInput>[], outcome: string][] = [
    [[{ ...net, action: "allow" }, {}], "ok"],
    [[{}, { ...net, action: "allow" }], "connection r1 403"],
    [[{ priority: 2 }, { priority: 1, action: "allow" }], "ok"],
    [[{ priority: 2, action: "allow" }, { priority: 1 }], "connection r2 403"],
    [[{ enabled: false }], "ok"],
    [[{ id: "b" }, { id: "a", action: "allow" }], "ok"],
  ];
  for (const [rules, outcome] of rows) assert.equal(visit(firewallOf(...rules)), outcome, JSON.stringify(rules));
});

Deno.test("Firewall: across gates, as README.md's examples say", () => {
  const office = { action: "allow", cidrs: ["192.0.2.0/24"] };
  const rows: [rules: Partial<FirewallRuleInput>[], visit: Visit, outcome: string][] = [
    // An allow at accept holds for what comes after it in the order, at all gates.
    [[{ ...office, priority: 1 }, { priority: 2, paths: ["/admin*"] }], { path: "/admin" }, "ok"],
    [
      [{ ...office, priority: 1 }, { priority: 2, paths: ["/admin*"] }],
      { path: "/admin", address: "10.0.0.1" },
      "request r2 403",
    ],
    // It doesn't for what comes before it.
    [[{ ...office, priority: 2 }, { priority: 1, paths: ["/admin*"] }], { path: "/admin" }, "request r2 403"],
    // A block at accept doesn't wait for an allow that needs a path.
    [[{ priority: 1, action: "allow", paths: ["/health"] }, { priority: 2 }], { path: "/health" }, "connection r2 403"],
    // Unless it is made to.
    [[{ priority: 1, action: "allow", paths: ["/health"] }, { priority: 2, paths: ["*"] }], { path: "/health" }, "ok"],
    [[{ priority: 1, action: "allow", paths: ["/health"] }, { priority: 2, paths: ["*"] }], {}, "request r2 403"],
    // An allow of a name doesn't undo the block of an address.
    [[{ priority: 1, action: "allow", hostname: "a.example.org" }, { priority: 2 }], {}, "connection r2 403"],
  ];
  for (const [rules, facts, outcome] of rows) {
    assert.equal(visit(firewallOf(...rules), facts), outcome, JSON.stringify(rules));
  }
});

Deno.test("Firewall: a new block of an address holds for the next request of a connection that is open", () => {
  const firewall = firewallOf({ action: "limit", paths: ["*"], rate: { perSecond: 1, burst: 5 } });
  const facts = { listener: "https", address: "192.0.2.1", hostname: "", path: "/", userAgent: "" };
  assert.deepEqual(firewall.request(facts), { allowed: true });
  firewall.replace(made([{ id: "r2", cidrs: ["192.0.2.1"] }]));
  const verdict = firewall.request(facts);
  assert.ok(!verdict.allowed && verdict.rule === "r2");
  assert.equal(firewall.hits("r2")?.blocked, 1);
});

Deno.test("Firewall: limits count connections at the first gates, requests at the last, per client", () => {
  const rate = { perSecond: 1, burst: 2 };
  const connections = firewallOf({ action: "limit", rate });
  assert.deepEqual([1, 2, 3].map(() => visit(connections)), ["ok", "ok", "connection r1 429"]);
  assert.equal(visit(connections, { address: "192.0.2.2" }), "ok");
  connections.clock.advance(1000);
  assert.deepEqual([1, 2].map(() => visit(connections)), ["ok", "connection r1 429"]);

  const requests = firewallOf({ action: "limit", rate: { perSecond: 0.1, burst: 2 }, paths: ["/login"] });
  const facts = { listener: "https", address: "192.0.2.1", hostname: "", path: "/login", userAgent: "" };
  assert.deepEqual(requests.connection(facts), { allowed: true });
  assert.deepEqual([1, 2, 3].map(() => requests.request(facts).allowed), [true, true, false]);
  const refused = requests.request(facts);
  assert.deepEqual(refused, {
    allowed: false,
    rule: "r1",
    reason: 'more than 0.1 requests a second (and 2 at once) of one client: rule "r1"',
    status: 429,
    retryAfterSeconds: 10,
  });
  assert.ok(requests.request({ ...facts, path: "/" }).allowed);

  // Those whom an allow has let through before aren't counted, and those whom nothing has are, block or not.
  const exempt = firewallOf(
    { priority: 1, action: "allow", cidrs: ["192.0.2.0/24"] },
    { priority: 2, action: "limit", rate: { perSecond: 1, burst: 1 } },
  );
  assert.deepEqual([1, 2, 3].map(() => visit(exempt)), ["ok", "ok", "ok"]);
  assert.deepEqual([1, 2].map(() => visit(exempt, { address: "10.0.0.1" })), ["ok", "connection r2 429"]);
});

Deno.test("Firewall: at most so many connections of one client at once", () => {
  const firewall = firewallOf({ action: "limit", maxConnections: 2 });
  const connect = (address: string) => {
    const outcome = visit(firewall, { address });
    if (outcome === "ok") firewall.opened(address);
    return outcome;
  };
  assert.deepEqual(["192.0.2.1", "192.0.2.1", "192.0.2.1"].map(connect), ["ok", "ok", "connection r1 429"]);
  assert.deepEqual(["2001:db8::1", "2001:db8::2", "2001:db8::3"].map(connect), ["ok", "ok", "connection r1 429"]);
  assert.equal(firewall.clients, 2);
  firewall.closed("::ffff:192.0.2.1");
  assert.equal(connect("192.0.2.1"), "ok");
  firewall.closed("192.0.2.1");
  firewall.closed("192.0.2.1");
  // Once too often.
  firewall.closed("192.0.2.1");
  assert.equal(firewall.clients, 1);
});

Deno.test("Firewall: what is too long to be compared counts against the client", () => {
  const long = "a".repeat(8193);
  const refusing = firewallOf({ paths: ["/admin"] });
  assert.equal(visit(refusing, { path: `/${long}` }), "request r1 403");
  assert.equal(visit(refusing, { path: `/?${long}` }), "ok");
  assert.equal(visit(firewallOf({ userAgents: ["*bot*"] }), { userAgent: long }), "request r1 403");
  const letting = firewallOf(
    { priority: 1, action: "allow", paths: ["*"], userAgents: ["*"] },
    { priority: 2, paths: ["*"] },
  );
  assert.equal(visit(letting), "ok");
  assert.equal(visit(letting, { path: `/${long}` }), "request r2 403");
  assert.equal(visit(letting, { userAgent: long }), "request r2 403");
});

Deno.test("Firewall.replace keeps counters and buckets of the rules that stay", () => {
  const limit: Partial<FirewallRuleInput> = { id: "l", action: "limit", rate: { perSecond: 0.001, burst: 1 } };
  const firewall = firewallOf(limit, { id: "b", priority: 200, cidrs: ["10.0.0.0/8"] });
  assert.equal(visit(firewall), "ok");
  assert.equal(visit(firewall), "connection l 429");
  firewall.replace(made([{ ...limit, priority: 7, note: "changed" }]));
  assert.equal(visit(firewall), "connection l 429");
  assert.deepEqual({ ...firewall.hits("l") }, { hits: 3, allowed: 0, blocked: 0, limited: 2 });
  assert.equal(firewall.hits("b"), null);
  // Disabled for a while.
  firewall.replace(made([{ ...limit, enabled: false }]));
  assert.equal(visit(firewall), "ok");
  firewall.replace(made([limit]));
  assert.equal(visit(firewall), "connection l 429");
  // Gone, and new under the old name.
  firewall.replace([]);
  assert.equal(firewall.hits("l"), null);
  firewall.replace(made([limit]));
  assert.equal(visit(firewall), "ok");
  assert.equal(firewall.hits("l")?.hits, 1);
});

Deno.test("Firewall.replace reads networks by what rules say now, also of rules that share a list", () => {
  const [one] = made([{ cidrs: ["192.0.2.0/24"] }]) as [ReturnType<typeof parseFirewallRule>];
  const [narrow] = made([{ id: "narrow", cidrs: ["192.0.2.1"] }]) as [ReturnType<typeof parseFirewallRule>];
  const firewall = firewallOf();
  const rows: [rules: typeof one[], outcome: string][] = [
    [[one], "connection r1 403"],
    [[{ ...one, id: "r0", action: "allow" }, one], "ok"],
    [[{ ...one, id: "r0", action: "allow", cidrs: ["10.0.0.0/8"] }, one], "connection r1 403"],
    [[{ ...narrow, enabled: false }, one], "connection r1 403"],
    [[narrow, one], "connection narrow 403"],
    [[{ ...narrow, priority: 200 }, one], "connection r1 403"],
    [[{ ...narrow, cidrs: [] }], "connection narrow 403"],
    [[], "ok"],
  ];
  for (const [rules, outcome] of rows) {
    firewall.replace(rules);
    assert.equal(visit(firewall), outcome);
  }
});

Deno.test("Firewall.hits counts each connection or request once, by what became of it", () => {
  const firewall = firewallOf(
    { id: "office", priority: 1, action: "allow", cidrs: ["192.0.2.0/24"] },
    { id: "bots", priority: 2, userAgents: ["*bot*"] },
  );
  for (let i = 0; i < 3; i++) visit(firewall, { userAgent: "bot" });
  for (let i = 0; i < 2; i++) visit(firewall, { userAgent: "bot", address: "10.0.0.1" });
  assert.deepEqual({ ...firewall.hits("office") }, { hits: 3, allowed: 3, blocked: 0, limited: 0 });
  assert.deepEqual({ ...firewall.hits("bots") }, { hits: 2, allowed: 0, blocked: 2, limited: 0 });
});

Deno.test("Firewall without a country database: no rule with countries matches, and the health says so", () => {
  const firewall = new Firewall({ clock: new FakeClock(), country: null, limits: { maxBuckets: 1 } });
  assert.deepEqual(firewall.problems, []);
  firewall.replace(made([{ countries: ["??"] }, { countries: ["DE"], enabled: false }]));
  assert.equal(visit(firewall), "ok");
  assert.deepEqual(firewall.problems, [
    'firewall: without a country database r1 match nothing; set "[firewall] country_db"',
  ]);
});

Deno.test("Firewall.explain says rule by rule what happens and why", () => {
  const firewall = firewallOf(
    { id: "office", priority: 1, action: "allow", cidrs: ["198.51.100.0/28"] },
    { id: "alt", priority: 2, listener: "alt" },
    { id: "abroad", priority: 3, countries: ["FR", "IT"] },
    { id: "often", priority: 4, action: "limit", rate: { perSecond: 5, burst: 10 }, maxConnections: 3 },
    { id: "other", priority: 5, hostname: "b.example.org" },
    { id: "bots", priority: 6, userAgents: ["*bot*", ""] },
    { id: "admin", priority: 7, paths: ["/admin*"] },
    { id: "never", priority: 8, paths: ["*"] },
  );
  const question = {
    listener: "https",
    address: "198.51.100.77",
    hostname: "a.example.org",
    path: "//%61dmin",
    userAgent: "Curl/8",
  };
  const { verdict, steps, country, paths } = firewall.explain(question);
  assert.deepEqual(verdict, {
    allowed: false,
    rule: "admin",
    reason: 'blocked by rule "admin"',
    status: 403,
    retryAfterSeconds: 0,
  });
  assert.equal(country, "DE");
  assert.deepEqual(paths, ["//admin", "/admin"]);
  const three = (gate: string) => [
    `${gate} office: no_match: 198.51.100.77 is in none of 198.51.100.0/28`,
    `${gate} alt: no_match: it is for listener alt`,
    `${gate} abroad: no_match: country DE is none of FR, IT`,
  ];
  assert.deepEqual(steps.map(({ gate, rule, outcome, why }) => `${gate} ${rule}: ${outcome}: ${why}`), [
    ...three("connection"),
    "connection often: within: 0 of 3 connections open",
    "connection often: within: 10.0 of 10 left, 5 more each second",
    ...three("hello"),
    'hello other: no_match: it is for b.example.org, not for "a.example.org"',
    ...three("request"),
    'request other: no_match: it is for b.example.org, not for "a.example.org"',
    'request bots: no_match: "curl/8": not covered by "*bot*", ""',
    "request admin: block: all of its fields match",
  ]);
  assert.deepEqual(new Set(firewall.explain({ ...question, hostname: null }).steps.map(({ gate }) => gate)).size, 1);
  assert.deepEqual(new Set(firewall.explain({ ...question, path: null }).steps.map(({ gate }) => gate)).size, 2);
  assert.deepEqual({ ...firewall.hits("admin") }, { hits: 0, allowed: 0, blocked: 0, limited: 0 });
});

/** The best of many rounds, microseconds a call: what the work takes when nothing disturbs. */
function microseconds(call: (i: number) => unknown): number {
  const calls = 5000;
  let best = Infinity;
  for (let round = 0; round < 60; round++) {
    const before = performance.now();
    for (let i = 0; i < calls; i++) call(i);
    best = Math.min(best, (performance.now() - before) / calls * 1000);
  }
  return best;
}

Deno.test("Firewall: no rules cost next to nothing, 50 mixed ones a look at each", () => {
  const firewall = new Firewall({ clock: systemClock, country: countries, limits: { maxBuckets: 100_000 } });
  const addresses = Array.from({ length: 256 }, (_, i) => i % 8 === 0 ? `2001:db8::${i}` : `10.${i}.7.${i}`);
  const userAgent = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
  const facts = addresses.map((address) => ({
    listener: "https",
    address,
    hostname: "a.example.org",
    path: "/api/v1/things/17?full=1",
    userAgent,
  }));
  const verdicts = {
    connection: (i: number) => firewall.connection(facts[i & 255]!),
    hello: (i: number) => firewall.hello(facts[i & 255]!),
    request: (i: number) => firewall.request(facts[i & 255]!),
  };
  for (const [gate, call] of Object.entries(verdicts)) {
    const took = microseconds(call);
    // Twenty times what it takes, and more: a bound on the kind of work, not on the machine.
    assert.ok(took < 5, `no rules, ${gate}: ${took} µs`);
  }
  const kinds: ((i: number) => Partial<FirewallRuleInput>)[] = [
    (i) => ({ cidrs: Array.from({ length: 200 }, (_, n) => `172.${i}.${n}.0/24`) }),
    (i) => ({ action: "allow", cidrs: [`192.168.${i}.0/24`], hostname: "a.example.org" }),
    () => ({ countries: ["FR", "IT"] }),
    () => ({ action: "limit", rate: { perSecond: 1_000_000, burst: 1_000_000 } }),
    (i) => ({ hostname: `h${i}.example.org`, action: "limit", rate: { perSecond: 1, burst: 1 } }),
    (i) => ({ userAgents: [`*bot${i}*`] }),
    (i) => ({ userAgents: [`*scan?er${i}*`], listener: "https" }),
    (i) => ({ paths: [`/admin${i}*`, `*.php${i}`] }),
    (i) => ({ paths: [`/login${i}`], action: "limit", rate: { perSecond: 1, burst: 1 } }),
    () => ({ listener: "alt" }),
  ];
  firewall.replace(made(Array.from({ length: 50 }, (_, i) => kinds[i % kinds.length]!(i))));
  for (const [gate, call] of Object.entries(verdicts)) {
    const took = microseconds(call);
    assert.ok(took < 100, `50 rules, ${gate}: ${took} µs`);
  }
});
