/**
 * Keeps the zones in memory as the database has them.
 *
 * A commit of this process: ZoneEditor calls `created`, `changed` or `removed` right after it, in the same turn, with the
 * sets that it has just stored. A commit of another process (hot restart): `reload` is called when SQLite's data version has moved
 * (lib/service, watchDatabase), and reads every zone again whose serial differs. When both happen at once, the editor
 * asks for `current` inside its transaction, which reads the zone again when its serial isn't the one in memory.
 */
import type { Logger } from "@lib/log/mod.ts";
import { DomainName } from "../domain/name.ts";
import type { Views } from "../domain/views.ts";
import { type RecordSet, Zone } from "../domain/zone.ts";
import { type DnssecRecords, joinSigned } from "./published.ts";
import type { RecordRows } from "./record_rows.ts";
import { type AnswerRow, keyOfRelative, mergeView } from "./stored_record.ts";
import { apexSets, readSets } from "./zone_content.ts";
import type { ZoneRow, ZoneStore } from "./zone_store.ts";

/** One name after a commit. */
export interface ChangedName {
  readonly key: string;
  /** What all clients see, signatures included. */
  readonly sets: readonly RecordSet[];
  /** What views have of their own, unsigned, by view. Absent where nothing about them changed. */
  readonly inViews?: ReadonlyMap<string, readonly RecordSet[]>;
}

interface Followed {
  row: ZoneRow;
  zone: Zone;
  /** Zones of the views that have records of their own in it. */
  variants: Map<string, Zone>;
  /** Own sets of each view by key, as merged into the variants. */
  own: Map<string, Map<string, readonly RecordSet[]>>;
  /** Not answered although it is there: a secondary that has expired. */
  suspended: boolean;
}

export class ZoneFollower {
  readonly #views: Views;
  readonly #zones: ZoneStore;
  readonly #rows: RecordRows;
  readonly #dnssec: DnssecRecords;
  readonly #log: Logger;
  readonly #followed = new Map<string, Followed>();

  constructor(
    stores: { zones: ZoneStore; rows: RecordRows; dnssec: DnssecRecords; views: Views },
    log: Logger,
  ) {
    this.#zones = stores.zones;
    this.#rows = stores.rows;
    this.#dnssec = stores.dnssec;
    this.#views = stores.views;
    this.#log = log;
  }

