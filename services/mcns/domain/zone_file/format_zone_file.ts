/** Writes zone files that every server reads back. */
import { type DomainName, isAtOrBelow, rootKey, textOfKey } from "../name.ts";
import { orderOf } from "../ordered_names.ts";
import { formatData } from "../rdata/record_data.ts";
import { types, typeText } from "../rdata/record_type.ts";
import type { RecordLine } from "./parse_zone_file.ts";

/** Columns of the owners; a longer one pushes the rest of its line. */
const maxOwnerColumns = 40;

/**
 * The records as a zone file: one line each, owners relative to `origin`, names in data absolute, the SOA record first,
 * then in canonical order (RFC 4034 §6). ALIAS records stand as `ALIAS`, which other servers refuse rather than publish
 * something else.
 */
export function formatZoneFile(origin: DomainName, records: Iterable<RecordLine>): string {
  const sorted = sortRecords(records);
  const owners = sorted.map(({ owner }) => ownerText(owner, origin));
  const ownerColumns = owners.reduce((most, { length }) => Math.max(most, Math.min(length, maxOwnerColumns)), 0);
  const ttlColumns = sorted.reduce((most, { ttlSeconds }) => Math.max(most, String(ttlSeconds).length), 0);
  const typeColumns = sorted.reduce((most, { type }) => Math.max(most, typeText(type).length), 0);
  const lines = sorted.map(({ type, ttlSeconds, data }, i) => {
    const columns = [
      owners[i]!.padEnd(ownerColumns),
      String(ttlSeconds).padStart(ttlColumns),
      "IN",
      typeText(type).padEnd(typeColumns),
      formatData(type, data, { finalDot: true }),
    ];
    return columns.join(" ") + "\n";
  });
  return `$ORIGIN ${nameText(origin.key)}\n${lines.join("")}`;
}

const nameText = (key: string): string => key === rootKey ? "." : textOfKey(key) + ".";

function ownerText(owner: string, origin: DomainName): string {
  if (owner === origin.key) return "@";
  if (!isAtOrBelow(owner, origin.key)) return nameText(owner);
  return textOfKey(owner.slice(0, owner.length - origin.key.length) + rootKey);
}

/** By owner, type and data, all in canonical order; SOA records before everything. */
export function sortRecords<T extends RecordLine>(records: Iterable<T>): T[] {
  const orders = new Map<string, string>();
  const sorted = [...records].map((record) => {
    let order = orders.get(record.owner);
    if (order === undefined) orders.set(record.owner, order = orderOf(record.owner));
    return { record, order: record.type === types.SOA ? "" : order };
  });
  sorted.sort((a, b) => {
    if (a.order !== b.order) return a.order < b.order ? -1 : 1;
    if (a.record.type !== b.record.type) return a.record.type - b.record.type;
    return a.record.data < b.record.data ? -1 : a.record.data > b.record.data ? 1 : 0;
  });
  return sorted.map(({ record }) => record);
}
