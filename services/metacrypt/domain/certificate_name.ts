/**
 * Whether a caller may have a certificate for a set of names. Every name must be allowed: by the action itself, or as a
 * companion (action `accompany`) of one that is. So `localhost` can stand beside a service's name, and never alone.
 * @module
 */

/** What policy is asked about certificates. */
export const certificateActions = ["issue", "revoke", "read", "accompany"] as const;
export type CertificateAction = (typeof certificateActions)[number];

/** A decision of the rule evaluator. */
export interface NameDecision {
  allowed: boolean;
  /** The deciding rule; empty when none matched. */
  ruleId: string;
  reason: string;
}

/** Reported as the rule when every name only accompanies. */
export const companionRule = "companions-only";

/**
 * Decides over all names of one certificate.
 * @param ask the evaluator, for one name
 * @returns when allowed, the deciding rules' ids joined by commas; when not, the first refusal
 */
export function decideNames(
  names: readonly string[],
  action: Exclude<CertificateAction, "accompany">,
  ask: (action: CertificateAction, name: string) => NameDecision,
): NameDecision {
  const rules = new Set<string>();
  let main = "";
  for (const name of names) {
    const own = ask(action, name);
    if (own.allowed) {
      main ||= own.reason;
      rules.add(own.ruleId);
      continue;
    }
    // A rule that denies the name outright is not overruled by one that lets it accompany others.
    if (own.ruleId !== "") return own;
    const beside = ask("accompany", name);
    if (!beside.allowed) return beside.ruleId === "" ? own : beside;
    rules.add(beside.ruleId);
  }
  if (main === "") {
    const reason = `none of the names ${names.join(", ")} may be alone in a certificate; add a service's own name`;
    return { allowed: false, ruleId: companionRule, reason };
  }
  return { allowed: true, ruleId: [...rules].join(","), reason: main };
}

/** The glob for exactly one label below a zone, `.` being the separator. */
export function oneLabelBelow(zone: string): string {
  return `*.${zone}`;
}
