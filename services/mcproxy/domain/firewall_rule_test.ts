import assert from "node:assert/strict";
import { type FirewallRuleInput, gateOf, parseFirewallRule } from "./firewall_rule.ts";

const block: FirewallRuleInput = {
  id: "bad-net",
  priority: 100,
  enabled: true,
  action: "block",
  listener: "",
  hostname: "",
  cidrs: ["192.0.2.0/24"],
  countries: [],
  userAgents: [],
  paths: [],
  rate: null,
  maxConnections: 0,
  note: "",
};
const limit: FirewallRuleInput = { ...block, action: "limit", rate: { perSecond: 5, burst: 10 } };
const parse = (input: FirewallRuleInput) => parseFirewallRule(input, ["https", "alt"]);

Deno.test("parseFirewallRule gives every field its one spelling", () => {
  const rule = parse({
    ...limit,
    listener: "alt",
    hostname: "*.Example.ORG",
    cidrs: ["2001:DB8:0::/48", "::ffff:10.0.0.0/104", "192.0.2.1/32"],
    countries: ["de", "??"],
    userAgents: ["*SqlMap*", ""],
    paths: ["/%61dmin*"],
    rate: { perSecond: 0.5, burst: 3 },
    note: "mañana",
  });
  assert.deepEqual(rule, {
    ...limit,
    listener: "alt",
    hostname: "*.example.org",
    cidrs: ["2001:db8::/48", "10.0.0.0/8", "192.0.2.1"],
    countries: ["DE", "??"],
    userAgents: ["*sqlmap*", ""],
    paths: ["/admin*"],
    rate: { perSecond: 0.5, burst: 3 },
    note: "mañana",
  });
  assert.deepEqual(parse(rule), rule);
});

Deno.test("parseFirewallRule refuses what breaks a rule, with the field, the rule, the value and what to do", () => {
  const rows: [change: Partial<FirewallRuleInput>, base: FirewallRuleInput, message: string, hint?: string][] = [
    [{ id: "" }, block, 'id: must be 1 to 63 letters a–z, digits and hyphens, got ""'],
    [{ id: "Bad Net" }, block, 'id: must be 1 to 63 letters a–z, digits and hyphens, got "Bad Net"'],
    [
      { id: "a".repeat(64) },
      block,
      `id: must be 1 to 63 letters a–z, digits and hyphens, got "${"a".repeat(64)}"`,
    ],
    [{ priority: -1 }, block, "priority: must be a whole number from 0 to 65535, got -1"],
    [{ priority: 65_536 }, block, "priority: must be a whole number from 0 to 65535, got 65536"],
    [{ priority: 1.5 }, block, "priority: must be a whole number from 0 to 65535, got 1.5"],
    [{ priority: NaN }, block, "priority: must be a whole number from 0 to 65535, got NaN"],
    [{ action: "deny" }, block, 'action: must be "allow", "block" or "limit", got "deny"'],
    [
      { listener: "http" },
      block,
      'listener: must be one of https, alt, or empty for all, got "http"',
      'Listeners are "[[listeners]]" in mcproxy.toml',
    ],
    [{ hostname: "a..b" }, block, 'hostname: must be a DNS name such as "hello.example.org", got "a..b"'],
    [{ hostname: "*" }, block, 'hostname: must be a DNS name such as "hello.example.org", got "*"'],
    [{ hostname: "a.*.b" }, block, 'hostname: must be a DNS name such as "hello.example.org", got "a.*.b"'],
    [
      { cidrs: ["192.0.2.1/24"] },
      block,
      'cidrs: must have no bits set behind the prefix, got "192.0.2.1/24"',
      "Write 192.0.2.0/24 for the network, or 192.0.2.1 for that address alone",
    ],
    [{ cidrs: ["192.0.2.1", "192.0.2.1/32"] }, block, 'cidrs: "192.0.2.1" is listed twice'],
    [
      { cidrs: new Array<string>(10_001).fill("192.0.2.1") },
      block,
      "cidrs: takes at most 10000, got 10001",
      "Divide them among several rules",
    ],
    [
      { countries: ["UK"] },
      block,
      'countries: must be a two-letter code of ISO 3166-1, or "??" for unknown, got "UK"',
      'Write "GB"',
    ],
    [
      { countries: ["Germany"] },
      block,
      'countries: must be a two-letter code of ISO 3166-1, or "??" for unknown, got "Germany"',
      'Write "DE" for Germany, "GB" for the United Kingdom',
    ],
    [{ countries: ["DE", "de"] }, block, 'countries: "DE" is listed twice'],
    [{ userAgents: ["é"] }, block, 'user_agents: must be printable ASCII, got "é"', "Put ? for other characters"],
    [{ userAgents: ["a\nb"] }, block, 'user_agents: must be printable ASCII, got "a\\nb"'],
    [{ userAgents: ["a".repeat(257)] }, block, "user_agents: takes patterns of at most 256 characters, got 257"],
    [{ userAgents: ["*Bot*", "*bot*"] }, block, 'user_agents: "*bot*" is listed twice'],
    [
      { paths: ["admin"] },
      block,
      'paths: must begin with "/" or "*", got "admin"',
      'Write "/admin*" for what begins with /admin, "*.php" for what ends in .php, "*" for every path',
    ],
    [
      { paths: ["/x/../admin"] },
      block,
      'paths: must have no empty, "." or ".." segment, got "/x/../admin"',
      "Paths are compared after these are resolved: write the path that is meant",
    ],
    [
      { rate: { perSecond: 1, burst: 1 } },
      block,
      'rate: is for rules with action "limit", got it with "block"',
      'Use action = "limit", and a rule of its own for the rest',
    ],
    [{ maxConnections: 1 }, block, 'max_connections: is for rules with action "limit", got it with "block"'],
    [{ rate: null }, limit, 'rate: must be given, or max_connections, in a rule with action "limit"'],
    [
      { rate: { perSecond: 0, burst: 1 } },
      limit,
      "rate.per_second: must be from 0.000012 (one a day) to 1000000, got 0",
    ],
    [
      { rate: { perSecond: NaN, burst: 1 } },
      limit,
      "rate.per_second: must be from 0.000012 (one a day) to 1000000, got NaN",
    ],
    [{ rate: { perSecond: 1, burst: 0 } }, limit, "rate.burst: must be a whole number from 1 to 1000000, got 0"],
    [{ maxConnections: -1 }, limit, "max_connections: must be a whole number from 0 to 1000000, got -1"],
    [
      { maxConnections: 5, paths: ["/x"] },
      limit,
      "max_connections: goes with listener, cidrs and countries only, got it with a hostname, path or agent",
      "Connections are counted when they are accepted, before a name or a path is known; use a rate there",
    ],
    [{ note: "a\nb" }, block, 'note: must be one line of at most 500 characters, got 3: "a\\nb"'],
  ];
  for (const [change, base, message, hint] of rows) {
    const expected = { code: "invalid", message, ...(hint === undefined ? {} : { hint }) };
    assert.throws(() => parse({ ...base, ...change }), expected);
  }
});

Deno.test("gateOf is the earliest gate at which all fields of a rule are known", () => {
  const rows: [change: Partial<FirewallRuleInput>, gate: string][] = [
    [{}, "connection"],
    [{ listener: "https", countries: ["DE"] }, "connection"],
    [{ hostname: "a.test" }, "hello"],
    [{ paths: ["*"] }, "request"],
    [{ userAgents: [""] }, "request"],
    [{ hostname: "a.test", paths: ["*"] }, "request"],
  ];
  for (const [change, gate] of rows) assert.equal(gateOf(parse({ ...block, ...change })), gate);
});
