import { invalid, quote } from "@lib/errors/mod.ts";
import type { DomainName } from "../domain/name.ts";
import { readSoa } from "../domain/rdata/record_data.ts";
import { checkWritable, isMadeBySigning, types } from "../domain/rdata/record_type.ts";
import type { Soa } from "../domain/soa.ts";
import { formatZoneFile } from "../domain/zone_file/format_zone_file.ts";
import { parsingZoneFile, type RecordLine, type ZoneFileRecord } from "../domain/zone_file/parse_zone_file.ts";
import { parseZoneSettings, type ZoneSettings } from "../domain/zone_settings.ts";
import { recordsOf } from "./published.ts";
import { lineOf } from "./import_plan.ts";
import { Slices } from "./slices.ts";
import { type ImportOptions, type ImportOutcome, type ImportParts, ZoneImport } from "./zone_import.ts";
import type { StoredRecord } from "./stored_record.ts";
import { apexSets, readSets } from "./zone_content.ts";
import type { ZoneEditor } from "./zone_editor.ts";
import type { By, ZoneStore } from "./zone_store.ts";
import type { RecordRows } from "./record_rows.ts";
import { silentLogger } from "@lib/log/mod.ts";

/** Zone files in and out. */
export class ZoneFiles {
  readonly #zones: ZoneStore;
  readonly #rows: RecordRows;
  readonly #editor: ZoneEditor;
  readonly #import: ZoneImport;

  constructor(parts: ImportParts) {
    this.#zones = parts.zones;
    this.#rows = parts.rows;
    this.#editor = parts.editor;
    this.#import = new ZoneImport(parts);
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
  async import(zone: DomainName, text: string, options: ImportOptions, by: By): Promise<ImportOutcome> {
    const lines = await new Slices().run(parsingZoneFile(text, { origin: zone }));
    const read = lines.filter(({ type }) => !isMadeBySigning(type));
    const soa = soaOf(read.filter(({ type }) => type === types.SOA), zone);
    const records = read.filter(({ type }) => type !== types.SOA);
    for (const { type, line } of records) checkWritable(type, `zone file:${line}`);
    const settings = soa === null ? null : settingsOf(soa.value, zone);
    return await this.#import.run(zone, { settings, soaTtl: soa?.ttlSeconds ?? null, records }, options, by);
  }
}

function hasNs(rows: readonly StoredRecord[]): boolean {
  return rows.some(({ name, type, view }) => name === "@" && type === "NS" && view === "");
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
