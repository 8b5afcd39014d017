/**
 * `explain`, the three gates, and what README.md says agree: the last is written down here once more, in the plainest
 * way, with texts compared bit by bit and character by character.
 */
import assert from "node:assert/strict";
import { FakeClock } from "@lib/clock/mod.ts";
import { seeded } from "@lib/testing/mod.ts";
import { type FirewallRule, type FirewallRuleInput, parseFirewallRule } from "../domain/firewall_rule.ts";
import { pathReadings } from "../domain/request_path.ts";
import type { CountryDatabase } from "./country_reader.ts";
import { Firewall } from "./firewall.ts";

const listeners = ["https", "alt"];
/** With the address's bits; the first two are one IPv6 client. */
const clients: Record<string, { bits: string; client: string; country: string }> = {
  "2001:db8::1": { bits: `6${bitsOf(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)}`, client: "a", country: "CH" },
  "2001:db8::2": { bits: `6${bitsOf(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2)}`, client: "a", country: "CH" },
  "2001:db8:0:1::1": { bits: `6${bitsOf(0x2001, 0xdb8, 0, 1, 0, 0, 0, 1)}`, client: "b", country: "??" },
  "192.0.2.1": { bits: `4${bitsOf(0xc000, 0x0201)}`, client: "c", country: "DE" },
  "::ffff:192.0.2.1": { bits: `4${bitsOf(0xc000, 0x0201)}`, client: "c", country: "DE" },
  "192.0.2.130": { bits: `4${bitsOf(0xc000, 0x0282)}`, client: "d", country: "DE" },
  "10.1.2.3": { bits: `4${bitsOf(0x0a01, 0x0203)}`, client: "e", country: "FR" },
};
const networks: Record<string, string> = {
  "192.0.2.0/24": `4${bitsOf(0xc000, 0x0200).slice(0, 24)}`,
  "192.0.2.128/25": `4${bitsOf(0xc000, 0x0280).slice(0, 25)}`,
  "192.0.2.1": `4${bitsOf(0xc000, 0x0201)}`,
  "0.0.0.0/0": "4",
  "10.0.0.0/8": `4${bitsOf(0x0a00).slice(0, 8)}`,
  "2001:db8::/32": `6${bitsOf(0x2001, 0xdb8)}`,
  "2001:db8::2": `6${bitsOf(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2)}`,
  "::/0": "6",
};
const hostnames = ["", "example.org", "a.example.org", "b.a.example.org"];
const paths = ["/", "/admin", "/%61dmin?x", "//admin", "/x/../admin", "/admin/..%2fpublic/a", "/public/a", "/a.php"];
const agents = ["", "curl/8.0", "Mozilla/5.0 (GoogleBot)", "sqlMap"];

function bitsOf(...groups: number[]): string {
  return groups.map((group) => group.toString(2).padStart(16, "0")).join("");
}

const countries: CountryDatabase = {
  ready: true,
  country: ({ family, words }) => {
    const bits = family === 4
      ? `4${bitsOf(words[3] >>> 16, words[3] & 0xffff)}`
      : `6${bitsOf(...words.flatMap((word) => [word >>> 16, word & 0xffff]))}`;
    return Object.values(clients).find((client) => client.bits === bits)!.country;
  },
};

interface Visit {
  listener: string;
  address: string;
  hostname: string;
  path: string;
  userAgent: string;
}

/** README.md in code: no order but the list's, no state but two maps. */
class Naive {
  readonly #rules: FirewallRule[];
  readonly #tokens = new Map<string, { tokens: number; at: number }>();
  readonly open = new Map<string, number>();

  constructor(rules: readonly FirewallRule[]) {
    this.#rules = rules.toSorted((a, b) =>
      a.priority === b.priority ? (a.id < b.id ? -1 : 1) : a.priority - b.priority
    );
  }

  visit(visit: Visit, now: number): string {
    for (const gate of [0, 1, 2]) {
      for (const rule of this.#rules) {
        const own = rule.paths.length + rule.userAgents.length > 0 ? 2 : rule.hostname === "" ? 0 : 1;
        const isRead = rule.enabled && (rule.action === "limit" ? own === gate : own <= gate);
        if (!isRead || !matches(rule, visit)) continue;
        if (rule.action === "block") return `${rule.id} 403`;
        if (rule.action === "allow") break;
        const { client } = clients[visit.address]!;
        if (rule.maxConnections > 0 && (this.open.get(client) ?? 0) >= rule.maxConnections) return `${rule.id} 429`;
        if (rule.rate !== null && !this.#take(`${rule.id} ${client}`, rule.rate, now)) return `${rule.id} 429`;
      }
    }
    return "ok";
  }

  #take(key: string, { perSecond, burst }: { perSecond: number; burst: number }, now: number): boolean {
    const bucket = this.#tokens.get(key) ?? { tokens: burst, at: now };
    const tokens = Math.min(burst, bucket.tokens + (now - bucket.at) * perSecond / 1000);
    this.#tokens.set(key, { tokens: tokens >= 1 ? tokens - 1 : tokens, at: now });
    return tokens >= 1;
  }
}

