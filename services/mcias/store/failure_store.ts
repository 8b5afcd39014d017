/**
 * Wrong passwords per account name and per address. What is stored of either is a
 * SHA-256, because what somebody typed as a name may have been a password.
 * @module
 */
import { createHash } from "node:crypto";
import type { Database, Statement } from "@lib/db/mod.ts";
import type { Failures } from "../domain/login_backoff.ts";

export type FailureKind = "account" | "address";

export interface FailureReader {
  get(kind: FailureKind, name: string): Failures | undefined;
}

export interface FailureWriter extends FailureReader {
  put(kind: FailureKind, name: string, failures: Failures): void;
  clear(kind: FailureKind, name: string): void;
  /** Forgets those whose last failure was before `before`. */
  prune(before: number): number;
}

interface Row {
  count: number;
  last_at: number;
  blocked_until: number;
}

/** See `FailureReader` and `FailureWriter`. */
export class FailureStore implements FailureWriter {
  readonly #get: Statement<Row>;
  readonly #put: Statement<Row>;
  readonly #clear: Statement<Row>;
  readonly #prune: Statement<Row>;

  constructor(db: Database) {
    this.#get = db.prepare("SELECT count, last_at, blocked_until FROM login_failures WHERE kind = ? AND key = ?");
    this.#put = db.prepare(
      `INSERT INTO login_failures (kind, key, count, last_at, blocked_until) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (kind, key) DO UPDATE SET
         count = excluded.count, last_at = excluded.last_at, blocked_until = excluded.blocked_until`,
    );
    this.#clear = db.prepare("DELETE FROM login_failures WHERE kind = ? AND key = ?");
    this.#prune = db.prepare("DELETE FROM login_failures WHERE last_at < ?");
  }

  get(kind: FailureKind, name: string): Failures | undefined {
    const row = this.#get.get(kind, keyOf(name));
    return row === undefined ? undefined : { count: row.count, lastAt: row.last_at, blockedUntil: row.blocked_until };
  }

  put(kind: FailureKind, name: string, { count, lastAt, blockedUntil }: Failures): void {
    this.#put.run(kind, keyOf(name), count, lastAt, blockedUntil);
  }

  clear(kind: FailureKind, name: string): void {
    this.#clear.run(kind, keyOf(name));
  }

  prune(before: number): number {
    return this.#prune.run(before).changes;
  }
}

function keyOf(name: string): string {
  return createHash("sha256").update(name).digest("hex");
}
