/**
 * Who may pass over a route: accounts of MCIAS.
 * @module
 */
import { invalid, quote } from "@lib/errors/mod.ts";

/** A checked rule. */
export interface SignIn {
  /** Roles, and accounts as "account:NAME"; one of them is enough. Empty for every active account. */
  readonly allow: readonly string[];
}

/** As callers write it. */
export interface SignInInput {
  allow: readonly string[];
}

/** Whom MCIAS says that a request is from. */
export interface Visitor {
  readonly username: string;
  readonly roles: readonly string[];
}

/** More than this belongs into a role. */
const maxAllowed = 64;
const roles: readonly string[] = ["admin", "user", "guest"];
/** Of an account, as MCIAS takes them. */
const accountForm = /^account:[a-z][a-z0-9._-]{0,62}$/;

/**
 * @param hasMcias there is somebody to ask
 * @throws PlatformError `invalid` on `sign_in`
 */
export function parseSignIn(input: SignInInput | null | undefined, hasMcias: boolean): SignIn | null {
  if (input === null || input === undefined) return null;
  if (!hasMcias) {
    throw invalid("sign_in", "needs MCIAS, and admin.mcias_addr is empty", {
      hint: "Set admin.mcias_addr and admin.mcias_ca_cert in mcproxy.toml and restart MC-Proxy",
    });
  }
  if (input.allow.length > maxAllowed) {
    throw invalid("sign_in.allow", `takes at most ${maxAllowed} entries, got ${input.allow.length}`, {
      hint: "Give the accounts a role, and allow that",
    });
  }
  const seen = new Set<string>();
  for (const entry of input.allow) {
    if (!roles.includes(entry) && !accountForm.test(entry)) {
      throw invalid("sign_in.allow", `must be "admin", "user", "guest" or "account:NAME", got ${quote(entry)}`);
    }
    if (seen.has(entry)) throw invalid("sign_in.allow", `${quote(entry)} is listed twice`);
    seen.add(entry);
  }
  return { allow: [...input.allow] };
}

/** Whether the rule lets that account pass. */
export function isAllowed({ allow }: SignIn, { username, roles }: Visitor): boolean {
  return allow.length === 0 ||
    allow.some((entry) => entry === `account:${username}` || roles.includes(entry));
}

/** "role admin or account bob"; "any account" for an empty rule. */
export function allowedText({ allow }: SignIn): string {
  if (allow.length === 0) return "any account";
  const words = allow.map((entry) => entry.startsWith("account:") ? entry.replace(":", " ") : `role ${entry}`);
  return words.length === 1 ? words[0]! : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

/** Whether both let the same accounts pass; null is for everybody. */
export function isSameSignIn(one: SignIn | null, other: SignIn | null): boolean {
  if (one === null || other === null) return one === other;
  return one.allow.length === other.allow.length && one.allow.every((entry) => other.allow.includes(entry));
}
