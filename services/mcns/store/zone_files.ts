import { invalid, quote } from "@lib/errors/mod.ts";
import type { DomainName } from "../domain/name.ts";
import { formatData, parseData, readSoa } from "../domain/rdata/record_data.ts";
import { checkWritable, isMadeBySigning, typeCode, types, typeText } from "../domain/rdata/record_type.ts";
import { RecordName } from "../domain/record_name.ts";
import type { Soa } from "../domain/soa.ts";
import { formatZoneFile } from "../domain/zone_file/format_zone_file.ts";
import { parseZoneFile, type RecordLine, type ZoneFileRecord } from "../domain/zone_file/parse_zone_file.ts";
import { parseZoneSettings, type ZoneSettings } from "../domain/zone_settings.ts";
import type { Edit } from "./edit_session.ts";
import { recordsOf } from "./published.ts";
import type { StoredRecord } from "./stored_record.ts";
import { apexSets, readSets } from "./zone_content.ts";
import type { ZoneEditor } from "./zone_editor.ts";
import type { By, ZoneRow, ZoneStore } from "./zone_store.ts";
import type { RecordRows } from "./record_rows.ts";
import { silentLogger } from "@lib/log/mod.ts";

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

/** Ends the transaction of a dry run. */
class Rehearsed extends Error {
  constructor(readonly outcome: ImportOutcome) {
    super("a dry run");
  }
}

/** Zone files in and out. */
export class ZoneFiles {
  readonly #zones: ZoneStore;
  readonly #rows: RecordRows;
  readonly #editor: ZoneEditor;

  constructor(zones: ZoneStore, rows: RecordRows, editor: ZoneEditor) {
    this.#zones = zones;
    this.#rows = rows;
    this.#editor = editor;
  }

  /**
   * The zone as a file. Records limited to views stand at the end as comments: a zone file has no word for them.
   * Throws NotFound.
   * @param published with what signing made
   */
  export(zone: DomainName, published: boolean): { text: string; serial: number } {
    const row = this.#zones.get(zone);
    if (published) {
      const { serial, lines } = publishedLines(this.#editor, zone);
      return { text: formatZoneFile(zone, lines), serial };
    }
    const rows = this.#rows.all(row.id);
    const lines = rows.filter(({ view }) => view === "").map((one) => lineOf(one, zone));
    const apex = apexSets(row, readSets(this.#rows.at(row.id, "@"), "", row.name, silentLogger));
    const made = apex.filter(({ type }) => type === types.SOA || type === types.NS && !hasNs(rows));
    for (const set of made) lines.push(...recordsOf(zone.key, [set]));
    const limited = rows.filter(({ view }) => view !== "").map((one) => `; view ${one.view}: ${shown(one)}\n`);
    return { text: formatZoneFile(zone, lines) + limited.join(""), serial: row.serial };
  }

  /**
   * Makes the zone's records those of the file, in one change; those limited to views stay. SOA times and names are taken
   * over, the serial is ours. What signing made is left out: we sign ourselves. Throws Invalid for what can't be read
   * (with its line), NotFound without `create`, Conflict for what breaks a rule; then nothing has happened.
   */
  import(zone: DomainName, text: string, { dryRun, create }: ImportOptions, by: By): ImportOutcome {
    const records = parseZoneFile(text, { origin: zone }).filter(({ type }) => !isMadeBySigning(type));
    const soas = records.filter(({ type }) => type === types.SOA);
    const soa = soaOf(soas, zone);
    const wanted = records.filter(({ type }) => type !== types.SOA);
    for (const { type, line } of wanted) checkWritable(type, `zone file:${line}`);
    try {
      return this.#editor.together(() => {
        const outcome = this.#import(zone, soa, wanted, create, by);
        if (dryRun) throw new Rehearsed(outcome);
        return outcome;
      });
    } catch (error) {
      if (error instanceof Rehearsed) return error.outcome;
      throw error;
    }
  }

  #import(
    zone: DomainName,
    soa: { value: Soa; ttlSeconds: number } | null,
    wanted: readonly ZoneFileRecord[],
    create: boolean,
    by: By,
  ): ImportOutcome {
    const exists = this.#zones.find(zone);
    if (exists === undefined && create) {
      const given = soa?.value ?? null;
      const settings = given === null ? emptySettings(zone) : settingsOf(given, zone);
      let added: string[] = [];
      const row = this.#editor.create(zone, { settings }, by, (edit) => {
        if (soa !== null) edit.setSettings(settings, soa.ttlSeconds);
        added = apply(edit, wanted).added;
      });
      return { removed: [], added, serial: row.serial };
    }
    const { result, serial } = this.#editor.edit(zone, by, "zone.import", (edit) => {
      if (soa !== null) edit.setSettings(settingsOf(soa.value, zone), soa.ttlSeconds);
      return apply(edit, wanted);
    });
    return { ...result, serial };
  }
}

