import type { AuditLog } from "@lib/audit/mod.ts";
import type { Database, Statement } from "@lib/db/mod.ts";
import { conflict, notFound, quote } from "@lib/errors/mod.ts";
import { DomainName, parentKey, rootKey, textOfKey } from "../domain/name.ts";
import { nextSerial } from "../domain/serial.ts";
import type { SoaTimes } from "../domain/soa.ts";
import type { ZoneSettings } from "../domain/zone_settings.ts";
import type { CommitListener } from "./zone_follower.ts";

/** A zone's row. Times of the SOA in seconds, the others in ms since the epoch. */
export interface ZoneRow extends SoaTimes {
  readonly id: number;
  readonly name: string;
  readonly primary_ns: string;
  readonly admin_email: string;
  readonly serial: number;
  readonly created_at: number;
  readonly updated_at: number;
}

/** On whose behalf something changes: for the audit row. */
export interface By {
  /** Username. */
  readonly actor: string;
  /** Address that the request came from. */
  readonly remote: string;
}

export interface ZoneReader {
  /** Throws NotFound. */
  get(name: DomainName): ZoneRow;
  find(name: DomainName): ZoneRow | undefined;
  /** By name, those after `after`. */
  list(page: { limit: number; after: string | null }): ZoneRow[];
  /** How many records it has; reads an index of all of them (some 4 ms for 100,000), so not for every change. */
  countRecords(zone: ZoneRow): number;
  /** The deepest zone at or above the name. */
  enclosing(name: DomainName): ZoneRow | undefined;
}

/** Each call is one transaction, with its audit row; the zone in memory has changed when it returns. */
export interface ZoneWriter extends ZoneReader {
  /** Throws Conflict when it exists, or would hide records of the zone above. */
  create(name: DomainName, settings: ZoneSettings, by: By): ZoneRow;
  /** Changing nothing leaves the serial as it is. Throws NotFound. */
  update(name: DomainName, change: (now: ZoneRow) => ZoneSettings, by: By): ZoneRow;
  /** Removes the zone with its records. Throws NotFound. */
  delete(name: DomainName, by: By): void;
}

const columns = "id, name, primary_ns, admin_email, refresh, retry, expire, minimum, serial, created_at, updated_at";

export class ZoneStore implements ZoneWriter {
  readonly #db: Database;
  readonly #audit: AuditLog;
  readonly #committed: CommitListener;
  readonly #byName: Statement<ZoneRow>;
  readonly #page: Statement<ZoneRow>;
  readonly #insert: Statement<never>;
  readonly #update: Statement<never>;
  readonly #setSerial: Statement<never>;
  readonly #delete: Statement<never>;
  readonly #retire: Statement<never>;
  readonly #retired: Statement<{ serial: number }>;
  readonly #hidden: Statement<{ name: string }>;
  readonly #count: Statement<{ count: number }>;

