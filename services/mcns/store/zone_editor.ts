/**
 * The one way to change zones. A change is one transaction: records, rules, serial, signatures, journal, history and audit
 * row commit together or not at all; then the zones in memory follow, before the call returns. So what is acknowledged is
 * durable, and in the very next answer.
 */
import type { AuditLog } from "@lib/audit/mod.ts";
import type { Database } from "@lib/db/mod.ts";
import { PlatformError } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import type { DomainName } from "../domain/name.ts";
import { isMadeBySigning, types } from "../domain/rdata/record_type.ts";
import { RecordName } from "../domain/record_name.ts";
import { nextSerial } from "../domain/serial.ts";
import { renewal } from "../domain/signing_policy.ts";
import type { Views } from "../domain/views.ts";
import { type RecordSet, Zone } from "../domain/zone.ts";
import type { ZoneSettings } from "../domain/zone_settings.ts";
import type { ChangeLog, HistoryRecord } from "./change_log.ts";
import { type Edit, EditSession } from "./edit_session.ts";
import type { Delta, Journal } from "./journal.ts";
import { difference, type DnssecRecords, hasSignatures, type PublishedRecord } from "./published.ts";
import type { PreparedContent } from "./prepared_content.ts";
import { unsigned, type ZonePublisher } from "./publisher.ts";
import type { RecordRows } from "./record_rows.ts";
import { apexSets, readSets, viewSets } from "./zone_content.ts";
import type { ZoneFollower } from "./zone_follower.ts";
import type { By, NewZone, SecondarySoa, ZoneRow, ZoneStore } from "./zone_store.ts";

/** Called after a commit, with the zone's new serial; null for a zone that is gone. */
export type ChangeListener = (zone: DomainName, serial: number | null) => void;

export interface EditOutcome<T> {
  result: T;
  /** After the edit. */
  serial: number;
  changed: boolean;
}

export interface ZoneEditorParts {
  readonly db: Database;
  readonly zones: ZoneStore;
  readonly rows: RecordRows;
  readonly dnssec: DnssecRecords;
  readonly journal: Journal;
  readonly changes: ChangeLog;
  readonly audit: AuditLog;
  readonly follower: ZoneFollower;
  readonly views: Views;
  readonly log: Logger;
}

/** The action that makes a zone, for history and audit. */
const created = "zone.create";

/** What is to happen once the transaction has committed. */
interface Open {
  readonly at: number;
  readonly after: (() => void)[];
  readonly edited: Set<string>;
}

/** A zone at the beginning of a change, and the serial that the change gives it. */
interface Editing {
  readonly row: ZoneRow;
  readonly name: DomainName;
  /** As published. */
  readonly before: Zone;
  readonly serial: number;
}

export class ZoneEditor {
  readonly #parts: ZoneEditorParts;
  readonly #listeners: ChangeListener[] = [];
  #publisher: ZonePublisher = unsigned;
  #open: Open | null = null;

  constructor(parts: ZoneEditorParts) {
    this.#parts = parts;
  }

  /** Who signs. Set once, at start: the signer needs the editor itself. */
  publishThrough(publisher: ZonePublisher): void {
    this.#publisher = publisher;
  }

  /** Tells of every commit, in the turn of the commit; listeners must not throw. */
  onChange(listener: ChangeListener): void {
    this.#listeners.push(listener);
  }