  /** Brings every zone up to date; at start, and when another process has committed. */
  reload(): void {
    const names = new Set<string>();
    for (const row of this.#zones.all()) {
      const name = DomainName.parse(row.name, "zones.name");
      names.add(name.key);
      const followed = this.#followed.get(name.key);
      const isSame = followed?.row.serial === row.serial && followed.row.updated_at === row.updated_at &&
        followed.row.views === row.views;
      if (isSame) followed.row = row;
      else this.#put(this.#read(row, name));
    }
    for (const [key, { zone }] of [...this.#followed]) if (!names.has(key)) this.removed(zone.name);
  }

  /** The zone as the row has it, from memory or read anew. */
  current(row: ZoneRow, name: DomainName): Zone {
    const followed = this.#followed.get(name.key);
    if (followed?.row.id === row.id && followed.row.serial === row.serial) return followed.zone;
    const read = this.#read(row, name);
    this.#put(read);
    return read.zone;
  }

  /** Whether `reload` or `current` has seen the zone. */
  get(key: string): Zone | undefined {
    return this.#followed.get(key)?.zone;
  }

  /** Takes over a commit that has made the zone. @param names all that it has: nothing is read back */
  created(row: ZoneRow, name: DomainName, names: readonly ChangedName[]): void {
    this.#apply(emptyOf(row, name), row, names);
  }

  /** Takes over a commit to a zone that was there. */
  changed(row: ZoneRow, name: DomainName, changes: readonly ChangedName[]): void {
    const followed = this.#followed.get(name.key);
    if (followed === undefined || followed.row.id !== row.id) return this.#put(this.#read(row, name));
    this.#apply(followed, row, changes);
  }

  /** Takes over a commit that has put `zone` in the place of what was there; what views have of their own stays. */
  replaced(row: ZoneRow, name: DomainName, zone: Zone): void {
    const { own, suspended } = this.#followed.get(name.key) ?? emptyOf(row, name);
    const shown = [...own].filter(([view]) => this.#views.directoryOf(view) !== undefined);
    const variants = new Map(shown.map(([view, names]) => [view, variantOf(zone, names)]));
    this.#put({ row, zone, variants, own, suspended });
  }

  #apply(followed: Followed, row: ZoneRow, changes: readonly ChangedName[]): void {
    followed.row = row;
    for (const { key, sets, inViews } of changes) {
      followed.zone.replaceSets(key, sets);
      for (const [view, own] of inViews ?? []) this.#keepOwn(followed, view, key, own);
      for (const [view, variant] of followed.variants) {
        variant.replaceSets(key, mergeView(sets, followed.own.get(view)?.get(key) ?? []));
      }
    }
    this.#put(followed);
  }

  removed(name: DomainName): void {
    this.#followed.delete(name.key);
    this.#views.general.remove(name.key);
    for (const view of this.#views.names) this.#views.directoryOf(view)!.remove(name.key);
  }

  /** Stops answering from a zone (SERVFAIL) until `resume`. */
  suspend(name: DomainName): void {
    this.#setSuspended(name, true);
  }

  resume(name: DomainName): void {
    this.#setSuspended(name, false);
  }

  #setSuspended(name: DomainName, suspended: boolean): void {
    const followed = this.#followed.get(name.key);
    if (followed === undefined || followed.suspended === suspended) return;
    followed.suspended = suspended;
    this.#put(followed);
  }

  #keepOwn(followed: Followed, view: string, key: string, own: readonly RecordSet[]): void {
    if (this.#views.directoryOf(view) === undefined) return;
    let names = followed.own.get(view);
    if (names === undefined) {
      if (own.length === 0) return;
      followed.own.set(view, names = new Map());
    }
    if (own.length > 0) names.set(key, own);
    else names.delete(key);
    if (!followed.variants.has(view)) followed.variants.set(view, variantOf(followed.zone, names));
  }

  /** Puts the zone into the directories of the views that may see it, and out of the others. */
  #put(followed: Followed): void {
    const { row, zone, variants, suspended } = followed;
    this.#followed.set(zone.key, followed);
    // Without an SOA a zone is not answerable: clients get SERVFAIL and ask another server of the zone.
    const shown = suspended ? new Zone(zone.name) : zone;
    const limited = row.views === "" ? null : row.views.split(" ");
    if (limited === null) this.#views.general.put(shown);
    else this.#views.general.remove(zone.key);
    for (const view of this.#views.names) {
      const directory = this.#views.directoryOf(view)!;
      if (limited !== null && !limited.includes(view)) directory.remove(zone.key);
      else directory.put(suspended ? shown : variants.get(view) ?? zone);
    }
  }

  /** Reads the whole zone. */
  #read(row: ZoneRow, name: DomainName): Followed {
    const followed = emptyOf(row, name), { zone } = followed;
    const dnssec = this.#dnssec.load(row.id);
    const put = (relative: string, rows: readonly AnswerRow[]) => {
      const key = keyOfRelative(relative, name, (text) => DomainName.parse(text, "records.name"));
      const plain = readSets(rows, "", row.name, this.#log);
      const sets = relative === "@" ? apexSets(row, plain) : plain;
      const extra = dnssec.get(relative);
      dnssec.delete(relative);
      zone.replaceSets(key, extra === undefined ? sets : joinSigned(sets, extra));
      if (rows.every(({ view }) => view === "")) return;
      for (const view of new Set(rows.map((one) => one.view))) {
        if (view === "") continue;
        const names = followed.own.get(view) ?? new Map<string, readonly RecordSet[]>();
        names.set(key, readSets(rows, view, row.name, this.#log));
        followed.own.set(view, names);
      }
    };
    // A secondary before its first transfer has no SOA, and is not answerable.
    if (row.kind === "primary" || row.serial !== 0) put("@", this.#rows.at(row.id, "@"));
    let at: string | null = null;
    let group: AnswerRow[] = [];
    this.#rows.visitAnswers(row.id, (record) => {
      if (record.name === "@") return;
      if (record.name !== at) {
        if (at !== null) put(at, group);
        at = record.name;
        group = [];
      }
      group.push(record);
    });
    if (at !== null) put(at, group);
    // Names that only signing has: NSEC3 owners.
    for (const relative of [...dnssec.keys()]) put(relative, []);
    for (const [view, names] of followed.own) {
      if (this.#views.directoryOf(view) !== undefined) followed.variants.set(view, variantOf(zone, names));
    }
    return followed;
  }
}

function emptyOf(row: ZoneRow, name: DomainName): Followed {
  return { row, zone: new Zone(name), variants: new Map(), own: new Map(), suspended: false };
}

function variantOf(zone: Zone, own: ReadonlyMap<string, readonly RecordSet[]>): Zone {
  const variant = zone.copy();
  for (const [key, sets] of own) variant.replaceSets(key, mergeView(zone.setsAt(key), sets));
  return variant;
}
