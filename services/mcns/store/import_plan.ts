/** What an import has to change: the rows that go and come, name by name. */
import type { DomainName } from "../domain/name.ts";
import { parseData } from "../domain/rdata/record_data.ts";
import { typeCode, types } from "../domain/rdata/record_type.ts";
import { RecordName } from "../domain/record_name.ts";
import type { RecordLine } from "../domain/zone_file/parse_zone_file.ts";
import type { ZoneSettings } from "../domain/zone_settings.ts";
import { type NewRow, newRow } from "./record_rows.ts";
import type { StoredRecord } from "./stored_record.ts";

/** What a zone is to hold. */
export interface WantedContent {
  /** Null: as they are. */
  readonly settings: ZoneSettings | null;
  /** Seconds; null: as it is. */
  readonly soaTtl: number | null;
  /** Without the SOA, and without what signing makes. */
  readonly records: readonly RecordLine[];
}

/** A name that changes. */
export interface PlannedName {
  readonly name: RecordName;
  /** Rows that stay, those of views among them. */
  readonly kept: readonly StoredRecord[];
  /** Rows that come. Their times are the transaction's. */
  readonly fresh: readonly NewRow[];
}

/** Kept small, as a zone may have a million records: what can be told from it is made when it is needed. */
export interface ImportPlan {
  readonly zone: DomainName;
  /** All rows of the zone by relative name. */
  readonly present: ReadonlyMap<string, readonly StoredRecord[]>;
  readonly gone: ReadonlySet<StoredRecord>;
  /** Names that lose records and get none. */
  readonly goneOnly: readonly RecordName[];
  /** What comes, by the key of its name. */
  readonly missing: ReadonlyMap<string, readonly RecordLine[]>;
  /** How many come. */
  readonly added: number;
  /** Whether the zone will have a DNAME. */
  readonly hasDname: boolean;
}

export interface PlanOptions {
  readonly zone: DomainName;
  /** What the zone will have. */
  readonly settings: ZoneSettings;
  readonly soaTtl: number;
  readonly present: ReadonlyMap<string, readonly StoredRecord[]>;
  readonly wanted: readonly RecordLine[];
}

/** As the caller sees it. */
export const shown = ({ name, ttl, type, value }: NewRow): string => `${name} ${ttl} ${type} ${value}`;

/** Removes what isn't wanted and adds what is missing; records of views stay. Yields after each name. */
export function* planImport(options: PlanOptions): Generator<void, ImportPlan> {
  const { zone, present, wanted } = options;
  const missing = yield* wantedLines(options);
  const gone = new Set<StoredRecord>();
  let hasDname = wanted.some(({ type }) => type === types.DNAME);
  for (const rows of present.values()) {
    for (const row of rows) {
      if (row.type === "DNAME") hasDname = true;
      if (row.view === "" && !takeLine(missing, lineOf(row, zone))) gone.add(row);
    }
    yield;
  }
  const goneOnly: RecordName[] = [];
  for (const [relative, rows] of present) {
    if (rows.some((row) => gone.has(row))) {
      const name = RecordName.stored(relative, zone);
      if (!missing.has(name.absolute.key)) goneOnly.push(name);
    }
    yield;
  }
  let added = 0;
  for (const lines of missing.values()) added += lines.length;
  return { zone, present, gone, goneOnly, missing, added, hasDname };
}

/** The names that change, one after the other. */
export function* plannedNames(plan: ImportPlan): Generator<PlannedName> {
  for (const key of plan.missing.keys()) yield plannedAt(plan, RecordName.ofKey(key, plan.zone));
  for (const name of plan.goneOnly) yield plannedAt(plan, name);
}

/** What the zone will have at a name. */
export function plannedAt({ present, gone, missing }: ImportPlan, name: RecordName): PlannedName {
  const kept = (present.get(name.relative) ?? []).filter((row) => !gone.has(row));
  const lines = missing.get(name.absolute.key) ?? [];
  return { name, kept, fresh: lines.map(({ type, ttlSeconds, data }) => newRow({ name, type, ttlSeconds, data }, 0)) };
}

/** By the key of their name, each set with one TTL (RFC 2181 §5.2: the smallest), without an NS that the zone makes by itself. */
function* wantedLines(
  { zone, settings, soaTtl, present, wanted }: PlanOptions,
): Generator<void, Map<string, RecordLine[]>> {
  const names = new Map<string, RecordLine[]>();
  for (const record of wanted) {
    const lines = names.get(record.owner);
    if (lines === undefined) names.set(record.owner, [record]);
    else lines.push(record);
    yield;
  }
  for (const [owner, lines] of names) {
    if (lines.length > 1) names.set(owner, oneTtlPerSet(lines));
    yield;
  }
  const apex = names.get(zone.key) ?? [];
  const [ns, second] = apex.filter(({ type }) => type === types.NS);
  const hasNs = present.get("@")?.some(({ type, view }) => type === "NS" && view === "") ?? false;
  const isMade = ns !== undefined && second === undefined && !hasNs && ns.ttlSeconds === soaTtl &&
    ns.data === parseData(types.NS, `${settings.primaryNs}.`);
  if (isMade) takeLine(names, ns);
  return names;
}

function oneTtlPerSet(lines: readonly RecordLine[]): RecordLine[] {
  const smallest = new Map<number, number>();
  for (const { type, ttlSeconds } of lines) {
    smallest.set(type, Math.min(smallest.get(type) ?? Infinity, ttlSeconds));
  }
  return lines.map((line) => ({ ...line, ttlSeconds: smallest.get(line.type)! }));
}

/** Takes a line out; false when it isn't there. */
function takeLine(names: Map<string, RecordLine[]>, { owner, type, ttlSeconds, data }: RecordLine): boolean {
  const lines = names.get(owner) ?? [];
  const at = lines.findIndex((one) => one.type === type && one.ttlSeconds === ttlSeconds && one.data === data);
  if (at < 0) return false;
  lines.splice(at, 1);
  if (lines.length === 0) names.delete(owner);
  return true;
}

/** A row as a line of a file. */
export function lineOf(row: StoredRecord, zone: DomainName): RecordLine {
  const type = typeCode(row.type);
  return {
    owner: RecordName.stored(row.name, zone).absolute.key,
    type,
    ttlSeconds: row.ttl,
    data: parseData(type, row.value, { formOnly: true }),
  };
}
