/**
 * Makes the records of a file a zone's, however many they are, while queries are answered:
 *
 * 1. what differs is found, and the rules are checked;
 * 2. a copy of the zone in memory becomes what the file says, a few names at a time, signatures made in another thread;
 * 3. more than a few rows are written aside (staged_zones.ts);
 * 4. one short transaction makes all of that the zone's, and from the same turn on the copy is answered from.
 *
 * Each step gives way after some ms. Who changes the zone meanwhile is not held up: the import begins anew then, and gives
 * up when that happens too often. Imports follow each other.
 */
import type { Clock } from "@lib/clock/mod.ts";
import { conflict, quote } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import type { DomainName } from "../domain/name.ts";
import { isMadeBySigning, typeCode, types } from "../domain/rdata/record_type.ts";
import { RecordName } from "../domain/record_name.ts";
import { type RecordSet, Zone } from "../domain/zone.ts";
import { parseZoneSettings, type ZoneSettings } from "../domain/zone_settings.ts";
import { maxRecordsPerChange } from "./change_log.ts";
import { DeeperZones } from "./deeper_zones.ts";
import { checkRows, historyOf, refuseUnsignable } from "./edit_session.ts";
import {
  type ImportPlan,
  planImport,
  plannedAt,
  type PlannedName,
  plannedNames,
  shown,
  type WantedContent,
} from "./import_plan.ts";
import { type Journal, JournalStep } from "./journal.ts";
import type { PreparedContent } from "./prepared_content.ts";
import { difference, type DnssecRecords, hasSignatures } from "./published.ts";
import type { NewRow, RecordRows } from "./record_rows.ts";
import { Slices } from "./slices.ts";
import type { StagedZones } from "./staged_zones.ts";
import type { StoredRecord } from "./stored_record.ts";
import { apexSets, readSets, type SoaRow } from "./zone_content.ts";
import type { ZoneEditor } from "./zone_editor.ts";
import type { ZoneFollower } from "./zone_follower.ts";
import type { By, ZoneRow, ZoneStore } from "./zone_store.ts";

/** Rows that are read at once: 3 ms. */
const pageRows = 500;

/** Names that are published at once: their signatures keep the other thread busy for 4 ms with Ed25519, 40 ms with P-256. */
const batchNames = 50;

/** Rows that the last transaction itself may write: some 10 ms. */
const fewRows = 500;

/** So often an import begins before it gives up. */
const maxAttempts = 3;

export interface ImportParts {
  readonly zones: ZoneStore;
  readonly rows: RecordRows;
  readonly dnssec: DnssecRecords;
  readonly journal: Journal;
  readonly editor: ZoneEditor;
  readonly staged: StagedZones;
  readonly follower: ZoneFollower;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What an import does, or would do: lines "name ttl type value". */
export interface ImportOutcome {
  readonly removed: string[];
  readonly added: string[];
  /** Of the zone afterwards; with `dryRun` as it is. */
  readonly serial: number;
}

export interface ImportOptions {
  /** Only says what would happen: all rules are checked. */
  readonly dryRun: boolean;
  /** Makes the zone when it isn't there. */
  readonly create: boolean;
}

/** A zone as an import finds it. */
interface Basis {
  /** Null for one that is to be made. */
  readonly row: ZoneRow | null;
  /** The zones below it. */
  readonly below: readonly string[];
  readonly before: Zone;
  readonly settings: ZoneSettings;
  /** Seconds. */
  readonly soaTtl: number;
}

/** Ends the transaction of a dry run. */
class Rehearsed extends Error {
  constructor(readonly serial: number) {
    super("a dry run");
  }
}

export class ZoneImport {
  readonly #parts: ImportParts;
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: ImportParts) {
    this.#parts = parts;
  }

  /** Throws NotFound without `create`, Conflict or Invalid for what breaks a rule; then nothing has happened. */
  run(name: DomainName, wanted: WantedContent, options: ImportOptions, by: By): Promise<ImportOutcome> {
    const turn = this.#last.then(() => this.#run(name, wanted, options, by));
    this.#last = turn.catch(() => {});
    return turn;
  }

