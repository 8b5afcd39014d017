/**
 * Migrations: numbered SQL texts, each applied once, in order, in one
 * transaction with its own row in `schema_migrations`. A text that was applied
 * may not change: its SHA-256 is kept and compared at every start.
 * @module
 */
import { createHash } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import { conflict } from "@lib/errors/mod.ts";

/** One step of the schema. */
export interface Migration {
  /** "001_zones": the number orders, the whole identifies. */
  name: string;
  sql: string;
}

/**
 * Brings the schema up to date; running it again changes nothing.
 * Throws Conflict when the file was written by a newer program (it has
 * migrations that this one doesn't know) or when an applied text was changed.
 */
export function migrate(db: DatabaseSync, migrations: readonly Migration[], path: string, now: number): void {
  db.exec(`CREATE TABLE IF NOT EXISTS schema_migrations (
    name TEXT PRIMARY KEY, sha256 TEXT NOT NULL, applied_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID`);
  const known = new Map(migrations.map((migration) => [migration.name, migration]));
  const applied = new Map(
    (db.prepare("SELECT name, sha256 FROM schema_migrations").all() as { name: string; sha256: string }[])
      .map((row) => [row.name, row.sha256]),
  );
  for (const name of applied.keys()) {
    if (!known.has(name)) {
      throw conflict(
        `Database ${path} is of a newer version: it has migration ${name}, which this program doesn't know`,
        {
          hint: "Start the newer program, or restore a snapshot that the older one wrote.",
        },
      );
    }
  }
  const insert = db.prepare("INSERT INTO schema_migrations (name, sha256, applied_at) VALUES (?, ?, ?)");
  for (const { name, sql } of [...migrations].sort((a, b) => a.name < b.name ? -1 : 1)) {
    const sha256 = createHash("sha256").update(sql).digest("hex");
    const before = applied.get(name);
    if (before === sha256) continue;
    if (before !== undefined) {
      throw conflict(`Database ${path}: migration ${name} differs from the one that was applied`, {
        hint: "An applied migration must not be edited; add a new one.",
      });
    }
    db.exec("BEGIN IMMEDIATE");
    try {
      // Another process may have applied it between the look above and this lock (hot restart).
      const raced = db.prepare("SELECT 1 FROM schema_migrations WHERE name = ?").get(name);
      if (raced === undefined) {
        db.exec(sql);
        insert.run(name, sha256, now);
      }
      db.exec("COMMIT");
    } catch (error) {
      // SQLite has rolled back by itself after some errors (disk full).
      if (db.isTransaction) db.exec("ROLLBACK");
      throw error;
    }
  }
}
