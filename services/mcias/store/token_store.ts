/**
 * What is known of every token, without the token.
 * @module
 */
import type { Database, Statement } from "@lib/db/mod.ts";
import { joinScopes, splitScopes } from "../domain/token_scopes.ts";

/** Times in ms since the epoch. */
export interface TokenRecord {
  /** The token's id, its `jti`. */
  readonly tokenId: string;
  readonly accountId: string;
  readonly issuedAt: number;
  readonly expiresAt: number;
  /** Null while the token is good. */
  readonly revokedAt: number | null;
  readonly description: string;
  /** What it is limited to; null for nothing. */
  readonly scopes: readonly string[] | null;
}

/** A record with its place in the order of issue. */
export interface ListedToken extends TokenRecord {
  readonly sequence: number;
}

export interface TokenReader {
  get(tokenId: string): TokenRecord | undefined;
  /** At most `limit` tokens of an account issued before the one with the sequence `before`, newest first. */
  page(accountId: string, before: number, limit: number): ListedToken[];
  /** Every token that expires after `now`, revoked ones too. */
  unexpired(now: number): TokenRecord[];
}

export interface TokenWriter extends TokenReader {
  insert(record: TokenRecord): void;
  /** @returns whether it was good until now */
  revoke(tokenId: string, at: number): boolean;
  /** Revokes every good token of an account but one. @returns how many */
  revokeAll(accountId: string, at: number, exceptTokenId?: string): number;
  /** Forgets tokens that expired before `before`. */
  prune(before: number): number;
}

interface Row {
  sequence: number;
  jti: string;
  account_id: string;
  issued_at: number;
  expires_at: number;
  revoked_at: number | null;
  description: string;
  scopes: string;
}

const columns = "sequence, jti, account_id, issued_at, expires_at, revoked_at, description, scopes";

/** See `TokenReader` and `TokenWriter`. Tells `changed` the id of every token that it writes. */
export class TokenStore implements TokenWriter {
  readonly #changed: (tokenId: string) => void;
  readonly #get: Statement<Row>;
  readonly #page: Statement<Row>;
  readonly #unexpired: Statement<Row>;
  readonly #insert: Statement<Row>;
  readonly #revoke: Statement<Row>;
  readonly #revokeAll: Statement<{ jti: string }>;
  readonly #prune: Statement<Row>;

  constructor(db: Database, changed: (tokenId: string) => void) {
    this.#changed = changed;
    this.#get = db.prepare(`SELECT ${columns} FROM tokens WHERE jti = ?`);
    this.#page = db.prepare(
      `SELECT ${columns} FROM tokens WHERE account_id = ? AND sequence < ? ORDER BY sequence DESC LIMIT ?`,
    );
    this.#unexpired = db.prepare(`SELECT ${columns} FROM tokens WHERE expires_at > ?`);
    this.#insert = db.prepare(
      `INSERT INTO tokens (jti, account_id, issued_at, expires_at, revoked_at, description, scopes)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#revoke = db.prepare("UPDATE tokens SET revoked_at = ? WHERE jti = ? AND revoked_at IS NULL");
    this.#revokeAll = db.prepare(
      "UPDATE tokens SET revoked_at = ? WHERE account_id = ? AND jti <> ? AND revoked_at IS NULL RETURNING jti",
    );
    this.#prune = db.prepare("DELETE FROM tokens WHERE expires_at < ?");
  }

  get(tokenId: string): TokenRecord | undefined {
    const row = this.#get.get(tokenId);
    return row === undefined ? undefined : recordOf(row);
  }

  page(accountId: string, before: number, limit: number): ListedToken[] {
    return this.#page.all(accountId, before, limit).map(recordOf);
  }

  unexpired(now: number): TokenRecord[] {
    return this.#unexpired.all(now).map(recordOf);
  }

  insert(record: TokenRecord): void {
    const { tokenId, accountId, issuedAt, expiresAt, revokedAt, description, scopes } = record;
    this.#insert.run(tokenId, accountId, issuedAt, expiresAt, revokedAt, description, joinScopes(scopes));
    this.#changed(tokenId);
  }

  revoke(tokenId: string, at: number): boolean {
    const revoked = this.#revoke.run(at, tokenId).changes > 0;
    if (revoked) this.#changed(tokenId);
    return revoked;
  }

  revokeAll(accountId: string, at: number, exceptTokenId = ""): number {
    const revoked = this.#revokeAll.all(at, accountId, exceptTokenId);
    for (const { jti } of revoked) this.#changed(jti);
    return revoked.length;
  }

  prune(before: number): number {
    return this.#prune.run(before).changes;
  }
}

function recordOf(row: Row): ListedToken {
  return {
    sequence: row.sequence,
    tokenId: row.jti,
    accountId: row.account_id,
    issuedAt: row.issued_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
    description: row.description,
    scopes: splitScopes(row.scopes),
  };
}
