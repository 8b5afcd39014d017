import { conflict, quote } from "@lib/errors/mod.ts";
import { type DomainName, isAtOrBelow } from "../domain/name.ts";
import { checkName, type RuledRecord } from "../domain/name_rules.ts";
import { formatData } from "../domain/rdata/record_data.ts";
import { types, typeText } from "../domain/rdata/record_type.ts";
import { RecordName } from "../domain/record_name.ts";
import type { RecordSpec } from "../domain/record.ts";
import type { Views } from "../domain/views.ts";
import type { Zone } from "../domain/zone.ts";
import type { ZoneSettings } from "../domain/zone_settings.ts";
import type { HistoryRecord } from "./change_log.ts";
import { DeeperZones } from "./deeper_zones.ts";
import type { NewRow, RecordRows } from "./record_rows.ts";
import { dataOf, type StoredRecord } from "./stored_record.ts";
import type { ZoneRow, ZoneStore } from "./zone_store.ts";

/** What `ZoneEditor.edit` hands to its work: one zone, inside a transaction. */
export interface Edit {
  /** As it was when the edit began. */
  readonly zone: ZoneRow;
  readonly name: DomainName;
  /** Of the transaction, ms since the epoch. */
  readonly at: number;
  /** In all views; oldest first. */
  recordsAt(name: RecordName): readonly StoredRecord[];
  /** All records of the zone by name; reads them all. */
  all(): readonly StoredRecord[];
  /** Throws Conflict when exactly that record exists, or a deeper zone has its name. Its TTL becomes that of all its set. */
  add(spec: RecordSpec): void;
  remove(record: StoredRecord): void;
  setTtl(name: RecordName, type: number, ttlSeconds: number, view?: string): void;
  /** Gives a record another end or owner. */
  renew(record: StoredRecord, owner: { expiresAt: number | null; service: string; lease: string }): void;
  /** What SOA (and NS, where none was written) are made from; `soaTtl` in seconds. */
  setSettings(settings: ZoneSettings, soaTtl?: number): void;
  /** Publishes these names anew although no record of theirs changes: keys or the way of signing did. */
  republish(): void;
}

/** A name that the edit has to do with: its rows at first, and as they are now, so that each name is read once. */
interface Touched {
  readonly name: RecordName;
  readonly before: readonly StoredRecord[];
  rows: StoredRecord[];
}

/** One name whose records have changed. */
export interface TouchedName {
  readonly name: RecordName;
  readonly rows: readonly StoredRecord[];
  /** Views that have, or had, records of their own at it. */
  readonly views: readonly string[];
}

export class EditSession implements Edit {
  readonly zone: ZoneRow;
  readonly name: DomainName;
  readonly at: number;
  readonly #zones: ZoneStore;
  readonly #rows: RecordRows;
  readonly #views: Views;
  readonly #isSigned: boolean;
  readonly #before: Zone;
  readonly #touched = new Map<string, Touched>();
  /** All rows that the zone had, by name, once they were read; of a new zone none. */
  #known: ReadonlyMap<string, readonly StoredRecord[]> | null;
  readonly #deeper: DeeperZones;
  #settingsChanged = false;
  #republish = false;

  constructor(
    zone: ZoneRow,
    name: DomainName,
    at: number,
    stores: { zones: ZoneStore; rows: RecordRows; views: Views; isSigned: boolean; before: Zone },
  ) {
    this.#before = stores.before;
    // Of a new zone there is nothing to read.
    this.#known = stores.before.isAnswerable ? null : new Map();
    this.zone = zone;
    this.name = name;
    this.at = at;
    this.#zones = stores.zones;
    this.#rows = stores.rows;
    this.#views = stores.views;
    this.#isSigned = stores.isSigned;
    this.#deeper = new DeeperZones(stores.zones, { zone, name, recordsAt: (name) => this.recordsAt(name) });
  }

  recordsAt(name: RecordName): readonly StoredRecord[] {
    return this.#touched.get(name.relative)?.rows ?? this.#read(name.relative);
  }

