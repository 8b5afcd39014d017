/**
 * Decides about connections and requests. Every connection passes three gates: at accept, with the ClientHello, with each
 * request. At each gate the rules that can be decided by then are read in order, and the first `allow` or `block` that
 * matches decides; README.md has the whole of it, with examples.
 * @module
 */
import type { Clock } from "@lib/clock/mod.ts";
import { type FirewallRule, type Gate, gates } from "../domain/firewall_rule.ts";
import { clientKey } from "./client_key.ts";
import { type CompiledRule, type CompiledRules, compileRules, RuleCounters, type RuleState } from "./compiled_rules.ts";
import type { Verdict } from "./compiled_rules.ts";
import type { CountryDatabase } from "./country_reader.ts";
import { type Explanation, mismatchText, type Outcome, type Question, type Step } from "./explanation.ts";
import { OpenConnections } from "./open_connections.ts";
import { addressOf, Subject } from "./subject.ts";
import { TokenBuckets } from "./token_buckets.ts";

export interface FirewallOptions {
  clock: Clock;
  /** Null when none is configured: then no rule with countries matches anything. */
  country: CountryDatabase | null;
  limits: {
    /** Token buckets at once, of all rules together; 48 bytes each. */
    maxBuckets: number;
  };
}

const allowed: Verdict = { allowed: true };

/** See the module. All calls are synchronous and take a few microseconds at most. */
export class Firewall {
  readonly #clock: Clock;
  readonly #country: CountryDatabase | null;
  readonly #buckets: TokenBuckets;
  readonly #open = new OpenConnections();
  #states = new Map<string, RuleState>();
  #lastNumber = 0;
  #rules: CompiledRules;

  constructor({ clock, country, limits }: FirewallOptions) {
    this.#clock = clock;
    this.#country = country;
    this.#buckets = new TokenBuckets(limits.maxBuckets);
    this.#rules = compileRules([], (id) => this.#stateOf(id));
  }