/** Removes what isn't wanted and adds what is missing. */
function apply(edit: Edit, wanted: readonly ZoneFileRecord[]): { removed: string[]; added: string[] } {
  const identity = ({ owner, type, ttlSeconds, data }: RecordLine) => `${owner} ${type} ${ttlSeconds} ${data}`;
  const missing = new Map<string, RecordLine>();
  const present = edit.all().filter(({ view }) => view === "");
  for (const record of oneTtlPerSet(wanted)) {
    if (!isMadeNs(edit.zone, edit.name, record, wanted, present)) missing.set(identity(record), record);
  }
  const gone = present.filter((row) => !missing.delete(identity(lineOf(row, edit.name))));
  for (const row of gone) edit.remove(row);
  const added: string[] = [];
  for (const { owner, type, ttlSeconds, data } of missing.values()) {
    const name = RecordName.ofKey(owner, edit.name);
    edit.add({ name, type, data, ttlSeconds });
    added.push(`${name} ${ttlSeconds} ${typeText(type)} ${formatData(type, data)}`);
  }
  return { removed: gone.map(shown), added };
}

/** RFC 2181 §5.2: of different TTLs in one set the smallest counts. */
function oneTtlPerSet(records: readonly RecordLine[]): RecordLine[] {
  const smallest = new Map<string, number>();
  const set = ({ owner, type }: RecordLine) => `${owner} ${type}`;
  for (const record of records) {
    smallest.set(set(record), Math.min(smallest.get(set(record)) ?? Infinity, record.ttlSeconds));
  }
  return records.map((record) => ({ ...record, ttlSeconds: smallest.get(set(record))! }));
}

/** Whether the file only says what the zone makes by itself: its primary as the one name server. */
function isMadeNs(
  row: ZoneRow,
  zone: DomainName,
  { owner, type, data, ttlSeconds }: RecordLine,
  wanted: readonly RecordLine[],
  present: readonly StoredRecord[],
): boolean {
  if (type !== types.NS || owner !== zone.key || hasNs(present)) return false;
  const count = wanted.filter((one) => one.type === types.NS && one.owner === zone.key).length;
  return count === 1 && data === parseData(types.NS, `${row.primary_ns}.`) && ttlSeconds === row.soa_ttl;
}

function hasNs(rows: readonly StoredRecord[]): boolean {
  return rows.some(({ name, type, view }) => name === "@" && type === "NS" && view === "");
}

function lineOf(row: StoredRecord, zone: DomainName): RecordLine {
  const type = typeCode(row.type);
  return {
    owner: RecordName.stored(row.name, zone).absolute.key,
    type,
    ttlSeconds: row.ttl,
    data: parseData(type, row.value, { formOnly: true }),
  };
}

const shown = ({ name, ttl, type, value }: StoredRecord): string => `${name} ${ttl} ${type} ${value}`;

function publishedLines(editor: ZoneEditor, zone: DomainName): { lines: RecordLine[]; serial: number } {
  const published = editor.zone(zone);
  if (!published.isAnswerable) {
    throw invalid(
      "zone",
      `${quote(zone.text)} has nothing to export yet: no transfer from its primary has come through`,
    );
  }
  const lines: RecordLine[] = [];
  for (const key of published.names()) lines.push(...recordsOf(key, published.setsAt(key)));
  return { lines, serial: published.serial };
}

function soaOf(soas: readonly ZoneFileRecord[], zone: DomainName): { value: Soa; ttlSeconds: number } | null {
  const [soa, second] = soas;
  if (soa === undefined) return null;
  if (second !== undefined) {
    throw invalid("text", `zone file:${second.line}: a zone has one SOA record, and line ${soa.line} has it`);
  }
  if (soa.owner !== zone.key) {
    throw invalid("text", `zone file:${soa.line}: the SOA record stands at ${zone}, the zone's name`);
  }
  return { value: readSoa(soa.data), ttlSeconds: soa.ttlSeconds };
}

function settingsOf(soa: Soa, zone: DomainName): ZoneSettings {
  const { primaryNs, mailbox, refresh, retry, expire, minimum } = soa;
  return parseZoneSettings(zone, {
    primaryNs: primaryNs.text,
    adminEmail: mailbox.text,
    refresh,
    retry,
    expire,
    minimum,
  });
}

function emptySettings(zone: DomainName): ZoneSettings {
  return parseZoneSettings(zone, { primaryNs: "", adminEmail: "", refresh: 0, retry: 0, expire: 0, minimum: 0 });
}
