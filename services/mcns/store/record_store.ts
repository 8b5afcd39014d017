import type { AuditLog } from "@lib/audit/mod.ts";
import type { Database, Statement } from "@lib/db/mod.ts";
import { conflict, invalid, quote } from "@lib/errors/mod.ts";
import { checkCnameRules } from "../domain/cname_rules.ts";
import type { DomainName } from "../domain/name.ts";
import type { RecordType, RecordValue } from "../domain/record.ts";
import type { RecordName } from "../domain/record_name.ts";
import type { CommitListener } from "./zone_follower.ts";
import type { By, ZoneRow, ZoneStore } from "./zone_store.ts";

/** A record's row. TTL in seconds, times in ms since the epoch. */
export interface RecordRow {
  readonly id: number;
  /** Relative to the zone, `@` for the apex. */
  readonly name: string;
  readonly type: RecordType;
  readonly value: string;
  readonly ttl: number;
  readonly created_at: number;
  readonly updated_at: number;
}

/** Which records; what is left out matches all. */
export interface RecordFilter {
  name?: RecordName;
  type?: RecordType;
}

export interface RecordReader {
  /** By id, those after `after`. Throws NotFound for the zone. */
  list(zone: DomainName, filter: RecordFilter, page: { limit: number; after: number }): RecordRow[];
}

/**
 * Each call is one transaction with the zone's next serial and an audit row; the zone in memory has changed when it
 * returns. A call that changes nothing leaves the serial as it is. Throws NotFound for the zone, Conflict and Invalid by the CNAME rules.
 */
export interface RecordWriter extends RecordReader {
  /** Throws Conflict when the record exists. Its TTL becomes that of all its set. */
  add(zone: DomainName, name: RecordName, value: RecordValue, ttlSeconds: number, by: By): RecordRow;
  /** Makes the records of name and type exactly these values, in any order. Idempotent. */
  set(
    zone: DomainName,
    name: RecordName,
    values: readonly RecordValue[],
    ttlSeconds: number,
    by: By,
  ): { records: RecordRow[]; serial: number };
  /** Deletes the records of that name, and of that type and value where given. None is no error. */
  remove(
    zone: DomainName,
    name: RecordName,
    filter: { type?: RecordType; value?: string },
    by: By,
  ): { deleted: number; serial: number };
}

/** Values of one name and type: they all go into one answer, which 64 IPv6 addresses fill with 1.8 kB. */
export const maxValuesPerSet = 64;

const columns = "id, name, type, value, ttl, created_at, updated_at";

export class RecordStore implements RecordWriter {
  readonly #db: Database;
  readonly #zones: ZoneStore;
  readonly #audit: AuditLog;
  readonly #committed: CommitListener;
  readonly #at: Statement<RecordRow>;
  readonly #page: Statement<RecordRow>;
  readonly #insert: Statement<never>;
  readonly #setTtl: Statement<never>;
  readonly #delete: Statement<never>;

