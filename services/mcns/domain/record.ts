/** A record as callers give it, and its TTL. */
import { invalid, quote } from "@lib/errors/mod.ts";
import type { Octets } from "./octets.ts";
import type { RecordName } from "./record_name.ts";

/** One record to be added to a zone. */
export interface RecordSpec {
  readonly name: RecordName;
  /** rdata/record_type.ts. */
  readonly type: number;
  /** Wire form, checked (rdata/record_data.ts). */
  readonly data: Octets;
  readonly ttlSeconds: number;
  /** The view that it is limited to; "" or absent for all clients. */
  readonly view?: string;
  /** When it goes by itself, ms since the epoch; null or absent for never. */
  readonly expiresAt?: number | null;
  /** What it stands for, and the lease of that: it goes with them. */
  readonly service?: string;
  readonly lease?: string;
}

/** Seconds a record may be cached when its writer didn't say. */
export const defaultTtlSeconds = 300;

/** RFC 2181 §8: a TTL has 31 bits. */
export const maxTtlSeconds = 2 ** 31 - 1;

/** Seconds; 0 stands for the default. Throws Invalid on `field` beyond 31 bits. */
export function parseTtl(seconds: number, field = "ttl"): number {
  if (!Number.isInteger(seconds) || seconds < 0 || seconds > maxTtlSeconds) {
    throw invalid(field, `must be seconds from 0 to ${maxTtlSeconds}, got ${quote(seconds)}`);
  }
  return seconds === 0 ? defaultTtlSeconds : seconds;
}