  constructor(db: Database, audit: AuditLog, committed: CommitListener) {
    this.#db = db;
    this.#audit = audit;
    this.#committed = committed;
    this.#count = db.prepare("SELECT count(*) AS count FROM records WHERE zone_id = ?");
    this.#byName = db.prepare(`SELECT ${columns} FROM zones WHERE name = ?`);
    this.#page = db.prepare(`SELECT ${columns} FROM zones WHERE name > ? ORDER BY name LIMIT ?`);
    this.#insert = db.prepare(
      `INSERT INTO zones (name, primary_ns, admin_email, refresh, retry, expire, minimum, serial, created_at, updated_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#update = db.prepare(
      `UPDATE zones SET primary_ns = ?, admin_email = ?, refresh = ?, retry = ?, expire = ?, minimum = ? WHERE id = ?`,
    );
    this.#setSerial = db.prepare("UPDATE zones SET serial = ?, updated_at = ? WHERE id = ?");
    this.#delete = db.prepare("DELETE FROM zones WHERE id = ?");
    this.#retire = db.prepare(
      "INSERT INTO retired_zones (name, serial) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET serial = excluded.serial",
    );
    this.#retired = db.prepare("SELECT serial FROM retired_zones WHERE name = ?");
    this.#hidden = db.prepare(
      `SELECT name FROM records WHERE zone_id = ?1 AND (name = ?2 OR substr(name, -length(?2) - 1) = '.' || ?2) LIMIT 1`,
    );
  }

  countRecords({ id }: ZoneRow): number {
    return this.#count.get(id)?.count ?? 0;
  }

  find(name: DomainName): ZoneRow | undefined {
    return this.#byName.get(name.text);
  }

  get(name: DomainName): ZoneRow {
    const row = this.find(name);
    if (row === undefined) throw notFound("zone", name.text, { hint: "List the zones, or create it." });
    return row;
  }

  list({ limit, after }: { limit: number; after: string | null }): ZoneRow[] {
    return this.#page.all(after ?? "", limit);
  }

  enclosing(name: DomainName): ZoneRow | undefined {
    for (let key = name.key; key !== rootKey; key = parentKey(key)) {
      const row = this.#byName.get(textOfKey(key));
      if (row !== undefined) return row;
    }
    return undefined;
  }

  create(name: DomainName, settings: ZoneSettings, by: By): ZoneRow {
    const row = this.#db.write((at) => this.insert(name, settings, by, at));
    this.#committed.zoneChanged(name);
    return row;
  }

  update(name: DomainName, change: (now: ZoneRow) => ZoneSettings, by: By): ZoneRow {
    const row = this.#db.write((at) => {
      const before = this.get(name);
      const settings = change(before);
      if (sameSettings(before, settings)) return before;
      const { primaryNs, adminEmail, refresh, retry, expire, minimum } = settings;
      this.#update.run(primaryNs, adminEmail, refresh, retry, expire, minimum, before.id);
      const serial = this.raiseSerial(before, at);
      const detail = `${primaryNs} ${adminEmail} ${refresh} ${retry} ${expire} ${minimum}; serial ${serial}`;
      this.#audit.record(at, { ...by, action: "zone.update", target: name.text, detail });
      return this.get(name);
    });
    this.#committed.zoneChanged(name);
    return row;
  }

  delete(name: DomainName, by: By): void {
    this.#db.write((at) => {
      const zone = this.get(name);
      const detail = `${this.countRecords(zone)} records; serial ${zone.serial}`;
      this.#retire.run(name.text, zone.serial);
      this.#delete.run(zone.id);
      this.#audit.record(at, { ...by, action: "zone.delete", target: name.text, detail });
    });
    this.#committed.zoneRemoved(name);
  }

  /** Whether a zone of that name exists or ever existed. */
  isKnown(name: DomainName): boolean {
    return this.find(name) !== undefined || this.#retired.get(name.text) !== undefined;
  }

  /** `create` without its transaction: for use inside one, with its time. */
  insert(name: DomainName, settings: ZoneSettings, by: By, at: number): ZoneRow {
    if (this.find(name) !== undefined) throw conflict(`Cannot create zone ${quote(name.text)}: it exists`);
    this.#refuseToHide(name);
    const { primaryNs, adminEmail, refresh, retry, expire, minimum } = settings;
    const serial = nextSerial(this.#retired.get(name.text)?.serial ?? 0, at);
    this.#insert.run(name.text, primaryNs, adminEmail, refresh, retry, expire, minimum, serial, at, at);
    this.#audit.record(at, { ...by, action: "zone.create", target: name.text, detail: `serial ${serial}` });
    return this.get(name);
  }

  /** Gives the zone its next serial and returns it: in every transaction that changes the zone, once. */
  raiseSerial({ id, serial }: ZoneRow, at: number): number {
    const next = nextSerial(serial, at);
    this.#setSerial.run(next, at, id);
    return next;
  }

  #refuseToHide(name: DomainName): void {
    const above = this.enclosing(name);
    if (above === undefined) return;
    const relative = name.text.slice(0, -above.name.length - 1);
    const hidden = this.#hidden.get(above.id, relative);
    if (hidden !== undefined) {
      throw conflict(
        `Cannot create zone ${quote(name.text)}: record ${
          quote(hidden.name)
        } of zone ${above.name} would never be answered again`,
        { hint: "Delete the records at and below that name in the zone above first." },
      );
    }
  }
}

function sameSettings(row: ZoneRow, settings: ZoneSettings): boolean {
  return row.primary_ns === settings.primaryNs && row.admin_email === settings.adminEmail &&
    row.refresh === settings.refresh && row.retry === settings.retry && row.expire === settings.expire &&
    row.minimum === settings.minimum;
}
