import type { Database, Statement } from "@lib/db/mod.ts";
import type { RecordSpec } from "../domain/record.ts";
import { formatData } from "../domain/rdata/record_data.ts";
import { typeText } from "../domain/rdata/record_type.ts";
import { type AnswerRow, recordColumns, type StoredRecord } from "./stored_record.ts";

/** What `RecordRows.page` looks for; what is left out matches all. */
export interface RecordFilter {
  /** Relative. */
  readonly name?: string;
  readonly type?: string;
  /** "" for those of all clients. */
  readonly view?: string;
  /** Text in name or value. */
  readonly contains?: string;
  readonly service?: string;
  readonly lease?: string;
}

/** A row that the table doesn't have yet. */
export type NewRow = Omit<StoredRecord, "id">;

/** The row of a record, its value in canonical text. */
export function newRow(spec: RecordSpec, at: number): NewRow {
  const { name, type, data, ttlSeconds, view = "", expiresAt = null, service = "", lease = "" } = spec;
  return {
    name: name.relative,
    type: typeText(type),
    value: formatData(type, data),
    ttl: ttlSeconds,
    ...{ view, expires_at: expiresAt, service, lease },
    created_at: at,
    updated_at: at,
  };
}

/** Rows that `visitAnswers` reads at once. */
const answersPage = 10_000;

/** The statements on the table of records. What writes belongs inside a transaction of ZoneEditor. */
export class RecordRows {
  readonly #at: Statement<StoredRecord>;
  readonly #all: Statement<StoredRecord>;
  readonly #db: Database;
  readonly #answers: Statement<[name: string, type: string, value: string, ttl: number, view: string]>;
  readonly #byName: Statement<StoredRecord>;
  readonly #page: Statement<StoredRecord>;
  readonly #expiredZones: Statement<{ name: string }>;
  readonly #expired: Statement<{ zone: string; name: string; id: number }>;
  readonly #nextExpiry: Statement<{ at: number }>;
  readonly #owned: Statement<{ zone: string; name: string; id: number }>;
  readonly #insert: Statement<never>;
  readonly #setTtl: Statement<never>;
  readonly #renew: Statement<never>;
  readonly #below: Statement<{ name: string }>;
  readonly #delete: Statement<never>;
  readonly #deleteAt: Statement<never>;

