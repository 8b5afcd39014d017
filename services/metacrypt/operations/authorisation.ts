/**
 * Who may do what to which certificate names: admins everything, all others what a rule allows. Every decision is an
 * audit row with its rule.
 * @module
 */
import type { AuditLog } from "@lib/audit/mod.ts";
import { type Caller, isAdmin } from "@lib/auth/mod.ts";
import { evaluate, requireAllowed, type Rule, type RuleReader, type Subject } from "@lib/policy/mod.ts";
import { denied, toPlatformError } from "@lib/errors/mod.ts";
import { type CertificateAction, decideNames, type NameDecision } from "../domain/certificate_name.ts";
import type { Actor } from "../barrier/seal.ts";
import type { Transactions } from "../store/transactions.ts";

/** What names are asked about. */
export type AskedAction = Exclude<CertificateAction, "accompany">;

/** Reported where no rule was needed. */
export const adminRule = "admin";

export interface AuthorisationOptions {
  db: Transactions;
  rules: RuleReader;
  audit: AuditLog;
}

/** Decides and records. */
export class Authorisation {
  readonly #parts: AuthorisationOptions;

  constructor(parts: AuthorisationOptions) {
    this.#parts = parts;
  }

  /** The decision over all names of a certificate, unrecorded. */
  decide(caller: Caller, action: AskedAction, names: readonly string[]): NameDecision {
    return decideBy(this.#parts.rules.list(), caller, action, names);
  }

  /** A filter over many certificates by the rules as they are now. */
  filter(caller: Caller, action: AskedAction): (names: readonly string[]) => boolean {
    const rules = this.#parts.rules.list();
    return (names) => decideBy(rules, caller, action, names).allowed;
  }

  /**
   * Runs `work` when the caller may do `action` to a certificate with these names, handing it the deciding rule.
   * A refusal, and a permitted action that then fails, are recorded here; success is recorded by `work`, in the transaction of its change.
   * @throws denied with the rule
   */
  async guard<T>(
    caller: Caller,
    actor: Actor,
    action: AskedAction,
    names: readonly string[],
    work: (rule: string) => Promise<T>,
  ): Promise<T> {
    const decision = this.decide(caller, action, names);
    try {
      requireAllowed(decision);
      return await work(decision.ruleId);
    } catch (error) {
      const { code, rule } = toPlatformError(error);
      const detail = `rule=${rule ?? decision.ruleId}`;
      this.record(actor, { action: `certificate.${action}`, target: names.join(" "), outcome: code, detail });
      throw error;
    }
  }

  /** An audit row in a transaction of its own, for decisions that change nothing. */
  record(actor: Actor, entry: { action: string; target: string; outcome: string; detail: string }): void {
    const { db, audit } = this.#parts;
    db.write((at) => audit.record(at, { actor: actor.username, remote: actor.remote, ...entry }));
  }
}

/** One name under the rules; admins are let through before the rules. */
export function decideOne(
  rules: readonly Rule[],
  subject: Subject,
  admin: boolean,
  action: CertificateAction,
  name: string,
): NameDecision {
  return admin
    ? { allowed: true, ruleId: adminRule, reason: `${subject.username} is an admin` }
    : evaluate(rules, subject, action, name, { separator: "." });
}

function decideBy(rules: readonly Rule[], caller: Caller, action: AskedAction, names: readonly string[]): NameDecision {
  const admin = isAdmin(caller);
  return decideNames(names, action, (asked, name) => decideOne(rules, caller, admin, asked, name));
}

/** @throws denied, for what only admins may do whatever the rules say */
export function requireAdmin(caller: Caller): void {
  if (!isAdmin(caller)) throw denied(adminRule, `${caller.username} is not an admin`);
}
