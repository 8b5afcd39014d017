import type { AuditLog } from "@lib/audit/mod.ts";
import type { Database, Statement } from "@lib/db/mod.ts";
import { conflict, notFound, quote } from "@lib/errors/mod.ts";
import { DomainName, parentKey, rootKey, textOfKey } from "../domain/name.ts";
import { nextSerial } from "../domain/serial.ts";
import type { SoaTimes } from "../domain/soa.ts";
import type { ZoneSettings } from "../domain/zone_settings.ts";

export type ZoneKind = "primary" | "secondary";

/** A zone's row. Times of the SOA and `soa_ttl` in seconds, the others in ms since the epoch. */
export interface ZoneRow extends SoaTimes {
  readonly id: number;
  readonly name: string;
  readonly primary_ns: string;
  readonly admin_email: string;
  readonly serial: number;
  readonly created_at: number;
  readonly updated_at: number;
  readonly kind: ZoneKind;
  readonly soa_ttl: number;
  /** Views that it is limited to, separated by spaces; "" for all clients. */
  readonly views: string;
  /** 1 for a catalog zone (RFC 9432). */
  readonly is_catalog: number;
  /** The catalog zone that it is a member of, or "". */
  readonly catalog: string;
}

/** What a new zone is. */
export interface NewZone {
  readonly settings: ZoneSettings;
  readonly kind?: ZoneKind;
  readonly views?: readonly string[];
  readonly isCatalog?: boolean;
  readonly catalog?: string;
}

/** The SOA of a secondary, as its primary has it; names in presentation form, `ttlSeconds` the record's own TTL. */
export interface SecondarySoa extends ZoneSettings {
  readonly serial: number;
  readonly ttlSeconds: number;
}

/** On whose behalf something changes: for history and audit. */
export interface By {
  /** Username; "tsig:<key>", "config", "expiry", "primary <address>" where no account stands behind it. */
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
  /** How many there are of all; reads an index of every record, as `countRecords` does. */
  totals(): { zones: number; records: number };
  /** The deepest zone at or above the name. */
  enclosing(name: DomainName): ZoneRow | undefined;
}

const columns =
  `id, name, primary_ns, admin_email, refresh, retry, expire, minimum, serial, created_at, updated_at, kind, soa_ttl, views,
   is_catalog, catalog`;

/** The rows of zones. What changes them belongs inside a transaction: ZoneEditor has it. */
export class ZoneStore implements ZoneReader {
  readonly #audit: AuditLog;
  readonly #byName: Statement<ZoneRow>;
  readonly #page: Statement<ZoneRow>;
  readonly #all: Statement<ZoneRow>;
  readonly #insert: Statement<never>;
  readonly #settings: Statement<never>;
  readonly #setViews: Statement<never>;
  readonly #setCatalog: Statement<never>;
  readonly #setSerial: Statement<never>;
  readonly #delete: Statement<never>;
  readonly #retire: Statement<never>;
  readonly #retired: Statement<{ serial: number }>;
  readonly #hidden: Statement<{ name: string }>;
  readonly #recordViews: Statement<{ view: string }>;
  readonly #below: Statement<{ name: string }>;
  readonly #count: Statement<{ count: number }>;
  readonly #totals: Statement<{ zones: number; records: number }>;

