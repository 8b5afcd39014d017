/**
 * What a token says (RFC 7519 §4.1 and three claims of our own), and which
 * claims are believed. The signature is checked before, the revocation after.
 * @module
 */
import type { Account } from "./account.ts";

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
}

/** A token begins to be good this long before its `nbf`, so that a clock set back a little refuses nothing. Seconds. */
export const notBeforeLeewaySeconds = 5;

/** The claims of a new token. @param now ms since the epoch, rounded down to the second */
export function claimsFor(
  account: Account,
  facts: { issuer: string; now: number; lifetimeSeconds: number; tokenId: string },
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
  };
}

/** The claims when every one is there, of its type, from this issuer and of this hour (`now` in ms); otherwise null. */
export function believedClaims(payload: unknown, issuer: string, now: number): Claims | null {
  if (typeof payload !== "object" || payload === null || Array.isArray(payload)) return null;
  const { iss, sub, iat, nbf, exp, jti, username, account_type, roles } = payload as Record<string, unknown>;
  if (iss !== issuer) return null;
  if (typeof sub !== "string" || typeof jti !== "string" || typeof username !== "string") return null;
  if (!isTime(iat) || !isTime(nbf) || !isTime(exp)) return null;
  if (account_type !== "human" && account_type !== "system") return null;
  if (!Array.isArray(roles) || !roles.every((role) => typeof role === "string")) return null;
  const seconds = now / 1000;
  // RFC 7519 §4.1.4: on or after exp it must not be accepted; §4.1.5: before nbf neither.
  if (seconds >= exp || seconds < nbf - notBeforeLeewaySeconds) return null;
  return { iss, sub, iat, nbf, exp, jti, username, account_type, roles };
}

function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