  /**
   * Reads by these rules from now on. A rule whose id was there before keeps its counters and its clients' buckets,
   * disabled ones too.
   * @param rules checked by `parseFirewallRule`, each id once, in any order
   */
  replace(rules: readonly FirewallRule[]): void {
    const states = new Map(rules.map(({ id }) => [id, this.#stateOf(id)]));
    this.#rules = compileRules(rules, (id) => states.get(id)!, this.#rules);
    this.#states = states;
  }

  /** At accept, when the client's address is known (behind a PROXY header: when that has been read). */
  connection({ listener, address }: { listener: string; address: string }): Verdict {
    if (this.#rules.byGate.connection.length === 0) return allowed;
    return this.#decide("connection", this.#subject(listener, address, "", "", ""), null);
  }

  /** When the ClientHello is there; `hostname` in lower case, "" without SNI. */
  hello({ listener, address, hostname }: { listener: string; address: string; hostname: string }): Verdict {
    if (this.#rules.byGate.hello.length === 0) return allowed;
    return this.#decide("hello", this.#subject(listener, address, hostname, "", ""), null);
  }

  /** For each request; `path` is the target as it came (a query is cut off), `userAgent` "" without the field. */
  request(
    { listener, address, hostname, path, userAgent }: {
      listener: string;
      address: string;
      hostname: string;
      path: string;
      userAgent: string;
    },
  ): Verdict {
    if (this.#rules.byGate.request.length === 0) return allowed;
    return this.#decide("request", this.#subject(listener, address, hostname, path, userAgent), null);
  }

  /** A connection that the first gate let in; `closed` must follow once. */
  opened(address: string): void {
    this.#open.opened(clientKey(addressOf(address)));
  }

  closed(address: string): void {
    this.#open.closed(clientKey(addressOf(address)));
  }

  /**
   * What the gates would say now, rule by rule, up to the first refusal; takes no token and counts no hit.
   * A null hostname stops behind the first gate, a null path behind the second.
   */
  explain({ listener, address, hostname, path, userAgent }: Question): Explanation {
    const subject = this.#subject(listener, address, hostname ?? "", path ?? "", userAgent);
    const steps: Step[] = [];
    const known = hostname === null ? 1 : path === null ? 2 : 3;
    let verdict = allowed;
    for (const gate of gates.slice(0, known)) {
      verdict = this.#decide(gate, subject, steps);
      if (!verdict.allowed) break;
    }
    return { verdict, steps, country: subject.country, paths: path === null ? [] : subject.readings ?? [] };
  }

  /** Null when there is no rule of that id. */
  hits(id: string): Readonly<RuleCounters> | null {
    return this.#states.get(id)?.counters ?? null;
  }

  /** What every rule has done, by id; disabled ones too. */
  *counters(): Generator<readonly [id: string, counters: Readonly<RuleCounters>]> {
    for (const [id, { counters }] of this.#states) yield [id, counters];
  }

  /** Buckets in use, for the metrics. */
  get buckets(): number {
    return this.#buckets.size;
  }

  /** Clients with open connections, for the metrics. */
  get clients(): number {
    return this.#open.clients;
  }

  /** What keeps rules from doing what they say, for the health. */
  get problems(): string[] {
    if (this.#country?.ready === true) return [];
    const idle = this.#rules.all.filter(({ rule }) => rule.countries.length > 0).map(({ rule }) => rule.id);
    return idle.length === 0
      ? []
      : [`firewall: without a country database ${idle.join(", ")} match nothing; set "[firewall] country_db"`];
  }

  #subject(listener: string, address: string, hostname: string, path: string, userAgent: string): Subject {
    return new Subject(listener, address, hostname, path, userAgent, this.#rules.networks, this.#country);
  }

  /** The one evaluation. With `trace` it is dry: it writes down each rule, and leaves tokens and counters alone. */
  #decide(gate: Gate, subject: Subject, trace: Step[] | null): Verdict {
    for (const compiled of this.#rules.byGate[gate]) {
      const mismatch = compiled.mismatch(subject);
      if (mismatch !== null) {
        if (trace !== null) addStep(trace, gate, compiled, "no_match", mismatchText(mismatch, compiled.rule, subject));
        continue;
      }
      const { action } = compiled.rule;
      if (action === "limit") {
        const verdict = this.#limit(compiled, gate, subject, trace);
        if (!verdict.allowed) return verdict;
        continue;
      }
      if (trace !== null) addStep(trace, gate, compiled, action, "all of its fields match");
      else count(compiled, gate);
      return action === "allow" ? allowed : compiled.blocks;
    }
    return allowed;
  }

  #limit(compiled: CompiledRule, gate: Gate, { client }: Subject, trace: Step[] | null): Verdict {
    const { rule: { rate, maxConnections }, state } = compiled;
    if (trace === null) state.counters.hits++;
    if (maxConnections > 0) {
      const open = this.#open.of(client);
      const isOver = open >= maxConnections;
      if (trace !== null) {
        addStep(trace, gate, compiled, isOver ? "over" : "within", `${open} of ${maxConnections} connections open`);
      } else if (isOver) state.counters.limited++;
      if (isOver) return compiled.tooMany;
    }
    if (rate === null) return allowed;
    const now = this.#clock.monotonic();
    if (trace !== null) {
      const tokens = this.#buckets.peek(state.number, client, rate, now);
      const text = `${tokens.toFixed(1)} of ${rate.burst} left, ${rate.perSecond} more each second`;
      addStep(trace, gate, compiled, tokens < 1 ? "over" : "within", text);
      return tokens < 1 ? compiled.tooOften : allowed;
    }
    if (this.#buckets.take(state.number, client, rate, now)) return allowed;
    state.counters.limited++;
    return compiled.tooOften;
  }

  #stateOf(id: string): RuleState {
    return this.#states.get(id) ?? { number: ++this.#lastNumber, counters: new RuleCounters() };
  }
}

/** An earlier gate's `allow` is read again at the later ones, and counts once. */
function count({ gate: own, rule, state: { counters } }: CompiledRule, gate: Gate): void {
  if (rule.action === "block") {
    counters.hits++;
    counters.blocked++;
  } else if (own === gate) {
    counters.hits++;
    counters.allowed++;
  }
}

function addStep(trace: Step[], gate: Gate, { rule }: CompiledRule, outcome: Outcome, why: string): void {
  trace.push({ gate, rule: rule.id, action: rule.action, outcome, why });
}
