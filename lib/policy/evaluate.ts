/**
 * The decision. Rules in the order of their priority number, deny before allow
 * within one number, then by id: the first enabled rule that matches decides.
 * No match is a deny. An admin gets no special treatment here; a service that
 * lets admins do everything says so before it asks.
 * @module
 */
import { denied, quote } from "@lib/errors/mod.ts";
import { globMatches, type Separator } from "./glob.ts";
import type { Effect, Rule } from "./rule.ts";

/** Who asks. A `Caller` of lib/auth is one. */
export interface Subject {
  readonly username: string;
  /** "human" or "system"; "local" (a service's own socket) matches only rules that name no account type. */
  readonly accountType: string;
  readonly roles: readonly string[];
}

/** How it was decided; fits the proto message `PolicyDecision`. */
export interface Decision {
  readonly allowed: boolean;
  /** The deciding rule's id; empty when none matched. */
  readonly ruleId: string;
  /** One sentence, fit to show. */
  readonly reason: string;
}

/** What became of one rule in a decision. */
export interface Considered {
  readonly ruleId: string;
  readonly priority: number;
  readonly effect: Effect;
  /** Enabled, and every list matches. */
  readonly matched: boolean;
  readonly decided: boolean;
  /** Why it did not match, or that it decided, or which rule came before it. */
  readonly why: string;
}

export interface Explanation {
  readonly decision: Decision;
  /** Every rule, in the order of evaluation. */
  readonly considered: readonly Considered[];
}

export interface EvaluateOptions {
  /** What divides resources into segments for `*`; default "/". Certificate and DNS names need ".". */
  readonly separator?: Separator;
}

/** Decides whether `subject` may do `action` to `resource`. The rules may come in any order. */
export function evaluate(
  rules: readonly Rule[],
  subject: Subject,
  action: string,
  resource: string,
  options: EvaluateOptions = {},
): Decision {
  let best: Rule | null = null;
  for (const rule of rules) {
    if (best !== null && inOrder(best, rule) < 0) continue;
    if (mismatch(rule, subject, action, resource, options.separator) === null) best = rule;
  }
  return decisionOf(best, subject, action, resource);
}

/** The same decision as `evaluate`, with what became of every rule. */
export function explain(
  rules: readonly Rule[],
  subject: Subject,
  action: string,
  resource: string,
  options: EvaluateOptions = {},
): Explanation {
  let best: Rule | null = null;
  const considered = [...rules].sort(inOrder).map((rule): Considered => {
    const facts = { ruleId: rule.id, priority: rule.priority, effect: rule.effect };
    const why = mismatch(rule, subject, action, resource, options.separator);
    if (why !== null) return { ...facts, matched: false, decided: false, why };
    if (best !== null) {
      return { ...facts, matched: true, decided: false, why: `rule ${quote(best.id)} comes before it` };
    }
    best = rule;
    return { ...facts, matched: true, decided: true, why: "decides" };
  });
  return { decision: decisionOf(best, subject, action, resource), considered };
}

/** @throws PlatformError denied with the deciding rule's id ("default-deny" when none matched) and the reason */
export function requireAllowed(decision: Decision): void {
  if (!decision.allowed) throw denied(decision.ruleId === "" ? "default-deny" : decision.ruleId, decision.reason);
}

/** The order of evaluation: priority, deny before allow, id. */
export function inOrder(a: Rule, b: Rule): number {
  if (a.priority !== b.priority) return a.priority - b.priority;
  if (a.effect !== b.effect) return a.effect === "deny" ? -1 : 1;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

/** Why the rule says nothing about this request, or null when it matches. */
function mismatch(
  rule: Rule,
  subject: Subject,
  action: string,
  resource: string,
  separator: Separator | undefined,
): string | null {
  if (!rule.enabled) return "it is disabled";
  if (rule.accounts.length > 0 && !rule.accounts.includes(subject.username)) {
    return `account ${quote(subject.username)} is not listed`;
  }
  if (rule.accountTypes.length > 0 && !rule.accountTypes.includes(subject.accountType)) {
    return `account type ${quote(subject.accountType)} is not listed`;
  }
  if (rule.roles.length > 0 && !rule.roles.some((role) => subject.roles.includes(role))) {
    return subject.roles.length === 0 ? "the account has no role" : `no listed role among ${subject.roles.join(", ")}`;
  }
  if (rule.actions.length > 0 && !rule.actions.includes(action)) return `action ${quote(action)} is not listed`;
  if (
    rule.resources.length > 0 &&
    !rule.resources.some((glob) => globMatches(glob, resource, subject.username, separator))
  ) {
    return `no listed resource matches ${quote(resource)}`;
  }
  return null;
}

function decisionOf(rule: Rule | null, subject: Subject, action: string, resource: string): Decision {
  const what = `${quote(subject.username)} may ${rule?.effect === "allow" ? "" : "not "}${action} ${quote(resource)}`;
  if (rule === null) return { allowed: false, ruleId: "", reason: `${what}: no rule allows it` };
  const note = rule.description === "" ? "" : ` (${rule.description})`;
  return {
    allowed: rule.effect === "allow",
    ruleId: rule.id,
    reason: `${what}: rule ${quote(rule.id)}${note} ${rule.effect === "allow" ? "allows" : "denies"} it`,
  };
}
