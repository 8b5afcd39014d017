/**
 * The whole store of MCIAS: readers for everybody, one writer per transaction,
 * and the in-memory index that follows every commit.
 *
 * Durability is "full": a revocation or an account that was acknowledged
 * survives a power cut.
 * @module
 */
import { AuditLog, auditMigration } from "@lib/audit/mod.ts";
import type { Clock } from "@lib/clock/mod.ts";
import { type Database, openDatabase } from "@lib/db/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import { type AccountReader, AccountStore, type AccountWriter } from "./account_store.ts";
import { type FailureReader, FailureStore, type FailureWriter } from "./failure_store.ts";
import { IdentityIndex } from "./identity_index.ts";
import { type KeyReader, KeyStore, type KeyWriter } from "./key_store.ts";
import identitySql from "./migrations/001_identity.sql" with { type: "text" };
import tokenScopesSql from "./migrations/002_token_scopes.sql" with { type: "text" };
import { type TokenReader, TokenStore, type TokenWriter } from "./token_store.ts";

/** What a transaction may do. */
export interface Writer {
  /** The transaction's time, ms since the epoch. */
  readonly at: number;
  readonly accounts: AccountWriter;
  readonly tokens: TokenWriter;
  readonly keys: KeyWriter;
  readonly failures: FailureWriter;
  readonly audit: Pick<AuditLog, "record">;
}

/** The database file within the data folder. */
export function databaseIn(dataDir: string): string {
  return `${dataDir}/mcias.db`;
}

/** See the module's text. Close it. */
export class IdentityStore implements Disposable {
  readonly db: Database;
  readonly accounts: AccountReader;
  readonly tokens: TokenReader;
  readonly keys: KeyReader;
  readonly failures: FailureReader;
  readonly audit: Pick<AuditLog, "list">;
  readonly index = new IdentityIndex();
  readonly #clock: Clock;
  readonly #changedAccounts = new Set<string>();
  readonly #changedTokens = new Set<string>();
  readonly #writer: Omit<Writer, "at">;
  #seenVersion = 0;

  private constructor(db: Database, clock: Clock) {
    this.db = db;
    this.#clock = clock;
    const writer = {
      accounts: new AccountStore(db, (id) => this.#changedAccounts.add(id)),
      tokens: new TokenStore(db, (id) => this.#changedTokens.add(id)),
      keys: new KeyStore(db),
      failures: new FailureStore(db),
    };
    const audit = new AuditLog(db);
    this.accounts = writer.accounts;
    this.tokens = writer.tokens;
    this.keys = writer.keys;
    this.failures = writer.failures;
    this.audit = audit;
    this.#writer = { ...writer, audit };
    this.reload();
  }

  /** Opens or creates the database in the folder, which must exist. */
  static open(dataDir: string, clock: Clock, log: Logger): IdentityStore {
    const db = openDatabase({
      path: databaseIn(dataDir),
      migrations: [
        { name: "001_identity", sql: identitySql },
        { name: "002_token_scopes", sql: tokenScopesSql },
        auditMigration,
      ],
      durability: "full",
      clock,
      log,
    });
    try {
      return new IdentityStore(db, clock);
    } catch (error) {
      db.close();
      throw error;
    }
  }

  /** Commits everything that `work` writes, or nothing when it throws; the index follows in the same call. */
  write<T>(work: (writer: Writer) => T): T {
    this.#changedAccounts.clear();
    this.#changedTokens.clear();
    const result = this.db.write((at) => work({ ...this.#writer, at }));
    for (const id of this.#changedAccounts) {
      const account = this.accounts.byId(id);
      if (account !== undefined) this.index.putAccount(account);
    }
    for (const id of this.#changedTokens) {
      const token = this.tokens.get(id);
      if (token !== undefined) this.index.putToken(token);
    }
    this.index.putKeys(this.keys.signingKeys());
    return result;
  }

  /** Rebuilds the index. */
  reload(): void {
    // The version is read first: a commit that comes in between is loaded now and once more, never missed.
    this.#seenVersion = this.db.dataVersion();
    this.index.load(this.accounts.all(), this.tokens.unexpired(this.#clock.now()), this.keys.signingKeys());
  }

  /** Rebuilds the index when another process has committed since. @returns whether it had */
  refresh(): boolean {
    if (this.db.dataVersion() === this.#seenVersion) return false;
    this.reload();
    return true;
  }

  close(): void {
    this.db.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
