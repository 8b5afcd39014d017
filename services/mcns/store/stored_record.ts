/** Rows of the table `records`, and what is made from them. */
import type { DomainName } from "../domain/name.ts";
import type { Octets } from "../domain/octets.ts";
import type { RuledRecord } from "../domain/name_rules.ts";
import { parseData } from "../domain/rdata/record_data.ts";
import { typeCode, types } from "../domain/rdata/record_type.ts";
import type { RecordSet } from "../domain/zone.ts";

/** A record's row. TTL in seconds, times in ms since the epoch. */
export interface StoredRecord {
  readonly id: number;
  /** Relative to the zone, `@` for the apex. */
  readonly name: string;
  /** "A", "TYPE65280". */
  readonly type: string;
  /** Presentation form, canonical. */
  readonly value: string;
  readonly ttl: number;
  /** "" for all clients. */
  readonly view: string;
  readonly expires_at: number | null;
  readonly service: string;
  readonly lease: string;
  readonly created_at: number;
  readonly updated_at: number;
}

export const recordColumns = "id, name, type, value, ttl, view, expires_at, service, lease, created_at, updated_at";

/** What answers need of a row. */
export interface AnswerRow {
  name: string;
  type: string;
  value: string;
  ttl: number;
  view: string;
}

/** The row's data on the wire. Throws Invalid for a row that no program of ours wrote. */
export function dataOf({ type, value }: { type: string; value: string }): RuledRecord {
  const code = typeCode(type);
  return { type: code, data: parseData(code, value, { formOnly: true }), value };
}

/** The key of a name that the store has relative to a zone. */
export function keyOfRelative(relative: string, zone: DomainName, parse: (text: string) => DomainName): string {
  if (relative === "@") return zone.key;
  // Escapes are rare; the others are split without looking at each character.
  if (relative.includes("\\")) return parse(`${relative}.${zone}.`).key;
  let key = "";
  for (let start = 0; start <= relative.length;) {
    let end = relative.indexOf(".", start);
    if (end < 0) end = relative.length;
    key += String.fromCharCode(end - start) + relative.slice(start, end);
    start = end + 1;
  }
  return key + zone.key;
}

/** Groups records of one name into sets, unsigned; of different TTLs in one set the smallest counts (RFC 2181 §5.2). */
export function setsOf(records: readonly { type: number; data: Octets; ttlSeconds: number }[]): RecordSet[] {
  if (records.length === 1) {
    const { type, data, ttlSeconds } = records[0]!;
    return [{ type, ttlSeconds, data: [data], signatures: [] }];
  }
  const sets = new Map<number, { ttlSeconds: number; data: Octets[] }>();
  for (const { type, data, ttlSeconds } of records) {
    const set = sets.get(type);
    if (set === undefined) sets.set(type, { ttlSeconds, data: [data] });
    else {
      if (!set.data.includes(data)) set.data.push(data);
      set.ttlSeconds = Math.min(set.ttlSeconds, ttlSeconds);
    }
  }
  return [...sets].map(([type, { ttlSeconds, data }]) => ({
    type,
    ttlSeconds,
    data: data.length === 1 ? data : data.sort((a, b) => a < b ? -1 : a > b ? 1 : 0),
    signatures: [],
  }));
}

/**
 * What a view's clients are answered at a name: its own sets in the place of the general ones of their types, its ALIAS
 * also in the place of the general addresses. A CNAME stands alone, so where either side has one, the view's own are all
 * there is.
 */
export function mergeView(general: readonly RecordSet[], own: readonly RecordSet[]): readonly RecordSet[] {
  if (own.length === 0) return general;
  const replaced = new Set(own.map(({ type }) => type));
  if (replaced.has(types.CNAME) || general.some(({ type }) => type === types.CNAME)) return own;
  if (replaced.has(types.ALIAS)) replaced.add(types.A).add(types.AAAA);
  return [...general.filter(({ type }) => !replaced.has(type)), ...own];
}