  constructor(db: Database, zones: ZoneStore, audit: AuditLog, committed: CommitListener) {
    this.#db = db;
    this.#zones = zones;
    this.#audit = audit;
    this.#committed = committed;
    // The plus keeps SQLite from walking the whole zone in the order of ids instead of using the unique index.
    this.#at = db.prepare(`SELECT ${columns} FROM records WHERE zone_id = ? AND name = ? ORDER BY +id`);
    this.#page = db.prepare(
      `SELECT ${columns} FROM records WHERE zone_id = ?1 AND id > ?2 AND (?3 IS NULL OR type = ?3) ORDER BY id LIMIT ?4`,
    );
    this.#insert = db.prepare(
      "INSERT INTO records (zone_id, name, type, value, ttl, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
    );
    this.#setTtl = db.prepare(
      "UPDATE records SET ttl = ?1, updated_at = ?2 WHERE zone_id = ?3 AND name = ?4 AND type = ?5 AND ttl <> ?1",
    );
    this.#delete = db.prepare("DELETE FROM records WHERE id = ?");
  }

  list(
    zone: DomainName,
    { name, type }: RecordFilter,
    { limit, after }: { limit: number; after: number },
  ): RecordRow[] {
    const { id } = this.#zones.get(zone);
    if (name === undefined) return this.#page.all(id, after, type ?? null, limit);
    return this.#at.all(id, name.relative)
      .filter((row) => row.id > after && (type === undefined || row.type === type))
      .slice(0, limit);
  }

  add(zone: DomainName, name: RecordName, value: RecordValue, ttlSeconds: number, by: By): RecordRow {
    const { row, serialBefore } = this.#db.write((at) => {
      const zoneRow = this.#zones.get(zone);
      const row = this.insert(zoneRow, name, value, ttlSeconds, at);
      const serial = this.#zones.raiseSerial(zoneRow, at);
      this.#record(at, by, "record.add", name, value.type, `${value.text} ttl ${ttlSeconds}; serial ${serial}`);
      return { row, serialBefore: zoneRow.serial };
    });
    this.#committed.recordsChanged({ zone, name, serialBefore });
    return row;
  }

  set(
    zone: DomainName,
    name: RecordName,
    values: readonly RecordValue[],
    ttlSeconds: number,
    by: By,
  ): { records: RecordRow[]; serial: number } {
    const wanted = new Map(values.map((value) => [value.text, value]));
    const type = values[0]?.type;
    if (type === undefined) throw invalid("values", "must hold at least one value; delete the records to have none");
    if (type === "CNAME" && wanted.size > 1) {
      throw invalid("values", `a name has one CNAME, got ${wanted.size}: ${quote([...wanted.keys()].join(", "))}`);
    }
    const outcome = this.#db.write((at) => {
      const zoneRow = this.#zones.get(zone);
      const before = this.#ofType(zoneRow, name, type);
      if (sameSet(before, wanted, ttlSeconds)) return { records: before, serial: zoneRow.serial, serialBefore: null };
      for (const row of before) if (!wanted.has(row.value)) this.#delete.run(row.id);
      for (const value of wanted.values()) {
        if (!before.some((row) => row.value === value.text)) this.insert(zoneRow, name, value, ttlSeconds, at);
      }
      this.#setTtl.run(ttlSeconds, at, zoneRow.id, name.relative, type);
      const serial = this.#zones.raiseSerial(zoneRow, at);
      const was = before.map((row) => row.value).join(" ") || "nothing";
      const detail = `${[...wanted.keys()].join(" ")} ttl ${ttlSeconds}; was ${was}; serial ${serial}`;
      this.#record(at, by, "record.set", name, type, detail);
      return { records: this.#ofType(zoneRow, name, type), serial, serialBefore: zoneRow.serial };
    });
    const { records, serial, serialBefore } = outcome;
    if (serialBefore !== null) this.#committed.recordsChanged({ zone, name, serialBefore });
    return { records, serial };
  }

  remove(
    zone: DomainName,
    name: RecordName,
    filter: { type?: RecordType; value?: string },
    by: By,
  ): { deleted: number; serial: number } {
    const { deleted, serial, serialBefore } = this.#db.write((at) => {
      const zoneRow = this.#zones.get(zone);
      const rows = this.#at.all(zoneRow.id, name.relative).filter((row) =>
        (filter.type === undefined || row.type === filter.type) &&
        (filter.value === undefined || row.value === filter.value)
      );
      if (rows.length === 0) return { deleted: 0, serial: zoneRow.serial, serialBefore: null };
      for (const row of rows) this.#delete.run(row.id);
      const serial = this.#zones.raiseSerial(zoneRow, at);
      const was = rows.map((row) => `${row.type} ${row.value}`).join(" ");
      this.#record(at, by, "record.delete", name, filter.type ?? "all types", `was ${was}; serial ${serial}`);
      return { deleted: rows.length, serial, serialBefore: zoneRow.serial };
    });
    if (serialBefore !== null) this.#committed.recordsChanged({ zone, name, serialBefore });
    return { deleted, serial };
  }

  /** Adds one record by all rules, inside a transaction with its time; serial and audit row are the caller's. */
  insert(zone: ZoneRow, name: RecordName, value: RecordValue, ttlSeconds: number, at: number): RecordRow {
    this.#refuseHidden(zone, name, value.type);
    const present = this.#at.all(zone.id, name.relative);
    if (present.some((row) => row.type === value.type && row.value === value.text)) {
      throw conflict(`Cannot add ${value.type} ${quote(name.relative)}: it has ${value.text} already`);
    }
    checkCnameRules(name, value, present);
    if (present.filter((row) => row.type === value.type).length >= maxValuesPerSet) {
      throw conflict(
        `Cannot add ${value.type} ${quote(name.relative)}: it has ${maxValuesPerSet} values, and that is the limit`,
      );
    }
    this.#setTtl.run(ttlSeconds, at, zone.id, name.relative, value.type);
    const { lastInsertRowid } = this.#insert.run(zone.id, name.relative, value.type, value.text, ttlSeconds, at, at);
    return {
      id: lastInsertRowid,
      name: name.relative,
      type: value.type,
      value: value.text,
      ttl: ttlSeconds,
      created_at: at,
      updated_at: at,
    };
  }

  /** A deeper zone has the authority for its names: a record up here would never be answered. */
  #refuseHidden(zone: ZoneRow, name: RecordName, type: RecordType): void {
    const owner = this.#zones.enclosing(name.absolute);
    if (owner !== undefined && owner.id !== zone.id) {
      throw conflict(
        `Cannot add ${type} ${quote(name.relative)} to zone ${zone.name}: that name belongs to zone ${owner.name}`,
        {
          hint: `Add it to zone ${owner.name}.`,
        },
      );
    }
  }

  #ofType(zone: ZoneRow, name: RecordName, type: RecordType): RecordRow[] {
    return this.#at.all(zone.id, name.relative).filter((row) => row.type === type);
  }

  #record(at: number, by: By, action: string, name: RecordName, type: string, detail: string): void {
    this.#audit.record(at, { ...by, action, target: `${name.absolute} ${type}`, detail });
  }
}

function sameSet(rows: readonly RecordRow[], wanted: ReadonlyMap<string, RecordValue>, ttlSeconds: number): boolean {
  return rows.length === wanted.size && rows.every((row) => row.ttl === ttlSeconds && wanted.has(row.value));
}
