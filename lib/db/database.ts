import { backup, DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { type Clock, systemClock } from "@lib/clock/mod.ts";
import { messageOf, PlatformError, unavailable } from "@lib/errors/mod.ts";
import { type Logger, silentLogger } from "@lib/log/mod.ts";
import { migrate, type Migration } from "./migrations.ts";

/**
 * "full" syncs at every commit: an acknowledged change survives a power cut.
 * "normal" syncs at checkpoints: it survives a crash of the program, and a power cut may
 * lose the last commits, but never corrupts.
 */
export type Durability = "full" | "normal";

export interface OpenOptions {
  /** The database file; its folder must exist. Two more files appear beside it: -wal and -shm. */
  path: string;
  /** The schema's steps; "as-is" leaves the schema alone (snapshots). */
  migrations: readonly Migration[] | "as-is";
  durability: Durability;
  clock?: Clock;
  log?: Logger;
}

/** A prepared statement that yields rows of type `Row`. */
export interface Statement<Row> {
  get(...parameters: SQLInputValue[]): Row | undefined;
  all(...parameters: SQLInputValue[]): Row[];
  iterate(...parameters: SQLInputValue[]): IterableIterator<Row>;
  run(...parameters: SQLInputValue[]): { changes: number; lastInsertRowid: number };
}

/** An open database. Close it. */
export interface Database extends Disposable {
  readonly path: string;
  /** Prepares once; stores do so in their constructors. Integers beyond 2^53 throw when read. */
  prepare<Row>(sql: string): Statement<Row>;
  /** The same for rows as arrays, column by column: for reading very many, at a third of the cost. */
  prepareArrays<Row extends readonly unknown[]>(sql: string): Statement<Row>;
  /**
   * Runs `work` in one BEGIN IMMEDIATE transaction and hands it the transaction's one timestamp
   * (milliseconds since the epoch). Commits when it returns, rolls back when it throws. Synchronous,
   * so that nothing else of this program runs in between; not nested.
   * Throws Unavailable when another process holds the write lock for more than 5 s or the disk is full.
   */
  write<T>(work: (at: number) => T): T;
  /**
   * As `write`, but doesn't wait for the disk: until the next `write` has returned, a power cut may undo it, as a whole. For
   * what counts only together with that.
   */
  writeAhead<T>(work: (at: number) => T): T;
  /** Runs several reads on one state of the database, whatever others commit meanwhile. Inside `write` it adds nothing. */
  read<T>(work: () => T): T;
  /** Changes when another connection has committed; for programs that keep rows in memory. */
  dataVersion(): number;
  /** Writes a consistent copy to `path` while others read and write. */
  backup(path: string): Promise<void>;
  /** What `PRAGMA integrity_check` and the foreign keys complain of; empty when whole. */
  check(): string[];
  close(): void;
}

// Another process of the same service holds the lock for milliseconds at a hot restart; five seconds
// is long enough for a slow disk and short enough that a caller's deadline (10 s) is not used up.
const busyTimeoutMs = 5000;

/**
 * Opens the file, creating it, and brings its schema up to date.
 * Throws Unavailable, naming the file and the way out, when it is corrupt or not a database.
 */
export function openDatabase(options: OpenOptions): Database {
  const { path, migrations, durability, clock = systemClock, log = silentLogger } = options;
  ownFile(path, log);
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path, { enableForeignKeyConstraints: true, timeout: busyTimeoutMs });
    // WAL: readers never wait for the writer, and a second process can take over while the first drains.
    db.exec("PRAGMA journal_mode = WAL");
    db.exec(`PRAGMA synchronous = ${durability === "full" ? "FULL" : "NORMAL"}`);
    // 64 MiB at most: a WAL that grew in a burst is cut back at the next checkpoint.
    db.exec("PRAGMA journal_size_limit = 67108864");
    if (migrations !== "as-is") migrate(db, migrations, path, clock.now());
    // quick_check reads every page: 40 ms for 10 MB, and a damaged file is found at start, not at 3 a.m.
    const found = (db.prepare("PRAGMA quick_check(1)").get() as { quick_check: string }).quick_check;
    if (found !== "ok") throw new Error(found);
  } catch (error) {
    db?.close();
    throw explained(path, error);
  }
  return new SqliteDatabase(db, path, clock, durability);
}

/**
 * Makes the file readable for its owner alone, before SQLite opens it: -wal and -shm take its mode. Where modes can't
 * be set (some volumes of rootless containers), the database is used all the same.
 */
function ownFile(path: string, log: Logger): void {
  try {
    Deno.openSync(path, { create: true, write: true, mode: 0o600 }).close();
    Deno.chmodSync(path, 0o600);
  } catch (error) {
    log.warn("cannot set the mode of the database file; going on", { path, error: messageOf(error) });
  }
}

class SqliteDatabase implements Database {
  readonly path: string;
  readonly #db: DatabaseSync;
  readonly #clock: Clock;
  readonly #durability: Durability;
  readonly #version: StatementSync;
  #writing = false;

  constructor(db: DatabaseSync, path: string, clock: Clock, durability: Durability) {
    this.#db = db;
    this.#durability = durability;
    this.path = path;
    this.#clock = clock;
    this.#version = db.prepare("PRAGMA data_version");
  }