  all(): readonly StoredRecord[] {
    const rows = this.#rows.all(this.zone.id);
    // From now on no name has to be read again, if none was changed before.
    if (this.#touched.size === 0) this.#known = Map.groupBy(rows, ({ name }) => name);
    return rows;
  }

  add(spec: RecordSpec): void {
    const { name, type, data, view = "" } = spec;
    const text = typeText(type), value = formatData(type, data);
    this.#views.check(view);
    this.#deeper.refuse(name, type);
    this.#refuseRedirected(name, type);
    if (this.#isSigned) refuseUnsignable(name, type, view, this.name);
    const touched = this.#touch(name);
    if (touched.rows.some((row) => row.type === text && row.value === value && row.view === view)) {
      throw conflict(`Cannot add ${text} ${quote(name.relative)}: it has ${value} already`);
    }
    this.setTtl(name, type, spec.ttlSeconds, view);
    touched.rows.push(this.#rows.insert(this.zone.id, spec, this.at));
  }

  remove(record: StoredRecord): void {
    const touched = this.#touch(RecordName.stored(record.name, this.name));
    this.#rows.delete(record.id);
    touched.rows = touched.rows.filter(({ id }) => id !== record.id);
  }

  setTtl(name: RecordName, type: number, ttlSeconds: number, view = ""): void {
    const touched = this.#touch(name), text = typeText(type);
    const isOther = (row: StoredRecord) => row.type === text && row.view === view && row.ttl !== ttlSeconds;
    if (!touched.rows.some(isOther)) return;
    this.#rows.setTtl(this.zone.id, name.relative, text, view, ttlSeconds, this.at);
    touched.rows = touched.rows.map((row) => isOther(row) ? { ...row, ttl: ttlSeconds, updated_at: this.at } : row);
  }

  renew(record: StoredRecord, owner: { expiresAt: number | null; service: string; lease: string }): void {
    const touched = this.#touch(RecordName.stored(record.name, this.name));
    this.#rows.renew(record.id, owner, this.at);
    const { expiresAt: expires_at, service, lease } = owner;
    touched.rows = touched.rows.map((row) =>
      row.id === record.id ? { ...row, expires_at, service, lease, updated_at: this.at } : row
    );
  }

  setSettings(settings: ZoneSettings, soaTtl: number = this.zone.soa_ttl): void {
    if (sameSettings(this.zone, settings) && soaTtl === this.zone.soa_ttl) return;
    this.#zones.setSettings(this.zone, settings, soaTtl);
    this.#settingsChanged = true;
  }

  republish(): void {
    this.#republish = true;
  }

  /** What has changed, after the rules were checked. Throws what they throw. */
  finish(): { names: TouchedName[]; removed: HistoryRecord[]; added: HistoryRecord[]; changed: boolean } {
    const names: TouchedName[] = [];
    const removed: HistoryRecord[] = [], added: HistoryRecord[] = [];
    const addedAt = new Map<RecordName, readonly StoredRecord[]>();
    for (const { name, before, rows } of this.#touched.values()) {
      const old = new Map(before.map((row) => [identityOf(row), row]));
      const fresh = rows.filter((row) => !old.delete(identityOf(row)));
      if (old.size === 0 && fresh.length === 0) continue;
      addedAt.set(name, fresh);
      removed.push(...[...old.values()].map(historyOf));
      added.push(...fresh.map(historyOf));
      const views = viewsOf(before, rows);
      // A TTL that changed makes a record fresh, too; its rules were checked when it came.
      for (const view of views) {
        checkRows(name, rows.filter((row) => row.view === view), fresh.filter((row) => row.view === view));
      }
      names.push({ name, rows, views: views.filter((view) => view !== "") });
    }
    this.#checkRedirections(addedAt);
    return { names, removed, added, changed: names.length > 0 || this.#settingsChanged || this.#republish };
  }

  #read(relative: string): readonly StoredRecord[] {
    return this.#known === null ? this.#rows.at(this.zone.id, relative) : this.#known.get(relative) ?? [];
  }

  #touch(name: RecordName): Touched {
    const known = this.#touched.get(name.relative);
    if (known !== undefined) return known;
    const before = this.#read(name.relative);
    const touched = { name, before, rows: [...before] };
    this.#touched.set(name.relative, touched);
    return touched;
  }

  /** RFC 6672 §2.4: a DNAME redirects every name below it, so nothing can stand there. */
  #refuseRedirected(name: RecordName, type: number): void {
    if (!this.#before.isAnswerable) return;
    const { key } = name.absolute;
    const { kind, owner } = this.#before.find(key, type);
    if (kind === "dname" && this.recordsAt(RecordName.ofKey(owner, this.name)).some((row) => row.type === "DNAME")) {
      throw conflict(
        `Cannot add ${typeText(type)} ${quote(name.relative)}: the DNAME at ${
          quote(RecordName.ofKey(owner, this.name).relative)
        } redirects every name below it`,
        { hint: "Delete the DNAME first, or add the record where it leads to." },
      );
    }
  }

  /** The same for a DNAME that this edit adds: over names that were there, or beside names that it adds as well. */
  #checkRedirections(addedAt: ReadonlyMap<RecordName, readonly StoredRecord[]>): void {
    for (const [name, added] of addedAt) {
      if (!added.some(({ type }) => type === "DNAME")) continue;
      const { key } = name.absolute;
      const isBelow = (one: string) => one !== key && isAtOrBelow(one, key);
      // All that there is by now, in whichever view.
      const below = this.#rows.namesBelow(this.zone.id, name.relative)
        .find((one) => isBelow(RecordName.stored(one, this.name).absolute.key));
      if (below === undefined) continue;
      throw conflict(
        `Cannot add DNAME ${quote(name.relative)}: ${quote(below)} stands below it`,
        { hint: "A DNAME redirects every name below it: delete those records first." },
      );
    }
  }
}

/** Throws Conflict for what signing can't make a signature for beforehand. */
export function refuseUnsignable(name: RecordName, type: number, view: string, zone: DomainName): void {
  if (view === "" && type !== types.ALIAS) return;
  const where = view === "" ? "" : ` for view ${view}`;
  throw conflict(`Cannot add ${typeText(type)} ${quote(name.relative)}${where}: zone ${zone} is signed`, {
    hint: "What differs by client or is looked up elsewhere can't be signed beforehand; use another zone for it.",
  });
}

/** The rules of one name in one view, see domain/name_rules.ts. @param fresh those of `rows` that are new */
export function checkRows(name: RecordName, rows: readonly NewRow[], fresh: readonly NewRow[]): void {
  if (fresh.length === 0) return;
  const ruled = new Map<NewRow, RuledRecord>(rows.map((row) => [row, dataOf(row)]));
  checkName(name, [...ruled.values()], fresh.map((row) => ruled.get(row)!));
}

function viewsOf(before: readonly StoredRecord[], rows: readonly StoredRecord[]): string[] {
  const views = new Set<string>();
  for (const { view } of before) views.add(view);
  for (const { view } of rows) views.add(view);
  return [...views];
}

function identityOf(row: StoredRecord): string {
  return JSON.stringify([row.type, row.value, row.ttl, row.view, row.expires_at, row.service, row.lease]);
}

/** A record as history shows it. */
export function historyOf(row: NewRow): HistoryRecord {
  const { name, type, value, ttl, view, expires_at, service, lease } = row;
  return {
    name,
    type,
    value,
    ttl,
    ...(view === "" ? {} : { view }),
    ...(expires_at === null ? {} : { expires_at }),
    ...(service === "" ? {} : { service }),
    ...(lease === "" ? {} : { lease }),
  };
}

function sameSettings(row: ZoneRow, settings: ZoneSettings): boolean {
  return row.primary_ns === settings.primaryNs && row.admin_email === settings.adminEmail &&
    row.refresh === settings.refresh && row.retry === settings.retry && row.expire === settings.expire &&
    row.minimum === settings.minimum;
}