function matches(rule: FirewallRule, { listener, address, hostname, path, userAgent }: Visit): boolean {
  const { bits, country } = clients[address]!;
  const any = <T>(list: readonly T[], holds: (item: T) => boolean) => list.length === 0 || list.some(holds);
  const readings = pathReadings(path);
  const covers = (reading: string) => any(rule.paths, (pattern) => glob(pattern, reading));
  return (rule.listener === "" || rule.listener === listener) &&
    any(rule.cidrs, (cidr) => bits.startsWith(networks[cidr]!)) &&
    any(rule.countries, (code) => code === country) &&
    (rule.hostname === "" || rule.hostname === hostname ||
      (rule.hostname.startsWith("*.") && rule.hostname.slice(2) === hostname.split(".").slice(1).join(".") &&
        hostname !== "")) &&
    any(rule.userAgents, (pattern) => glob(pattern, userAgent.toLowerCase())) &&
    (rule.action === "allow" ? readings.every(covers) : readings.some(covers));
}

function glob(pattern: string, text: string): boolean {
  if (pattern === "") return text === "";
  if (pattern[0] === "*") return glob(pattern.slice(1), text) || (text !== "" && glob(pattern, text.slice(1)));
  return text !== "" && (pattern[0] === "?" || pattern[0] === text[0]) && glob(pattern.slice(1), text.slice(1));
}

Deno.test("Firewall: explain, the gates and the naive reading agree for 5,000 generated sets of rules and 40,000 visits", () => {
  const below = seeded(20_261_121);
  const one = <T>(list: readonly T[]): T => list[below(list.length)]!;
  const some = <T>(list: readonly T[], odds: number): T[] =>
    below(odds) > 0 ? [] : [...new Set([one(list), one(list)])];
  const generated = (id: number): FirewallRuleInput => {
    const action = one(["allow", "block", "block", "limit"]);
    const hostname = below(2) === 0 ? one(["example.org", "a.example.org", "*.example.org"]) : "";
    const rulePaths = some(["*", "/admin*", "/public/*", "*.php", "/?dmin", "/admin/*"], 3);
    const userAgents = some(["*bot*", "", "curl/?.*", "*sql*"], 4);
    const isEarly = hostname === "" && rulePaths.length + userAgents.length === 0;
    return {
      id: `r${id}`,
      priority: below(5),
      enabled: below(10) > 0,
      action,
      listener: below(4) === 0 ? one(listeners) : "",
      hostname,
      cidrs: some(Object.keys(networks), 2),
      countries: some(["DE", "CH", "FR", "??"], 4),
      userAgents,
      paths: rulePaths,
      rate: action === "limit" ? { perSecond: one([0.1, 1, 4]), burst: 1 + below(3) } : null,
      maxConnections: action === "limit" && isEarly ? below(3) : 0,
      note: "",
    };
  };
  const outcomes = new Map<string, number>();
  for (let set = 0; set < 5000; set++) {
    const rules = Array.from({ length: 1 + below(8) }, (_, id) => parseFirewallRule(generated(id), listeners));
    const clock = new FakeClock();
    const firewall = new Firewall({ clock, country: countries, limits: { maxBuckets: 1000 } });
    firewall.replace(rules);
    const naive = new Naive(rules);
    // A few who come again, so that limits are reached.
    const [comers, names] = [[one(Object.keys(clients)), one(Object.keys(clients))], [one(hostnames), one(hostnames)]];
    for (let i = 0; i < 8; i++) {
      const visit: Visit = {
        listener: one(listeners),
        address: one(comers),
        hostname: one(names),
        path: one(paths),
        userAgent: one(agents),
      };
      const text = () => JSON.stringify({ rules, visit, explained }, null, 1);
      const explained = firewall.explain(visit);
      let verdict = firewall.connection(visit);
      if (verdict.allowed) verdict = firewall.hello(visit);
      if (verdict.allowed) verdict = firewall.request(visit);
      assert.deepEqual(explained.verdict, verdict, text());
      const outcome = verdict.allowed ? "ok" : `${verdict.rule} ${verdict.status}`;
      assert.equal(outcome, naive.visit(visit, clock.monotonic()), text());
      // The last step says the same as the verdict.
      const last = explained.steps.at(-1);
      assert.equal(verdict.allowed, last?.outcome !== "block" && last?.outcome !== "over", text());
      const kind = verdict.allowed ? "ok" : `${explained.steps.at(-1)!.gate} ${verdict.status}`;
      outcomes.set(kind, (outcomes.get(kind) ?? 0) + 1);
      if (verdict.allowed && below(2) === 0) {
        firewall.opened(visit.address);
        const { client } = clients[visit.address]!;
        naive.open.set(client, (naive.open.get(client) ?? 0) + 1);
      }
      clock.advance(below(700));
    }
  }
  // Every kind of outcome was among them.
  const kinds = ["connection", "hello", "request"].flatMap((gate) => [`${gate} 403`, `${gate} 429`]);
  for (const kind of ["ok", ...kinds]) assert.ok((outcomes.get(kind) ?? 0) > 100, `${kind}: ${outcomes.get(kind)}`);
});