  constructor(db: Database) {
    this.#db = db;
    // The plus keeps SQLite from walking the whole zone in the order of ids instead of using the unique index.
    this.#at = db.prepare(`SELECT ${recordColumns} FROM records WHERE zone_id = ? AND name = ? ORDER BY +id`);
    this.#all = db.prepare(`SELECT ${recordColumns} FROM records WHERE zone_id = ? ORDER BY name, type, value`);
    // In the order of the unique index, so that the records of a name follow each other.
    this.#answers = db.prepareArrays(
      `SELECT name, type, value, ttl, view FROM records
       WHERE zone_id = ?1 AND (name, type, value, view) > (?2, ?3, ?4, ?5)
       ORDER BY name, type, value, view LIMIT ${answersPage}`,
    );
    this.#byName = db.prepare(
      `SELECT ${recordColumns} FROM records WHERE zone_id = ?1 AND (name, type, value, view) > (?2, ?3, ?4, ?5)
       ORDER BY name, type, value, view LIMIT ?6`,
    );
    this.#page = db.prepare(
      `SELECT ${recordColumns} FROM records WHERE zone_id = ?1 AND id > ?2 AND (?3 IS NULL OR type = ?3)
         AND (?4 IS NULL OR view = ?4) AND (?5 IS NULL OR instr(name, ?5) > 0 OR instr(lower(value), ?5) > 0)
         AND (?6 IS NULL OR service = ?6) AND (?7 IS NULL OR lease = ?7) ORDER BY id LIMIT ?8`,
    );
    this.#expiredZones = db.prepare(
      "SELECT DISTINCT zones.name AS name FROM records JOIN zones ON zones.id = zone_id WHERE expires_at <= ? AND staged = 0",
    );
    this.#expired = db.prepare(
      `SELECT zones.name AS zone, records.name AS name, records.id AS id FROM records JOIN zones ON zones.id = zone_id
       WHERE expires_at <= ? AND zones.name = ? ORDER BY records.name LIMIT 1000`,
    );
    this.#nextExpiry = db.prepare(
      `SELECT expires_at AS at FROM records JOIN zones ON zones.id = zone_id
       WHERE expires_at IS NOT NULL AND staged = 0 ORDER BY expires_at LIMIT 1`,
    );
    this.#owned = db.prepare(
      `SELECT zones.name AS zone, records.name AS name, records.id AS id FROM records JOIN zones ON zones.id = zone_id
       WHERE service = ?1 AND service <> '' AND (?2 = '' OR lease = ?2) AND staged = 0
       ORDER BY zone_id, records.name`,
    );
    this.#insert = db.prepare(
      `INSERT INTO records (zone_id, name, type, value, ttl, view, expires_at, service, lease, created_at, updated_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#setTtl = db.prepare(
      `UPDATE records SET ttl = ?1, updated_at = ?2
       WHERE zone_id = ?3 AND name = ?4 AND type = ?5 AND view = ?6 AND ttl <> ?1`,
    );
    this.#below = db.prepare(
      `SELECT DISTINCT name FROM records
       WHERE zone_id = ?1 AND (substr(name, -length(?2) - 1) = '.' || ?2 OR ?2 = '@' AND name <> '@') ORDER BY name`,
    );
    this.#renew = db.prepare("UPDATE records SET expires_at = ?, service = ?, lease = ?, updated_at = ? WHERE id = ?");
    this.#delete = db.prepare("DELETE FROM records WHERE id = ?");
    this.#deleteAt = db.prepare("DELETE FROM records WHERE zone_id = ? AND name = ?");
  }

  /** At one relative name, oldest first. */
  at(zoneId: number, relative: string): StoredRecord[] {
    return this.#at.all(zoneId, relative);
  }

  all(zoneId: number): StoredRecord[] {
    return this.#all.all(zoneId);
  }

  /**
   * Visits all that answers need, name by name. In pages: a million records take one second, row after row they take four
   * and a half, and all at once they take a quarter of a gigabyte.
   */
  visitAnswers(zoneId: number, visit: (row: AnswerRow) => void): void {
    this.#db.read(() => {
      let after = { name: "", type: "", value: "", view: "" };
      for (let count = answersPage; count === answersPage;) {
        const page = this.#answers.all(zoneId, after.name, after.type, after.value, after.view);
        for (const [name, type, value, ttl, view] of page) {
          const row = { name, type, value, ttl, view };
          visit(row);
          after = row;
        }
        count = page.length;
      }
    });
  }

  /** By name, type, value and view: those after `after`, null for the first. */
  pageByName(zoneId: number, { limit, after }: { limit: number; after: StoredRecord | null }): StoredRecord[] {
    const { name = "", type = "", value = "", view = "" } = after ?? {};
    return this.#byName.all(zoneId, name, type, value, view, limit);
  }

  /** By id, those after `after`. */
  page(zoneId: number, filter: RecordFilter, { limit, after }: { limit: number; after: number }): StoredRecord[] {
    const { name, type, view, contains, service, lease } = filter;
    if (name === undefined) {
      return this.#page.all(
        ...[zoneId, after, type ?? null, view ?? null, contains?.toLowerCase() ?? null, service ?? null, lease ?? null],
        limit,
      );
    }
    const text = contains?.toLowerCase();
    return this.at(zoneId, name).filter((row) =>
      row.id > after && (type === undefined || row.type === type) && (view === undefined || row.view === view) &&
      (text === undefined || row.name.includes(text) || row.value.toLowerCase().includes(text)) &&
      (service === undefined || row.service === service) && (lease === undefined || row.lease === lease)
    ).slice(0, limit);
  }

  /** Names of the zones that have records whose time is over. */
  expiredZones(at: number): string[] {
    return this.#expiredZones.all(at).map(({ name }) => name);
  }

  /** At most 1,000 records of a zone whose time is over, name by name. */
  expired(at: number, zone: string): { zone: string; name: string; id: number }[] {
    return this.#expired.all(at, zone);
  }

  /** When the next record goes by itself; null when none does. */
  nextExpiry(): number | null {
    return this.#nextExpiry.get()?.at ?? null;
  }

  /** What stands for a service, or for one lease of it ("" for all), zone by zone. */
  owned(service: string, lease: string): { zone: string; name: string; id: number }[] {
    return this.#owned.all(service, lease);
  }

  insert(zoneId: number, spec: RecordSpec, at: number): StoredRecord {
    const row = newRow(spec, at);
    return { id: this.put(zoneId, row), ...row };
  }

  /** Names whose text ends like those below one: a label may have a dot in it. */
  namesBelow(zoneId: number, relative: string): string[] {
    return this.#below.all(zoneId, relative).map(({ name }) => name);
  }

  /** Adds a row as it is. @returns its id */
  put(zoneId: number, row: NewRow): number {
    const { name, type, value, ttl, view, expires_at, service, lease, created_at, updated_at } = row;
    return this.#insert.run(
      ...[zoneId, name, type, value, ttl, view, expires_at, service, lease, created_at, updated_at],
    ).lastInsertRowid;
  }

  /** Of all records of a set. */
  setTtl(zoneId: number, relative: string, type: string, view: string, ttlSeconds: number, at: number): void {
    this.#setTtl.run(ttlSeconds, at, zoneId, relative, type, view);
  }

  /** Gives a record another end or owner. */
  renew(id: number, owner: { expiresAt: number | null; service: string; lease: string }, at: number): void {
    this.#renew.run(owner.expiresAt, owner.service, owner.lease, at, id);
  }

  delete(id: number): void {
    this.#delete.run(id);
  }

  deleteAt(zoneId: number, relative: string): void {
    this.#deleteAt.run(zoneId, relative);
  }
}
