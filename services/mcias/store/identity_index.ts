/**
 * What a token check needs, in memory: accounts, unexpired tokens and the
 * signing keys. Rebuilt from the store at start and when another process has
 * committed; `IdentityStore.write` brings it up to date in the call that commits.
 * @module
 */
import type { Account } from "../domain/account.ts";
import type { SigningKeyRecord } from "./key_store.ts";
import type { TokenRecord } from "./token_store.ts";

/** What the store knows of a token at this moment. */
export type TokenState =
  | { readonly kind: "good"; readonly account: Account }
  /** Revoked, or its account may hold no token. */
  | { readonly kind: "refused" }
  /** Never issued here, or long expired. */
  | { readonly kind: "unknown" };

interface Entry {
  readonly accountId: string;
  readonly expiresAt: number;
  readonly revoked: boolean;
}

/** See the module's text. */
export class IdentityIndex {
  #accounts = new Map<string, Account>();
  #tokens = new Map<string, Entry>();
  #keys: readonly SigningKeyRecord[] = [];

  /** Replaces everything. */
  load(accounts: Iterable<Account>, tokens: Iterable<TokenRecord>, keys: readonly SigningKeyRecord[]): void {
    this.#accounts = new Map();
    this.#tokens = new Map();
    this.#keys = keys;
    for (const account of accounts) this.putAccount(account);
    for (const token of tokens) this.putToken(token);
  }

  putAccount(account: Account): void {
    this.#accounts.set(account.id, account);
  }

  putToken({ tokenId, accountId, expiresAt, revokedAt }: TokenRecord): void {
    this.#tokens.set(tokenId, { accountId, expiresAt, revoked: revokedAt !== null });
  }

  putKeys(keys: readonly SigningKeyRecord[]): void {
    this.#keys = keys;
  }

  /** Every key that may verify a token, the one that signs first. */
  keys(): readonly SigningKeyRecord[] {
    return this.#keys;
  }

  tokenState(tokenId: string, accountId: string): TokenState {
    const entry = this.#tokens.get(tokenId);
    if (entry === undefined || entry.accountId !== accountId) return { kind: "unknown" };
    const account = this.#accounts.get(accountId);
    if (entry.revoked || account?.status !== "active") return { kind: "refused" };
    return { kind: "good", account };
  }

  /** Tokens in memory. */
  get tokenCount(): number {
    return this.#tokens.size;
  }

  /** Drops tokens that expired before `now`; their claims refuse them anyway. */
  prune(now: number): void {
    for (const [tokenId, { expiresAt }] of this.#tokens) if (expiresAt < now) this.#tokens.delete(tokenId);
  }
}
