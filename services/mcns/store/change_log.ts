/** History: one row per change of a zone, with the records that went and came. Written in the change's own transaction. */
import type { Database, Statement } from "@lib/db/mod.ts";
import type { By } from "./zone_store.ts";

/** A record as history has it. */
export interface HistoryRecord {
  readonly name: string;
  readonly type: string;
  readonly value: string;
  readonly ttl: number;
  readonly view?: string;
  readonly expires_at?: number | null;
  readonly service?: string;
  readonly lease?: string;
}

/** One change. Times in ms since the epoch. */
export interface Change {
  readonly id: number;
  readonly zone: string;
  readonly at: number;
  readonly actor: string;
  readonly remote: string;
  readonly action: string;
  readonly serialBefore: number;
  readonly serial: number;
  readonly removed: readonly HistoryRecord[];
  readonly added: readonly HistoryRecord[];
  /** More records than are kept: it can't be taken back. */
  readonly isShortened: boolean;
  /** The change that this one took back, or null. */
  readonly undoes: number | null;
  /** The latest that took this one back, or null. */
  readonly undoneBy: number | null;
}

interface Row {
  id: number;
  zone: string;
  at: number;
  actor: string;
  remote: string;
  action: string;
  serial_before: number;
  serial: number;
  removed: string;
  added: string;
  undoes: number | null;
  undone_by: number | null;
}

/** Of a larger change the first records are kept, to be looked at: an import of a million lines is in its file. */
export const maxRecordsPerChange = 5000;

/** Changes kept per zone; the oldest go first. */
export const maxChangesPerZone = 10_000;

/** After so many more of a zone its oldest are looked for: counting them reads an index of all that are kept. */
const pruneEvery = 256;

const columns = `id, zone, at, actor, remote, action, serial_before, serial, removed, added, undoes,
  (SELECT max(later.id) FROM zone_changes AS later WHERE later.undoes = zone_changes.id) AS undone_by`;

export class ChangeLog {
  readonly #insert: Statement<never>;
  readonly #prune: Statement<never>;
  readonly #page: Statement<Row>;
  readonly #one: Statement<Row>;
  /** By zone: changes since its oldest were looked for. */
  readonly #sincePrune = new Map<string, number>();

  constructor(db: Database) {
    this.#insert = db.prepare(
      `INSERT INTO zone_changes (zone, at, actor, remote, action, serial_before, serial, removed, added, undoes)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#prune = db.prepare(
      `DELETE FROM zone_changes WHERE zone = ?1
       AND id <= (SELECT id FROM zone_changes WHERE zone = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)`,
    );
    this.#page = db.prepare(
      `SELECT ${columns} FROM zone_changes
       WHERE zone = ?1 AND id < ?2 AND (?3 IS NULL
         OR EXISTS (SELECT 1 FROM json_each(removed) WHERE value ->> 'name' = ?3)
         OR EXISTS (SELECT 1 FROM json_each(added) WHERE value ->> 'name' = ?3))
       ORDER BY id DESC LIMIT ?4`,
    );
    this.#one = db.prepare(`SELECT ${columns} FROM zone_changes WHERE zone = ? AND id = ?`);
  }

  append(
    change: Pick<Change, "zone" | "at" | "action" | "serialBefore" | "serial" | "removed" | "added" | "undoes">,
    by: By,
  ): number {
    const { zone, at, action, serialBefore, serial, removed, added, undoes } = change;
    const { lastInsertRowid } = this.#insert.run(
      ...[zone, at, by.actor, by.remote, action, serialBefore, serial],
      ...[toJson(removed), toJson(added), undoes],
    );
    // At its first change of this process, too: many may have come before.
    const since = (this.#sincePrune.get(zone) ?? pruneEvery - 1) + 1;
    if (since >= pruneEvery) this.#prune.run(zone, maxChangesPerZone);
    this.#sincePrune.set(zone, since % pruneEvery);
    return Number(lastInsertRowid);
  }

  /** Latest first, those before id `before` (null: from the latest); of `name` (relative) only, where given. */
  list(zone: string, name: string | null, page: { limit: number; before: number | null }): Change[] {
    return this.#page.all(zone, page.before ?? Number.MAX_SAFE_INTEGER, name, page.limit).map(changeOf);
  }

  find(zone: string, id: number): Change | undefined {
    const row = this.#one.get(zone, id);
    return row === undefined ? undefined : changeOf(row);
  }
}

/** A last element null says that there were more. */
function toJson(records: readonly HistoryRecord[]): string {
  return JSON.stringify(
    records.length <= maxRecordsPerChange ? records : [...records.slice(0, maxRecordsPerChange), null],
  );
}

function changeOf(row: Row): Change {
  const removed = JSON.parse(row.removed) as (HistoryRecord | null)[];
  const added = JSON.parse(row.added) as (HistoryRecord | null)[];
  const whole = (records: (HistoryRecord | null)[]) => records.filter((record) => record !== null);
  return {
    id: row.id,
    zone: row.zone,
    at: row.at,
    actor: row.actor,
    remote: row.remote,
    action: row.action,
    serialBefore: row.serial_before,
    serial: row.serial,
    removed: whole(removed),
    added: whole(added),
    isShortened: removed.at(-1) === null || added.at(-1) === null,
    undoes: row.undoes,
    undoneBy: row.undone_by,
  };
}
