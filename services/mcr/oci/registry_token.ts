/**
 * Registry tokens: short-lived JWTs, signed with the registry's own Ed25519 key,
 * that carry exactly what was granted and who got it.
 */
import { errors, jwtVerify, SignJWT } from "jose";
import type { Caller } from "@lib/auth/mod.ts";
import type { Clock } from "@lib/clock/mod.ts";
import type { Access } from "../domain/scope.ts";
import type { SigningKey } from "../store/signing_key.ts";

/** Who holds a token, and what for. */
export interface Bearer {
  readonly username: string;
  readonly accountType: Caller["accountType"];
  readonly roles: readonly string[];
  readonly access: readonly Access[];
}

export interface IssuedToken {
  readonly token: string;
  readonly expiresInSeconds: number;
  /** Ms since the epoch. */
  readonly issuedAt: number;
}

export interface RegistryTokensOptions {
  key: SigningKey;
  /** Issuer and audience. */
  service: string;
  ttlSeconds: number;
  clock: Clock;
}

/** A token with 64 scopes of the longest names stays below; longer ones are refused unseen. */
const maxTokenCharacters = 32 * 1024;
/** Verified tokens kept: one layer push verifies the same token hundreds of times, at 140 µs each. */
const maxCached = 1000;

export class RegistryTokens {
  readonly #options: RegistryTokensOptions;
  readonly #verified = new Map<string, { bearer: Bearer; expiresAt: number }>();

  constructor(options: RegistryTokensOptions) {
    this.#options = options;
  }

  async issue(caller: Caller, access: readonly Access[]): Promise<IssuedToken> {
    const { key, service, ttlSeconds, clock } = this.#options;
    const issuedAt = clock.now();
    const seconds = Math.floor(issuedAt / 1000);
    const token = await new SignJWT({ access, account_type: caller.accountType, roles: caller.roles })
      .setProtectedHeader({ alg: "EdDSA", typ: "JWT", kid: key.id })
      .setIssuer(service)
      .setAudience(service)
      .setSubject(caller.username)
      .setIssuedAt(seconds)
      .setNotBefore(seconds)
      .setExpirationTime(seconds + ttlSeconds)
      .setJti(crypto.randomUUID())
      .sign(key.privateKey);
    return { token, expiresInSeconds: ttlSeconds, issuedAt };
  }

  /** The token's holder; null for one that is not ours, was changed, has run out or is for another service. */
  async verify(token: string): Promise<Bearer | null> {
    if (token.length > maxTokenCharacters) return null;
    const { key, service, clock } = this.#options;
    const now = clock.now();
    const known = this.#verified.get(token);
    if (known !== undefined && now < known.expiresAt) return known.bearer;
    this.#verified.delete(token);
    try {
      const { payload } = await jwtVerify(token, key.publicKey, {
        algorithms: ["EdDSA"],
        issuer: service,
        audience: service,
        currentDate: new Date(now),
        requiredClaims: ["sub", "exp", "nbf", "access", "account_type", "roles"],
      });
      // The signature is ours, so the claims have the types that `issue` gave them.
      const bearer: Bearer = {
        username: payload.sub!,
        accountType: payload.account_type as Bearer["accountType"],
        roles: payload.roles as string[],
        access: payload.access as Access[],
      };
      this.#keep(token, bearer, payload.exp! * 1000);
      return bearer;
    } catch (error) {
      if (error instanceof errors.JOSEError) return null;
      throw error;
    }
  }

  #keep(token: string, bearer: Bearer, expiresAt: number): void {
    this.#verified.set(token, { bearer, expiresAt });
    if (this.#verified.size <= maxCached) return;
    const [oldest] = this.#verified.keys();
    if (oldest !== undefined) this.#verified.delete(oldest);
  }
}