  /**
   * Makes all edits in `work` one transaction. A zone can be edited once in it. Memory follows, and listeners hear, after
   * the commit; when `work` throws nothing has happened.
   */
  together<T>(work: () => T): T {
    if (this.#open !== null) return work();
    const after: (() => void)[] = [];
    const result = this.#parts.db.write((at) => {
      this.#open = { at, after, edited: new Set() };
      try {
        return work();
      } finally {
        this.#open = null;
      }
    });
    for (const one of after) one();
    return result;
  }

  /**
   * Changes a primary zone's records and settings. Changing nothing leaves the serial as it is, and no trace.
   * Throws NotFound for the zone, Conflict for a secondary, what `work` throws, and Conflict or Invalid by the rules of
   * domain/name_rules.ts.
   * @param action for history and audit: "record.add", "update", …
   * @param undoes the change that this one takes back
   */
  edit<T>(
    zone: DomainName,
    by: By,
    action: string,
    work: (edit: Edit) => T,
    undoes: number | null = null,
  ): EditOutcome<T> {
    return this.together(() => {
      const { zones, follower } = this.#parts;
      const row = zones.getPrimary(zone);
      const serial = nextSerial(row.serial, this.#now.at);
      return this.#edit({ row, name: zone, before: follower.current(row, zone), action, undoes, serial }, by, work);
    });
  }

  /** Creates the zone, with the records that `fill` adds. Throws Conflict when it exists or would hide records. */
  create(name: DomainName, zone: NewZone, by: By, fill: (edit: Edit) => void = () => {}): ZoneRow {
    return this.together(() => {
      const { zones, views, audit } = this.#parts;
      for (const view of zone.views ?? []) views.check(view, "views");
      const row = zones.insert(name, zone, this.#now.at);
      if (row.kind === "secondary") {
        audit.record(this.#now.at, { ...by, action: created, target: row.name, detail: "secondary" });
        this.#afterCommit(name, () => this.#parts.follower.changed(row, name, []), row.serial);
        return row;
      }
      // Its first serial is the one that it was inserted with.
      this.#edit(
        { row, name, before: new Zone(name), action: created, undoes: null, serial: row.serial },
        by,
        (edit) => {
          edit.republish();
          fill(edit);
        },
      );
      return zones.get(name);
    });
  }

  /** Who signs, for who prepares content. */
  get publisher(): Pick<ZonePublisher, "publishAside"> {
    return this.#publisher;
  }

  /**
   * Makes content the zone's that was prepared aside, as one change. Returns the serial; null, and nothing has happened, when
   * the zone, or which zones are below it, is not as it was when the preparations began.
   */
  adopt(name: DomainName, content: PreparedContent, by: By): number | null {
    const { basis, settings, soaTtl, aside, step, removed, added } = content;
    return this.together(() => {
      const { zones, rows, dnssec, journal, follower, log } = this.#parts;
      const { at } = this.#now;
      const found = zones.find(name);
      if (found?.id !== basis?.id || found?.serial !== basis?.serial) return null;
      if (zones.below(name).join() !== content.below.join()) return null;
      const row = found ?? zones.insert(name, { settings }, at);
      const serial = basis === null ? row.serial : nextSerial(row.serial, at);
      zones.setSettings(row, settings, soaTtl);
      content.write(row, at);
      zones.setSerial(zones.get(name), serial, at);
      const after = zones.get(name);
      const apex = apexSets(after, readSets(rows.at(after.id, "@"), "", row.name, log));
      let isInStep = true;
      for (const [key, sets] of this.#publisher.publish(aside, new Map([[name.key, apex]]), at)) {
        const last = difference(key, aside.setsAt(key), sets);
        dnssec.change(after.id, RecordName.ofKey(key, name).relative, last);
        aside.replaceSets(key, sets);
        if (key === name.key) step?.take(difference(key, content.apexBefore, sets));
        else isInStep &&= last.removed.length + last.added.length === 0;
      }
      if (step === null || basis === null || !isInStep) journal.clear(after.id);
      else journal.appendStep(after.id, row.serial, serial, step);
      const action = basis === null ? created : "zone.import";
      this.#remember({ row, serial, action, removed, added, undoes: null, summary: "" }, by);
      this.#afterCommit(name, () => follower.replaced(after, name, aside), serial);
      return serial;
    });
  }

  updateSettings(name: DomainName, change: (now: ZoneRow) => ZoneSettings, by: By): ZoneRow {
    this.edit(name, by, "zone.update", (edit) => edit.setSettings(change(edit.zone)));
    return this.#parts.zones.get(name);
  }

  /** Limits a zone to views, or with none lets all clients see it. Throws Invalid for a view that the config doesn't have. */
  setViews(name: DomainName, views: readonly string[], by: By): ZoneRow {
    return this.together(() => {
      const { zones, follower, audit } = this.#parts;
      for (const view of views) this.#parts.views.check(view, "views");
      const row = zones.get(name);
      if (row.views === views.join(" ")) return row;
      zones.setViews(row, views);
      const detail = `views ${views.join(" ") || "all"}`;
      audit.record(this.#now.at, { ...by, action: "zone.views", target: row.name, detail });
      const after = zones.get(name);
      this.#afterCommit(name, () => follower.changed(after, name, []), after.serial);
      return after;
    });
  }

  /** Removes the zone with its records; its history stays. Throws NotFound. */
  delete(name: DomainName, by: By): void {
    this.together(() => {
      const { zones, follower, changes } = this.#parts;
      const zone = zones.get(name);
      zones.delete(zone, by, this.#now.at);
      const { serial } = zone;
      changes.append({
        ...{ zone: zone.name, at: this.#now.at, action: "zone.delete", serialBefore: serial, serial },
        ...{ removed: [], added: [], undoes: null },
      }, by);
      this.#afterCommit(name, () => follower.removed(name), null);
    });
  }

  /** The zone as it is published to clients in no view. Throws NotFound. */
  zone(name: DomainName): Zone {
    const row = this.#parts.zones.get(name);
    // Not compared with the row's serial: inside a transaction that would show what isn't committed.
    return this.#parts.follower.get(name.key) ?? this.#parts.follower.current(row, name);
  }

  /** What changed since that serial, oldest step first; null when the journal doesn't reach back to it. Throws NotFound. */
  journal(name: DomainName, fromSerial: number): Delta[] | null {
    return this.#parts.journal.read(this.#parts.zones.get(name).id, fromSerial);
  }

  /**
   * Stores the published sets of names of a secondary as its primary has them, with the SOA that they belong to. The caller
   * has checked them. One transaction; history has only how many records changed.
   * @param changes by key; every name that isn't in it stays
   */
  replicate(
    name: DomainName,
    { soa, changes }: { soa: SecondarySoa; changes: ReadonlyMap<string, readonly RecordSet[]> },
    by: By,
  ): void {
    this.together(() => {
      const { zones, rows, follower } = this.#parts;
      const { at } = this.#now;
      const row = zones.get(name);
      if (row.kind !== "secondary") throw new PlatformError("internal", `zone ${row.name} is no secondary`);
      const before = follower.current(row, name);
      zones.setSettings(row, soa, soa.ttlSeconds);
      zones.setSerial(row, soa.serial, at);
      const { removed, added } = this.#store(
        { row, name, before, sets: changes, serial: soa.serial },
        (changed, sets) => {
          // A zone's first transfer has nothing to take away.
          if (before.setsAt(changed.absolute.key).length > 0) rows.deleteAt(row.id, changed.relative);
          for (const { type, ttlSeconds, data } of sets) {
            if (type === types.SOA || isMadeBySigning(type)) continue;
            for (const one of data) rows.insert(row.id, { name: changed, type, ttlSeconds, data: one }, at);
          }
        },
      );
      const summary = `${removed} removed, ${added} added`;
      this.#remember(
        { row, serial: soa.serial, action: "transfer", removed: [], added: [], undoes: null, summary },
        by,
      );
      const after = zones.get(name);
      const published = [...changes].map(([key, sets]) => ({ key, sets }));
      this.#afterCommit(name, () => follower.changed(after, name, published), soa.serial);
    });
  }

  /** Stops answering from a zone: a secondary that has expired (RFC 1035 §3.3.13). */
  suspend(name: DomainName): void {
    this.#parts.follower.suspend(name);
  }

  /** Answers from it again. */
  resume(name: DomainName): void {
    this.#parts.follower.resume(name);
  }

  get #now(): Open {
    if (this.#open === null) throw new PlatformError("internal", "not inside a transaction of zones");
    return this.#open;
  }

  #edit<T>(
    { row, name, before, action, undoes, serial }: Editing & { action: string; undoes: number | null },
    by: By,
    work: (edit: Edit) => T,
  ): EditOutcome<T> {
    const { zones, rows, views, follower, log } = this.#parts;
    const { at, edited } = this.#now;
    if (edited.has(row.name)) {
      throw new PlatformError("internal", `zone ${row.name} is edited twice in one transaction`);
    }
    edited.add(row.name);
    const session = new EditSession(row, name, at, {
      zones,
      rows,
      views,
      isSigned: hasSignatures(before),
      before,
    });
    const result = work(session);
    const { names, removed, added, changed } = session.finish();
    if (!changed) return { result, serial: row.serial, changed };
    zones.setSerial(row, serial, at);
    const after = zones.get(name);
    const plain = new Map<string, readonly RecordSet[]>();
    for (const { name, rows } of names) plain.set(name.absolute.key, readSets(rows, "", row.name, log));
    plain.set(name.key, apexSets(after, plain.get(name.key) ?? readSets(rows.at(row.id, "@"), "", row.name, log)));
    const sets = this.#publisher.publish(before, plain, at);
    this.#store({ row, name, before, sets, serial });
    // Signatures that were made anew are no change that anybody looks for; a large zone's would push out all others.
    if (action !== renewal) this.#remember({ row, serial, action, removed, added, undoes, summary: "" }, by);
    const inViews = viewSets(names, row.name, log);
    const published = [...sets].map(([key, sets]) => {
      const own = inViews.get(key);
      return own === undefined ? { key, sets } : { key, sets, inViews: own };
    });
    const isNew = action === created;
    const follow = () => isNew ? follower.created(after, name, published) : follower.changed(after, name, published);
    this.#afterCommit(name, follow, serial);
    return { result, serial, changed };
  }

  /** Writes what signing made, and the journal's step; `writePlain` gets each name that differs. Returns how many records do. */
  #store(
    { row, name, before, sets, serial }: Editing & { sets: ReadonlyMap<string, readonly RecordSet[]> },
    writePlain: (name: RecordName, sets: readonly RecordSet[]) => void = () => {},
  ): { removed: number; added: number } {
    const { dnssec, journal } = this.#parts;
    const removed: PublishedRecord[] = [], added: PublishedRecord[] = [];
    for (const [key, after] of sets) {
      const delta = difference(key, before.setsAt(key), after);
      if (delta.removed.length === 0 && delta.added.length === 0) continue;
      const changed = RecordName.ofKey(key, name);
      dnssec.change(row.id, changed.relative, delta);
      writePlain(changed, after);
      for (const one of delta.removed) removed.push(one);
      for (const one of delta.added) added.push(one);
    }
    if (before.isAnswerable && row.serial !== serial) {
      journal.append(row.id, { from: row.serial, to: serial, removed, added });
    } else journal.clear(row.id);
    return { removed: removed.length, added: added.length };
  }

  #remember(
    { row, serial, action, removed, added, undoes, summary }: {
      row: ZoneRow;
      serial: number;
      action: string;
      removed: readonly HistoryRecord[];
      added: readonly HistoryRecord[];
      undoes: number | null;
      summary: string;
    },
    by: By,
  ): void {
    const { changes, audit } = this.#parts;
    const { at } = this.#now;
    changes.append({ zone: row.name, at, action, serialBefore: row.serial, serial, removed, added, undoes }, by);
    const few = (records: readonly HistoryRecord[], sign: string) =>
      records.slice(0, 20).map(({ name, type, value }) => `${sign}${name} ${type} ${value}`);
    const detail = summary || [...few(removed, "-"), ...few(added, "+")].slice(0, 20).join(", ");
    audit.record(at, {
      ...by,
      action,
      target: row.name,
      detail: `serial ${serial}${detail === "" ? "" : `; ${detail}`}`,
    });
  }

  #afterCommit(zone: DomainName, follow: () => void, serial: number | null): void {
    this.#now.after.push(() => {
      follow();
      for (const listener of this.#listeners) listener(zone, serial);
    });
  }
}
