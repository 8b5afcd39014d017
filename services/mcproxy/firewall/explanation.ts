/**
 * What `explain` answers: the way through the rules, in words.
 * @module
 */
import { quote } from "@lib/errors/mod.ts";
import type { FirewallAction, FirewallRule, Gate } from "../domain/firewall_rule.ts";
import { maxComparedLength } from "../domain/request_path.ts";
import type { Mismatch, Verdict } from "./compiled_rules.ts";
import type { Subject } from "./subject.ts";

/** Whom it is about. */
export interface Question {
  readonly listener: string;
  readonly address: string;
  /** Lower case; "" without SNI; null to ask about the connection alone. */
  readonly hostname: string | null;
  /** Null to ask up to the ClientHello alone, which is all that an l4 route has. */
  readonly path: string | null;
  readonly userAgent: string;
}

/** `within` and `over` are a limit's; `allow` and `block` end a gate. */
export type Outcome = "no_match" | "allow" | "block" | "within" | "over";

/** One rule at one gate. */
export interface Step {
  readonly gate: Gate;
  readonly rule: string;
  readonly action: FirewallAction;
  readonly outcome: Outcome;
  /** One line. */
  readonly why: string;
}

export interface Explanation {
  /** What would become of it now: the verdict of the first gate that refuses. */
  readonly verdict: Verdict;
  readonly steps: readonly Step[];
  /** Null without a database. */
  readonly country: string | null;
  /** The path's readings; rules that refuse match any of them, rules that allow all. */
  readonly paths: readonly string[];
}

/** Why the rule doesn't match, for one line. */
export function mismatchText(mismatch: Mismatch, rule: FirewallRule, subject: Subject): string {
  switch (mismatch) {
    case "listener":
      return `it is for listener ${rule.listener}`;
    case "address":
      return subject.address === null
        ? `${quote(subject.addressText)} is no address, and it is for some`
        : `${subject.addressText} is in none of ${some(rule.cidrs)}`;
    case "country":
      return subject.country === null
        ? "there is no country database"
        : `country ${subject.country} is none of ${some(rule.countries)}`;
    case "hostname":
      return `it is for ${rule.hostname}, not for ${quote(subject.hostname)}`;
    case "path":
      return subject.readings === null
        ? `the path is longer than ${maxComparedLength} characters, which no allow matches`
        : `${subject.readings.map(quote).join(" and ")}: not covered by ${some(rule.paths)}`;
    case "user_agent":
      return subject.userAgent.length > maxComparedLength
        ? `the user agent is longer than ${maxComparedLength} characters, which no allow matches`
        : `${quote(subject.userAgent)}: not covered by ${some(rule.userAgents.map(quote))}`;
  }
}

/** The first few, and how many there are. */
function some(values: readonly string[]): string {
  const shown = values.slice(0, 5).join(", ");
  return values.length <= 5 ? shown : `${shown} and ${values.length - 5} more`;
}
