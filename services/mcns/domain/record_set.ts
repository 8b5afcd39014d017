import type { Octets } from "./octets.ts";

/** All records of one type at one name. They share a TTL (RFC 2181 §5.2). */
export interface RecordSet {
  readonly type: number;
  readonly ttlSeconds: number;
  /** In canonical order (RFC 4034 §6.3), without duplicates; names in them lower case and written out. */
  readonly data: readonly Octets[];
  /** RRSIG data over this set; none in an unsigned zone. */
  readonly signatures: readonly Octets[];
}

/** The set of that type among `sets`. */
export function setOf(sets: readonly RecordSet[], type: number): RecordSet | undefined {
  return sets.find((set) => set.type === type);
}
