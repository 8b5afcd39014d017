/**
 * What a token says (RFC 7519 §4.1 RFC 8693 §4.2 and three claims of our own), and which
 * claims are believed. The signature is checked before, the revocation after.
 * @module
 */
import type { Account } from "./account.ts";
import { joinScopes } from "./token_scopes.ts";

/** Times in seconds since the epoch, as RFC 7519 has them. */
export interface Claims {
  readonly iss: string;
  /** The account's UUID. */
  readonly sub: string;
  readonly iat: number;
  readonly nbf: number;
  readonly exp: number;
  /** The token's id, a UUID; recorded, so that the token can be revoked. */
  readonly jti: string;
  readonly username: string;
  readonly account_type: "human" | "system";
  /** As they were at issue. MCIAS itself answers with the roles of the moment. */
  readonly roles: readonly string[];
  /** What the token is limited to, with a space between (RFC 8693 §4.2); absent where to nothing. */
  readonly scope?: string;
}

/** A token begins to be good this long before its `nbf`, so that a clock set back a little refuses nothing. Seconds. */
export const notBeforeLeewaySeconds = 5;

/** The claims of a new token. @param now ms since the epoch, rounded down to the second */
export function claimsFor(
  account: Account,
  facts: {
    issuer: string;
    now: number;
    lifetimeSeconds: number;
    tokenId: string;
    scopes: readonly string[] | null;
  },
): Claims {
  const iat = Math.floor(facts.now / 1000);
  return {
    iss: facts.issuer,
    sub: account.id,
    iat,
    nbf: iat,
    exp: iat + facts.lifetimeSeconds,
    jti: facts.tokenId,
    username: account.username,
    account_type: account.type,
    roles: [...account.roles],
    ...(facts.scopes === null ? {} : { scope: joinScopes(facts.scopes) }),
  };
}

/** The claims when every one is there, of its type, from this issuer and of this hour (`now` in ms); otherwise null. */
export function believedClaims(payload: unknown, issuer: string, now: number): Claims | null {
  if (typeof payload !== "object" || payload === null || Array.isArray(payload)) return null;
  const { iss, sub, iat, nbf, exp, jti, username, account_type, roles, scope } = payload as Record<string, unknown>;
  if (iss !== issuer) return null;
  if (typeof sub !== "string" || typeof jti !== "string" || typeof username !== "string") return null;
  if (!isTime(iat) || !isTime(nbf) || !isTime(exp)) return null;
  if (account_type !== "human" && account_type !== "system") return null;
  if (!Array.isArray(roles) || !roles.every((role) => typeof role === "string")) return null;
  // "" would be no limit.
  if (scope !== undefined && (typeof scope !== "string" || scope === "")) return null;
  const seconds = now / 1000;
  // RFC 7519 §4.1.4: on or after exp it must not be accepted; §4.1.5: before nbf neither.
  if (seconds >= exp || seconds < nbf - notBeforeLeewaySeconds) return null;
  const limit = scope === undefined ? {} : { scope };
  return { iss, sub, iat, nbf, exp, jti, username, account_type, roles, ...limit };
}

function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
