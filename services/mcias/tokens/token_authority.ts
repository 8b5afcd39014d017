/**
 * Issues tokens and says whether one is good.
 *
 * A check touches no disk: signature by the keys in memory, claims by the clock,
 * the rest by the index. Only a token with a good signature that the index does not
 * know makes it look whether another process (hot restart, a local verb) has committed meanwhile.
 * @module
 */
import type { Authenticate, Caller } from "@lib/auth/mod.ts";
import type { Clock } from "@lib/clock/mod.ts";
import type { MasterKey } from "../crypto/master_key.ts";
import { importPublicKey, openSigningKey, type PublicJwk } from "../crypto/signing_key.ts";
import { readToken, signToken } from "../crypto/token_codec.ts";
import type { Account } from "../domain/account.ts";
import { believedClaims, type Claims, claimsFor } from "../domain/token_claims.ts";
import { splitScopes } from "../domain/token_scopes.ts";
import type { IdentityStore } from "../store/identity_store.ts";
import type { TokenRecord } from "../store/token_store.ts";

export interface AuthorityOptions {
  readonly store: IdentityStore;
  readonly master: MasterKey;
  readonly clock: Clock;
  readonly issuer: string;
}

/** What a token is to be. */
export interface TokenFacts extends Pick<TokenRecord, "description" | "scopes"> {
  readonly lifetimeSeconds: number;
}

/** A token that is signed but not yet recorded: it is good once `record` is committed. */
export interface MintedToken {
  /** The token itself; show it once, store it never. */
  readonly token: string;
  readonly record: TokenRecord;
}

/** See the module's text. */
export class TokenAuthority {
  readonly #options: AuthorityOptions;
  readonly #publicKeys = new Map<string, Promise<CryptoKey>>();
  readonly #privateKeys = new Map<string, Promise<CryptoKey>>();

  constructor(options: AuthorityOptions) {
    this.#options = options;
  }

  /** Signs a token for the account; the caller commits its record. */
  async mint(account: Account, { lifetimeSeconds, description, scopes }: TokenFacts): Promise<MintedToken> {
    const { store, master, clock, issuer } = this.#options;
    const key = store.index.keys().find((each) => each.retiredAt === null);
    if (key === undefined) throw new Error("there is no active signing key");
    let privateKey = this.#privateKeys.get(key.kid);
    if (privateKey === undefined) {
      privateKey = openSigningKey(master, key);
      this.#privateKeys.set(key.kid, privateKey);
    }
    const tokenId = crypto.randomUUID();
    const claims = claimsFor(account, { issuer, now: clock.now(), lifetimeSeconds, tokenId, scopes });
    return {
      token: await signToken(claims, key.kid, await privateKey),
      record: {
        tokenId,
        accountId: account.id,
        issuedAt: claims.iat * 1000,
        expiresAt: claims.exp * 1000,
        revokedAt: null,
        description,
        scopes,
      },
    };
  }

  /**
   * Who holds the token, with the roles of this moment; null when it is not good,
   * for whatever reason. Bound, so that it can serve as `Authenticate`.
   */
  readonly check: Authenticate = async (token): Promise<Caller | null> => {
    const { clock, issuer } = this.#options;
    const payload = await readToken(token, (kid) => this.#publicKey(kid));
    const claims = believedClaims(payload, issuer, clock.now());
    if (claims === null) return null;
    const account = this.#holder(claims);
    if (account === null) return null;
    return {
      subject: account.id,
      username: account.username,
      accountType: account.type,
      roles: [...account.roles],
      tokenId: claims.jti,
      expiresAt: claims.exp * 1000,
      ...scopesOf(claims),
    };
  };

  /** The public keys that tokens may be checked with, the signing one first. */
  publicKeys(): { jwk: PublicJwk; active: boolean; createdAt: number }[] {
    return this.#options.store.index.keys().map(({ publicJwk, retiredAt, createdAt }) => ({
      jwk: publicJwk,
      active: retiredAt === null,
      createdAt,
    }));
  }

  #holder(claims: Claims): Account | null {
    const { store } = this.#options;
    let state = store.index.tokenState(claims.jti, claims.sub);
    if (state.kind === "unknown" && store.refresh()) state = store.index.tokenState(claims.jti, claims.sub);
    return state.kind === "good" ? state.account : null;
  }

  async #publicKey(kid: string): Promise<CryptoKey | null> {
    const { store } = this.#options;
    const find = () => store.index.keys().find((each) => each.kid === kid);
    const found = find() ?? (store.refresh() ? find() : undefined);
    if (found === undefined) return null;
    let key = this.#publicKeys.get(kid);
    if (key === undefined) {
      key = importPublicKey(found.publicJwk);
      this.#publicKeys.set(kid, key);
    }
    return await key;
  }
}

function scopesOf({ scope }: Claims): Pick<Caller, "scopes"> {
  const scopes = splitScopes(scope ?? "");
  return scopes === null ? {} : { scopes };
}