  async #run(name: DomainName, wanted: WantedContent, options: ImportOptions, by: By): Promise<ImportOutcome> {
    for (let attempt = 1; attempt <= maxAttempts; attempt++) {
      const outcome = await this.#attempt(name, wanted, options, by);
      if (outcome !== null) return outcome;
    }
    throw conflict(`Cannot import zone ${quote(name.text)}: it was changed each time while that was prepared`, {
      hint: "Try again when fewer changes come in.",
    });
  }

  /** Null when the zone was changed meanwhile. */
  async #attempt(
    name: DomainName,
    wanted: WantedContent,
    { dryRun, create }: ImportOptions,
    by: By,
  ): Promise<ImportOutcome | null> {
    const slices = new Slices();
    const basis = this.#basis(name, wanted, create);
    const { row, settings, soaTtl } = basis;
    const present = row === null ? new Map() : await slices.run(this.#readRows(row.id));
    const plan = await slices.run(planImport({ zone: name, settings, soaTtl, present, wanted: wanted.records }));
    const outcome = await slices.run(this.#checkRules(name, basis, plan));
    const { aside, touched } = await this.#changeAside(name, basis, plan, dryRun, slices);
    if (plan.hasDname) await slices.run(refuseRedirected(aside, plan));
    if (dryRun) return { ...outcome, serial: row?.serial ?? this.#rehearseCreation(name, settings) };
    if (row !== null && plan.gone.size + plan.added === 0 && hasSettings(row, settings, soaTtl)) {
      return { ...outcome, serial: row.serial };
    }
    const serial = await this.#store(name, basis, plan, { aside, touched }, by, slices);
    return serial === null ? null : { ...outcome, serial };
  }

  #basis(name: DomainName, { settings, soaTtl }: WantedContent, create: boolean): Basis {
    const { zones, follower } = this.#parts;
    const below = zones.below(name);
    if (create && zones.find(name) === undefined) {
      return {
        row: null,
        below,
        before: new Zone(name),
        settings: settings ?? emptySettings(name),
        soaTtl: soaTtl ?? 3600,
      };
    }
    const row = zones.getPrimary(name);
    return {
      row,
      below,
      before: follower.current(row, name),
      settings: settings ?? settingsOf(row),
      soaTtl: soaTtl ?? row.soa_ttl,
    };
  }

  *#readRows(zoneId: number): Generator<void, Map<string, StoredRecord[]>> {
    const names = new Map<string, StoredRecord[]>();
    for (let after: StoredRecord | null = null;;) {
      const page = this.#parts.rows.pageByName(zoneId, { limit: pageRows, after });
      for (const row of page) {
        const rows = names.get(row.name);
        if (rows === undefined) names.set(row.name, [row]);
        else rows.push(row);
      }
      if (page.length < pageRows) return names;
      after = page.at(-1)!;
      yield;
    }
  }

  /** What there is to show, when no rule is broken. */
  *#checkRules(
    name: DomainName,
    { row, before }: Basis,
    plan: ImportPlan,
  ): Generator<void, Pick<ImportOutcome, "removed" | "added">> {
    const isSigned = hasSignatures(before);
    const deeper = new DeeperZones(this.#parts.zones, {
      zone: { id: row?.id ?? 0, name: name.text },
      name,
      recordsAt: (name) => rowsOf(plannedAt(plan, name)),
    });
    const removed: string[] = [], added: string[] = [];
    for (const { name: record, kept, fresh } of plannedNames(plan)) {
      for (const row of fresh) {
        const type = typeCode(row.type);
        deeper.refuse(record, type);
        if (isSigned) refuseUnsignable(record, type, "", name);
        added.push(shown(row));
      }
      checkRows(record, [...kept.filter(({ view }) => view === ""), ...fresh], fresh);
      yield;
    }
    for (const row of plan.gone) {
      removed.push(shown(row));
      yield;
    }
    return { removed, added };
  }

  /** The zone as it will be, but for its serial, and every key whose sets are not those of `before`. */
  async #changeAside(
    name: DomainName,
    { row, before, settings, soaTtl }: Basis,
    plan: ImportPlan,
    dryRun: boolean,
    slices: Slices,
  ): Promise<{ aside: Zone; touched: Set<string> }> {
    const { editor, clock, log } = this.#parts;
    const aside = before.copy(), touched = new Set<string>(), at = clock.now();
    let batch = new Map<string, readonly RecordSet[]>();
    const publish = async () => {
      for (const [key, sets] of dryRun ? batch : await editor.publisher.publishAside(aside, batch, at)) {
        aside.replaceSets(key, sets);
        touched.add(key);
      }
      batch = new Map();
      if (slices.isOver) await slices.giveWay();
    };
    // First, as proofs have the SOA's TTL.
    const apex = readSets(rowsOf(plannedAt(plan, RecordName.stored("@", name))), "", name.text, log);
    batch.set(name.key, apexSets(soaRow(settings, soaTtl, row?.serial ?? 0), apex));
    for (const planned of plannedNames(plan)) {
      const { key } = planned.name.absolute;
      if (key === name.key) continue;
      batch.set(key, readSets(rowsOf(planned), "", name.text, log));
      if (batch.size >= batchNames) await publish();
    }
    await publish();
    return { aside, touched };
  }

  /** The new serial; null when the zone was changed meanwhile. */
  async #store(
    name: DomainName,
    { row: basis, below, before, settings, soaTtl }: Basis,
    plan: ImportPlan,
    { aside, touched }: { aside: Zone; touched: ReadonlySet<string> },
    by: By,
    slices: Slices,
  ): Promise<number | null> {
    const { editor, staged, rows, dnssec, journal } = this.#parts;
    const history = (records: Iterable<Parameters<typeof historyOf>[0]>) =>
      Iterator.from(records).take(maxRecordsPerChange + 1).map(historyOf).toArray();
    const step = basis === null ? null : await slices.run(stepOf(before, aside, touched, journal.maxBytes));
    const content = {
      ...{ basis, below, settings, soaTtl, aside, step },
      apexBefore: before.setsAt(name.key),
      removed: history(plan.gone),
      added: history(freshRows(plan)),
    };
    if (plan.gone.size + plan.added <= fewRows) {
      const write: PreparedContent["write"] = ({ id }, at) => {
        for (const row of plan.gone) rows.delete(row.id);
        for (const row of freshRows(plan)) rows.put(id, { ...row, created_at: at, updated_at: at });
        for (const key of touched) {
          dnssec.change(
            id,
            RecordName.ofKey(key, name).relative,
            difference(key, before.setsAt(key), aside.setsAt(key)),
          );
        }
      };
      return editor.adopt(name, { ...content, write }, by);
    }
    const id = staged.begin();
    let left = id;
    try {
      const unwritten = this.#unwritten(id, name, plan, aside);
      await staged.write(id, slices, (at) => {
        const { done, value } = unwritten.next();
        value?.(at);
        return done !== true;
      });
      let replaced = id;
      const write: PreparedContent["write"] = (row) => {
        staged.adopt(id, row);
        replaced = row.id;
      };
      const serial = editor.adopt(name, { ...content, write }, by);
      left = replaced;
      return serial;
    } finally {
      await staged.sweep(left, slices);
    }
  }

  /** What is to be written aside, a row or the signatures of a name at a time. */
  *#unwritten(id: number, name: DomainName, plan: ImportPlan, aside: Zone): Generator<(at: number) => void, undefined> {
    const { rows, dnssec } = this.#parts;
    for (const present of plan.present.values()) {
      for (const row of present) if (!plan.gone.has(row)) yield () => rows.put(id, row);
    }
    for (const row of freshRows(plan)) yield (at) => rows.put(id, { ...row, created_at: at, updated_at: at });
    for (const key of aside.names()) {
      yield () => {
        const sets = aside.setsAt(key);
        if (!sets.some(({ type, signatures }) => signatures.length > 0 || isMadeBySigning(type))) return;
        dnssec.change(id, RecordName.ofKey(key, name).relative, difference(key, [], sets));
      };
    }
  }

  /** The first serial that the zone would have. Throws what making it would throw. */
  #rehearseCreation(name: DomainName, settings: ZoneSettings): number {
    const { editor, zones, clock } = this.#parts;
    try {
      return editor.together(() => {
        throw new Rehearsed(zones.insert(name, { settings }, clock.now()).serial);
      });
    } catch (error) {
      if (error instanceof Rehearsed) return error.serial;
      throw error;
    }
  }
}

