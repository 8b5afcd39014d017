/**
 * Rules made ready for reading: sorted, divided among the gates, their networks in one table, their patterns compiled.
 * @module
 */
import { type Cidr, compareCidrs, parseCidr } from "../domain/cidr.ts";
import { compareRules, type FirewallRule, type Gate, gateOf, gates } from "../domain/firewall_rule.ts";
import { compileGlob, type Glob } from "../domain/glob.ts";
import { nameCovers } from "../domain/hostname.ts";
import { maxComparedLength } from "../domain/request_path.ts";
import { CidrTable, hasOwner } from "./cidr_table.ts";
import type { Subject } from "./subject.ts";

/** The field that keeps a rule from matching. */
export type Mismatch = "listener" | "address" | "country" | "hostname" | "path" | "user_agent";

/** What becomes of a connection or request. */
export type Verdict = { readonly allowed: true } | Refusal;

export interface Refusal {
  readonly allowed: false;
  /** Id of the rule. */
  readonly rule: string;
  /** For the log and `explain`; not for the client. */
  readonly reason: string;
  readonly status: 403 | 429;
  /** For Retry-After, seconds; 0 when waiting doesn't help. */
  readonly retryAfterSeconds: number;
}

/** What has happened by a rule since it was made. */
export class RuleCounters {
  /** Times that it matched: at its own gate, or refusing at a later one. */
  hits = 0;
  /** Hits by what became of them; a limit that wasn't reached is in none of these. */
  allowed = 0;
  blocked = 0;
  limited = 0;
}

/** What a rule keeps when the rules are replaced. */
export interface RuleState {
  /** Stands for the rule in the buckets; never used again. */
  readonly number: number;
  readonly counters: RuleCounters;
}

/** One rule as it is read. */
export class CompiledRule {
  readonly gate: Gate;
  readonly blocks: Refusal;
  readonly tooOften: Refusal;
  readonly tooMany: Refusal;
  readonly #countries: ReadonlySet<string> | null;
  readonly #userAgents: readonly Glob[];
  readonly #paths: readonly Glob[];

  /** @param owner the rule's number in the table of networks; -1 when it has none */
  constructor(readonly rule: FirewallRule, readonly state: RuleState, readonly owner: number) {
    const { id, rate, maxConnections } = rule;
    this.gate = gateOf(rule);
    this.#countries = rule.countries.length === 0 ? null : new Set(rule.countries);
    this.#userAgents = rule.userAgents.map(compileGlob);
    this.#paths = rule.paths.map(compileGlob);
    const refusal = (status: 403 | 429, retryAfterSeconds: number, reason: string): Refusal => ({
      allowed: false,
      rule: id,
      reason,
      status,
      retryAfterSeconds,
    });
    const what = this.gate === "request" ? "requests" : "connections";
    this.blocks = refusal(403, 0, `blocked by rule "${id}"`);
    this.tooOften = refusal(
      429,
      Math.ceil(1 / (rate?.perSecond ?? 1)),
      `more than ${rate?.perSecond} ${what} a second (and ${rate?.burst} at once) of one client: rule "${id}"`,
    );
    this.tooMany = refusal(429, 1, `more than ${maxConnections} connections open of one client: rule "${id}"`);
  }

  /** Null when all fields match that are known at the rule's gate; else the first that doesn't. */
  mismatch(subject: Subject): Mismatch | null {
    const { listener, hostname } = this.rule;
    if (listener !== "" && listener !== subject.listener) return "listener";
    if (this.owner >= 0 && !hasOwner(subject.owners, this.owner)) return "address";
    if (hostname !== "" && !nameCovers(hostname, subject.hostname)) return "hostname";
    if (this.#countries !== null && !subject.isCountryIn(this.#countries)) return "country";
    if (this.#paths.length > 0 && !this.#matchesPath(subject)) return "path";
    if (this.#userAgents.length > 0 && !this.#matchesUserAgent(subject)) return "user_agent";
    return null;
  }

  /** Any reading of the path for a rule that refuses, all of them for one that allows; see domain/request_path.ts. */
  #matchesPath(subject: Subject): boolean {
    const { readings } = subject;
    if (readings === null) return this.rule.action !== "allow";
    const matches = (reading: string) => this.#paths.some((glob) => glob.matches(reading));
    if (readings.length === 1) return matches(readings[0]!);
    return this.rule.action === "allow" ? readings.every(matches) : readings.some(matches);
  }

  #matchesUserAgent({ userAgent }: Subject): boolean {
    // What is too long to be compared counts against the client.
    if (userAgent.length > maxComparedLength) return this.rule.action !== "allow";
    return this.#userAgents.some((glob) => glob.matches(userAgent));
  }
}

/** A set of rules, ready; never changes. */
export interface CompiledRules {
  readonly all: readonly CompiledRule[];
  /** What is read at each gate, in order: its own rules, and of the earlier gates those that allow or block. */
  readonly byGate: Readonly<Record<Gate, readonly CompiledRule[]>>;
  readonly networks: CidrTable;
  /** The networks in words of each rule that has any, by its number as an owner. */
  readonly owned: readonly (readonly string[])[];
  /** And what they are, sorted. */
  readonly sorted: ReadonlyMap<readonly string[], readonly Cidr[]>;
}

/**
 * @param stateOf what the rule of that id keeps, or a new one
 * @param before what was in use: of rules that are still the same objects the networks needn't be read again, and the
 *   table is kept when no rule's networks have changed (100,000 of them take a tenth of a second to lay out)
 */
export function compileRules(
  rules: readonly FirewallRule[],
  stateOf: (id: string) => RuleState,
  before: CompiledRules | null = null,
): CompiledRules {
  const owned: (readonly string[])[] = [];
  const sorted = new Map<readonly string[], readonly Cidr[]>();
  const all = rules.filter(({ enabled }) => enabled).toSorted(compareRules).map((rule) => {
    const owner = rule.cidrs.length === 0 ? -1 : owned.push(rule.cidrs) - 1;
    if (owner >= 0) {
      const networks = before?.sorted.get(rule.cidrs) ?? rule.cidrs.map((text) => parseCidr(text)).sort(compareCidrs);
      sorted.set(rule.cidrs, networks);
    }
    return new CompiledRule(rule, stateOf(rule.id), owner);
  });
  const readAt = (gate: Gate) =>
    all.filter((compiled) =>
      compiled.gate === gate || (compiled.rule.action !== "limit" && gates.indexOf(compiled.gate) < gates.indexOf(gate))
    );
  const isSame = before !== null && before.owned.length === owned.length &&
    before.owned.every((texts, owner) => texts === owned[owner]);
  return {
    all,
    byGate: { connection: readAt("connection"), hello: readAt("hello"), request: readAt("request") },
    networks: isSame ? before.networks : new CidrTable(owned.map((texts) => sorted.get(texts)!)),
    owned,
    sorted,
  };
}