  constructor(db: Database, audit: AuditLog) {
    this.#audit = audit;
    this.#count = db.prepare("SELECT count(*) AS count FROM records WHERE zone_id = ?");
    this.#recordViews = db.prepare("SELECT DISTINCT view FROM records WHERE view <> ''");
    this.#below = db.prepare(
      "SELECT name FROM zones WHERE substr(name, -length(?1) - 1) = '.' || ?1 AND staged = 0 ORDER BY name",
    );
    this.#totals = db.prepare(
      `SELECT (SELECT count(*) FROM zones WHERE staged = 0) AS zones,
         (SELECT count(*) FROM records) -
         (SELECT count(*) FROM records WHERE zone_id IN (SELECT id FROM zones WHERE staged = 1)) AS records`,
    );
    this.#byName = db.prepare(`SELECT ${columns} FROM zones WHERE name = ?`);
    this.#page = db.prepare(`SELECT ${columns} FROM zones WHERE name > ? AND staged = 0 ORDER BY name LIMIT ?`);
    this.#all = db.prepare(`SELECT ${columns} FROM zones WHERE staged = 0 ORDER BY name`);
    this.#insert = db.prepare(
      `INSERT INTO zones (name, primary_ns, admin_email, refresh, retry, expire, minimum, serial, created_at, updated_at,
         kind, views, is_catalog, catalog)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#settings = db.prepare(
      `UPDATE zones SET primary_ns = ?, admin_email = ?, refresh = ?, retry = ?, expire = ?, minimum = ?, soa_ttl = ?
       WHERE id = ?`,
    );
    this.#setViews = db.prepare("UPDATE zones SET views = ? WHERE id = ?");
    this.#setCatalog = db.prepare("UPDATE zones SET catalog = ? WHERE id = ?");
    this.#setSerial = db.prepare("UPDATE zones SET serial = ?, updated_at = ? WHERE id = ?");
    this.#delete = db.prepare("DELETE FROM zones WHERE id = ?");
    this.#retire = db.prepare(
      "INSERT INTO retired_zones (name, serial) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET serial = excluded.serial",
    );
    this.#retired = db.prepare("SELECT serial FROM retired_zones WHERE name = ?");
    this.#hidden = db.prepare(
      `SELECT name FROM records
       WHERE zone_id = ?1 AND type NOT IN ('NS', 'DS') AND (name = ?2 OR substr(name, -length(?2) - 1) = '.' || ?2) LIMIT 1`,
    );
  }

  countRecords({ id }: ZoneRow): number {
    return this.#count.get(id)?.count ?? 0;
  }

  totals(): { zones: number; records: number } {
    return this.#totals.get() ?? { zones: 0, records: 0 };
  }

  find(name: DomainName): ZoneRow | undefined {
    return this.#byName.get(name.text);
  }

  get(name: DomainName): ZoneRow {
    const row = this.find(name);
    if (row === undefined) throw notFound("zone", name.text, { hint: "List the zones, or create it." });
    return row;
  }

  /** Throws NotFound, and Conflict for a secondary. */
  getPrimary(name: DomainName): ZoneRow {
    const row = this.get(name);
    if (row.kind === "primary") return row;
    throw conflict(`Cannot change zone ${quote(row.name)}: it is a secondary, its records come from its primary`);
  }

  list({ limit, after }: { limit: number; after: string | null }): ZoneRow[] {
    return this.#page.all(after ?? "", limit);
  }

  /** The views that zones and records are limited to. */
  viewsInUse(): string[] {
    const ofZones = this.all().flatMap(({ views }) => views === "" ? [] : views.split(" "));
    return [...new Set([...ofZones, ...this.#recordViews.all().map(({ view }) => view)])];
  }

  all(): ZoneRow[] {
    return this.#all.all();
  }

  enclosing(name: DomainName): ZoneRow | undefined {
    for (let key = name.key;; key = parentKey(key)) {
      const row = this.#byName.get(textOfKey(key));
      if (row !== undefined || key === rootKey) return row;
    }
  }

  /** Whether a zone of that name exists or ever existed. */
  isKnown(name: DomainName): boolean {
    return this.find(name) !== undefined || this.#retired.get(name.text) !== undefined;
  }

  /** Throws Conflict when it exists, or would hide records of the zone above. */
  insert(name: DomainName, zone: NewZone, at: number): ZoneRow {
    if (this.find(name) !== undefined) throw conflict(`Cannot create zone ${quote(name.text)}: it exists`);
    this.#refuseToHide(name);
    const { primaryNs, adminEmail, refresh, retry, expire, minimum } = zone.settings;
    const kind = zone.kind ?? "primary";
    // A secondary has no serial before its first transfer: 0 is older than any (RFC 1982).
    const serial = kind === "secondary" ? 0 : nextSerial(this.#retired.get(name.text)?.serial ?? 0, at);
    this.#insert.run(
      ...[name.text, primaryNs, adminEmail, refresh, retry, expire, minimum, serial, at, at, kind],
      ...[(zone.views ?? []).join(" "), zone.isCatalog ? 1 : 0, zone.catalog ?? ""],
    );
    return this.get(name);
  }

  /** Whether there is a zone below the name. */
  hasBelow(name: DomainName): boolean {
    return this.#below.get(name.text) !== undefined;
  }

  /** The names of all zones below. */
  below(name: DomainName): string[] {
    return this.#below.all(name.text).map((row) => row.name);
  }

  setSettings({ id, soa_ttl }: ZoneRow, settings: ZoneSettings, soaTtl = soa_ttl): void {
    const { primaryNs, adminEmail, refresh, retry, expire, minimum } = settings;
    this.#settings.run(primaryNs, adminEmail, refresh, retry, expire, minimum, soaTtl, id);
  }

  setViews({ id }: ZoneRow, views: readonly string[]): void {
    this.#setViews.run(views.join(" "), id);
  }

  setCatalog({ id }: ZoneRow, catalog: string): void {
    this.#setCatalog.run(catalog, id);
  }

  setSerial({ id }: ZoneRow, serial: number, at: number): void {
    this.#setSerial.run(serial, at, id);
  }

  delete(zone: ZoneRow, by: By, at: number): void {
    const detail = `${this.countRecords(zone)} records; serial ${zone.serial}`;
    this.#retire.run(zone.name, zone.serial);
    this.#delete.run(zone.id);
    this.#audit.record(at, { ...by, action: "zone.delete", target: zone.name, detail });
  }

  /** Records of the zone above could never be answered again; what delegates the new zone may stay. */
  #refuseToHide(name: DomainName): void {
    if (name.key === rootKey) return;
    const above = this.enclosing(DomainName.fromLabels(name.labels.slice(1), "name"));
    if (above === undefined || above.kind === "secondary") return;
    const relative = above.name === "." ? name.text : name.text.slice(0, -above.name.length - 1);
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