function* freshRows(plan: ImportPlan): Generator<NewRow> {
  for (const { fresh } of plannedNames(plan)) yield* fresh;
}

const rowsOf = ({ kept, fresh }: PlannedName): NewRow[] => [...kept, ...fresh];

/** How the published zone changes, but for its apex; null when that is more than a journal holds. */
function* stepOf(
  before: Zone,
  after: Zone,
  touched: ReadonlySet<string>,
  maxBytes: number,
): Generator<void, JournalStep | null> {
  const step = new JournalStep();
  for (const key of touched) {
    if (key !== after.key) step.take(difference(key, before.setsAt(key), after.setsAt(key)));
    if (step.bytes > maxBytes) return null;
    yield;
  }
  return step;
}

/** RFC 6672 §2.4: a DNAME redirects every name below it, so nothing can stand there. */
function* refuseRedirected(zone: Zone, { present }: ImportPlan): Generator<void, void> {
  const ofViews = function* () {
    for (const rows of present.values()) {
      const row = rows.find(({ view }) => view !== "");
      if (row !== undefined) yield RecordName.stored(row.name, zone.name).absolute.key;
    }
  };
  for (const key of [zone.names(), ofViews()].values().flatMap((keys) => keys)) {
    const { kind, owner } = zone.find(key, types.A);
    if (kind === "dname" && owner !== key) {
      const [name, above] = [key, owner].map((one) => quote(RecordName.ofKey(one, zone.name).relative));
      throw conflict(`Cannot have ${name}: the DNAME at ${above} redirects every name below it`, {
        hint: "Leave out the DNAME or the names below it.",
      });
    }
    yield;
  }
}

function settingsOf(row: SoaRow): ZoneSettings {
  const { primary_ns: primaryNs, admin_email: adminEmail, refresh, retry, expire, minimum } = row;
  return { primaryNs, adminEmail, refresh, retry, expire, minimum };
}

function emptySettings(zone: DomainName): ZoneSettings {
  return parseZoneSettings(zone, { primaryNs: "", adminEmail: "", refresh: 0, retry: 0, expire: 0, minimum: 0 });
}

function hasSettings(row: ZoneRow, settings: ZoneSettings, soaTtl: number): boolean {
  return soaTtl === row.soa_ttl &&
    JSON.stringify(settingsOf(row)) === JSON.stringify(settingsOf(soaRow(settings, soaTtl, 0)));
}

/** A zone's row as far as its SOA is made from it. */
function soaRow({ primaryNs, adminEmail, ...times }: ZoneSettings, soaTtl: number, serial: number) {
  return {
    primary_ns: primaryNs,
    admin_email: adminEmail,
    ...times,
    soa_ttl: soaTtl,
    serial,
    kind: "primary" as const,
  };
}