  prepare<Row>(sql: string): Statement<Row> {
    return typed(this.#db.prepare(sql));
  }

  prepareArrays<Row extends readonly unknown[]>(sql: string): Statement<Row> {
    const statement = this.#db.prepare(sql);
    // The runtime has it, its types don't yet.
    (statement as StatementSync & { setReturnArrays(on: boolean): void }).setReturnArrays(true);
    return typed(statement);
  }

  read<T>(work: () => T): T {
    if (this.#db.isTransaction) return work();
    this.#db.exec("BEGIN");
    try {
      return work();
    } finally {
      this.#db.exec("COMMIT");
    }
  }

  writeAhead<T>(work: (at: number) => T): T {
    this.#db.exec("PRAGMA synchronous = NORMAL");
    try {
      return this.write(work);
    } finally {
      if (this.#durability === "full") this.#db.exec("PRAGMA synchronous = FULL");
    }
  }

  write<T>(work: (at: number) => T): T {
    if (this.#writing) throw new Error("a write transaction is open already: pass it on instead of nesting");
    this.#writing = true;
    try {
      this.#db.exec("BEGIN IMMEDIATE");
      try {
        const result = work(this.#clock.now());
        if (result instanceof Promise) throw new Error("a write transaction is synchronous");
        this.#db.exec("COMMIT");
        return result;
      } catch (error) {
        // SQLite has rolled back by itself after some errors (disk full).
        if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
        throw error;
      }
    } catch (error) {
      throw explained(this.path, error);
    } finally {
      this.#writing = false;
    }
  }

  dataVersion(): number {
    return (this.#version.get() as { data_version: number }).data_version;
  }

  async backup(path: string): Promise<void> {
    await backup(this.#db, path);
  }

  check(): string[] {
    const rows = this.#db.prepare("PRAGMA integrity_check(20)").all() as { integrity_check: string }[];
    const problems = rows.map((row) => row.integrity_check).filter((text) => text !== "ok");
    const keys = this.#db.prepare("PRAGMA foreign_key_check").all() as { table: string; rowid: number }[];
    return [...problems, ...keys.map((row) => `row ${row.rowid} of ${row.table} refers to a row that is not there`)];
  }

  close(): void {
    if (this.#db.isOpen) this.#db.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

// SQLite's primary result codes (sqlite3.h).
const SQLITE_BUSY = 5,
  SQLITE_READONLY = 8,
  SQLITE_CORRUPT = 11,
  SQLITE_FULL = 13,
  SQLITE_CANTOPEN = 14,
  SQLITE_NOTADB = 26;

/** By SQLite's own texts, for errors that come without a code: `exec`, and with it COMMIT, has none. */
const codeOfText: [text: RegExp, code: number][] = [
  [/malformed|not a database|\*\*\* in database/, SQLITE_CORRUPT],
  [/disk is full/, SQLITE_FULL],
  [/database is locked/, SQLITE_BUSY],
  [/readonly database/, SQLITE_READONLY],
  [/unable to open/, SQLITE_CANTOPEN],
];

function codeOf(error: unknown, text: string): number | undefined {
  const extended = (error as { errcode?: number }).errcode;
  // The low byte of an extended code is the primary one.
  return codeOfText.find(([pattern]) => pattern.test(text))?.[1] ??
    (extended === undefined ? undefined : extended & 0xff);
}

/** SQLite's refusals in words that say what to do; everything else as it was thrown. */
function explained(path: string, error: unknown): unknown {
  if (error instanceof PlatformError) return error;
  const text = messageOf(error);
  const code = codeOf(error, text);
  if (code === SQLITE_CORRUPT || code === SQLITE_NOTADB) {
    return unavailable(`Database ${path} is damaged: ${text}`, {
      hint: "Stop the service, keep the file for a look, and restore the last snapshot (RUNBOOK.md, Restore).",
      cause: error,
    });
  }
  switch (code) {
    case SQLITE_FULL:
      return unavailable(`The disk that holds ${path} is full: nothing was changed`, {
        hint: "Free some space and try again.",
        cause: error,
      });
    case SQLITE_BUSY:
      return unavailable(`Database ${path} is locked by another process for more than ${busyTimeoutMs} ms`, {
        cause: error,
      });
    case SQLITE_READONLY:
      return unavailable(`Database ${path} can't be written: ${text}`, {
        hint: "Check the file's owner and mode.",
        cause: error,
      });
    case SQLITE_CANTOPEN:
      return unavailable(`Database ${path} can't be opened: ${text}`, {
        hint: "Check that the folder is there and writable.",
        cause: error,
      });
    default:
      return error;
  }
}

function typed<Row>(statement: StatementSync): Statement<Row> {
  return {
    get: (...parameters) => statement.get(...parameters) as Row | undefined,
    all: (...parameters) => statement.all(...parameters) as Row[],
    iterate: (...parameters) => statement.iterate(...parameters) as IterableIterator<Row>,
    run: (...parameters) => {
      const { changes, lastInsertRowid } = statement.run(...parameters);
      return { changes: Number(changes), lastInsertRowid: Number(lastInsertRowid) };
    },
  };
}
