import { u16Octets, u32Octets } from "../octets.ts";
import { sortRecords } from "./format_zone_file.ts";
import type { RecordLine } from "./parse_zone_file.ts";

/**
 * What has to go from `before` and to come to make it `after`, each in canonical order. A record is its owner, type, TTL
 * and data, so a changed TTL is a record that goes and one that comes.
 */
export function diffRecords<T extends RecordLine>(
  before: Iterable<T>,
  after: Iterable<T>,
): { removed: T[]; added: T[] } {
  const gone = new Map<string, T>();
  for (const record of before) gone.set(identity(record), record);
  const added = new Map<string, T>();
  const kept = new Set<string>();
  for (const record of after) {
    const key = identity(record);
    if (gone.has(key)) kept.add(key);
    else added.set(key, record);
  }
  for (const key of kept) gone.delete(key);
  return { removed: sortRecords(gone.values()), added: sortRecords(added.values()) };
}

/** No two records share one: a key ends where its zero octet is, numbers have fixed widths. */
function identity({ owner, type, ttlSeconds, data }: RecordLine): string {
  return owner + u16Octets(type) + u32Octets(ttlSeconds) + data;
}
