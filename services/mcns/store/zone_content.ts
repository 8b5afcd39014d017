/** From rows to record sets: what stands at a name, and at the apex what comes from the zone's own row. */
import { messageOf } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import { DomainName, rootKey } from "../domain/name.ts";
import type { Octets } from "../domain/octets.ts";
import { types } from "../domain/rdata/record_type.ts";
import { parseMailbox, type Soa } from "../domain/soa.ts";
import { soaData } from "../domain/rdata/record_data.ts";
import type { RecordSet } from "../domain/zone.ts";
import { type AnswerRow, dataOf, setsOf } from "./stored_record.ts";
import type { TouchedName } from "./edit_session.ts";
import type { ZoneRow } from "./zone_store.ts";

/** What a zone's SOA is made from. */
export type SoaRow = Pick<
  ZoneRow,
  "primary_ns" | "admin_email" | "serial" | "refresh" | "retry" | "expire" | "minimum" | "soa_ttl" | "kind"
>;

export function soaOf(row: SoaRow): Soa {
  const { refresh, retry, expire, minimum, serial, kind } = row;
  return {
    primaryNs: nameOf(row.primary_ns, "zones.primary_ns"),
    // A primary elsewhere may have a mailbox that no caller here could write: a secondary keeps the name as it is.
    mailbox: kind === "secondary"
      ? nameOf(row.admin_email, "zones.admin_email")
      : parseMailbox(row.admin_email, "zones.admin_email"),
    serial,
    refresh,
    retry,
    expire,
    minimum,
  };
}

function nameOf(text: string, field: string): DomainName {
  return text === "." ? DomainName.fromKey(rootKey) : DomainName.parse(text, field);
}

export function soaSetOf(row: SoaRow): RecordSet {
  return { type: types.SOA, ttlSeconds: row.soa_ttl, data: [soaData(soaOf(row))], signatures: [] };
}

/** The apex's sets: SOA, and the primary as NS where no NS records were written. */
export function apexSets(row: SoaRow, sets: readonly RecordSet[]): RecordSet[] {
  const soa = soaSetOf(row);
  if (row.kind === "secondary" || sets.some(({ type }) => type === types.NS)) return [soa, ...sets];
  const ns: RecordSet = {
    type: types.NS,
    ttlSeconds: row.soa_ttl,
    data: [nameOf(row.primary_ns, "zones.primary_ns").key],
    signatures: [],
  };
  return [soa, ns, ...sets];
}

/** The sets of one name in one view. A row that can't be read is logged and left out: the others are answered. */
export function readSets(rows: readonly AnswerRow[], view: string, zone: string, log: Logger): RecordSet[] {
  const records: { type: number; data: Octets; ttlSeconds: number }[] = [];
  for (const row of rows) {
    if (row.view !== view) continue;
    try {
      const { type, data } = dataOf(row);
      records.push({ type, data, ttlSeconds: row.ttl });
    } catch (error) {
      log.error("a record in the database is left out", {
        zone,
        record: row.name,
        type: row.type,
        error: messageOf(error),
      });
    }
  }
  return setsOf(records);
}

/** What views have of their own at the names, unsigned, by key and view. */
export function viewSets(
  names: readonly TouchedName[],
  zone: string,
  log: Logger,
): Map<string, Map<string, readonly RecordSet[]>> {
  return new Map(
    names.filter(({ views }) => views.length > 0).map(({ name, rows, views }) => [
      name.absolute.key,
      new Map(views.map((view) => [view, readSets(rows, view, zone, log)])),
    ]),
  );
}
