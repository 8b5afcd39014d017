/**
 * All sets of a name as octets, one after the other: what a lookup reads in one place, where objects for sets and strings
 * for data would lie in ten.
 *
 *     for each set: type 2, TTL 4, records 2, signatures 2, octets of the rest 4, then each record: length 2, data
 */
import { fromBytes, type Octets } from "./octets.ts";
import type { RecordSet } from "./record_set.ts";

/** Octets before a set's records. */
const headerOctets = 14;

/** How many octets `writeSets` writes. */
export function packedOctets(sets: readonly RecordSet[]): number {
  let octets = 0;
  for (const set of sets) octets += headerOctets + octetsOf(set.data) + octetsOf(set.signatures);
  return octets;
}

/** Writes them at `at`, where they have room. */
export function writeSets(bytes: Uint8Array, at: number, sets: readonly RecordSet[]): void {
  for (const { type, ttlSeconds, data, signatures } of sets) {
    const octets = octetsOf(data) + octetsOf(signatures);
    putU16(bytes, at, type);
    putU32(bytes, at + 2, ttlSeconds);
    putU16(bytes, at + 6, data.length);
    putU16(bytes, at + 8, signatures.length);
    putU32(bytes, at + 10, octets);
    at = writeRecords(bytes, at + headerOctets, data);
    at = writeRecords(bytes, at, signatures);
  }
}

export function typeOfSetAt(bytes: Uint8Array, at: number): number {
  return u16(bytes, at);
}

/** Where the set after the one at `at` starts. */
export function nextSetAt(bytes: Uint8Array, at: number): number {
  return at + headerOctets + u32(bytes, at + 10);
}

export function hasSignaturesAt(bytes: Uint8Array, at: number): boolean {
  return u16(bytes, at + 8) > 0;
}

/** The sets from `start` to before `end`, as they stay. Their records are parts of one string: many small ones cost thrice. */
export function unpackSets(bytes: Uint8Array, start: number, end: number): RecordSet[] {
  const octets = fromBytes(bytes, start, end);
  const sets: RecordSet[] = [];
  for (let at = start; at < end; at = nextSetAt(bytes, at)) {
    const count = u16(bytes, at + 6), signatureCount = u16(bytes, at + 8);
    const data: Octets[] = [], signatures: Octets[] = [];
    let from = at + headerOctets;
    for (let i = 0; i < count + signatureCount; i++) {
      const next = from + 2 + u16(bytes, from);
      (i < count ? data : signatures).push(octets.slice(from + 2 - start, next - start));
      from = next;
    }
    sets.push({ type: u16(bytes, at), ttlSeconds: u32(bytes, at + 2), data, signatures });
  }
  return sets;
}

/** A set where it is packed, so that it can be copied into a reply as it is. For as long as nothing in its zone changes. */
export class PackedSet implements RecordSet {
  readonly type: number;
  readonly ttlSeconds: number;
  readonly bytes: Uint8Array;
  readonly #at: number;

  /** The set that starts at `at`. */
  constructor(bytes: Uint8Array, at: number) {
    this.type = u16(bytes, at);
    this.ttlSeconds = u32(bytes, at + 2);
    this.bytes = bytes;
    this.#at = at;
  }

  /** Made anew at each call, as are the signatures. */
  get data(): readonly Octets[] {
    return this.#read(this.recordsAt, this.records);
  }

  get signatures(): readonly Octets[] {
    return this.signatureCount === 0 ? none : this.#read(this.signaturesAt, this.signatureCount);
  }

  /** How many there are. */
  get records(): number {
    return u16(this.bytes, this.#at + 6);
  }

  /** Where the first one starts, with its length. */
  get recordsAt(): number {
    return this.#at + headerOctets;
  }

  get signatureCount(): number {
    return u16(this.bytes, this.#at + 8);
  }

  get signaturesAt(): number {
    let at = this.recordsAt;
    for (let left = this.records; left > 0; left--) at += 2 + u16(this.bytes, at);
    return at;
  }

  #read(at: number, count: number): Octets[] {
    const read: Octets[] = [];
    for (; count > 0; count--) {
      const end = at + 2 + u16(this.bytes, at);
      read.push(fromBytes(this.bytes, at + 2, end));
      at = end;
    }
    return read;
  }
}

const none: readonly Octets[] = [];

/** With a length before each. */
function octetsOf(records: readonly Octets[]): number {
  let octets = 0;
  for (let i = 0; i < records.length; i++) octets += 2 + records[i]!.length;
  return octets;
}

function writeRecords(bytes: Uint8Array, at: number, records: readonly Octets[]): number {
  for (const record of records) {
    putU16(bytes, at, record.length);
    at += 2;
    for (let i = 0; i < record.length; i++) bytes[at++] = record.charCodeAt(i);
  }
  return at;
}

export function u16(bytes: Uint8Array, at: number): number {
  return bytes[at]! << 8 | bytes[at + 1]!;
}

export function u32(bytes: Uint8Array, at: number): number {
  return (u16(bytes, at) << 16 | u16(bytes, at + 2)) >>> 0;
}

export function putU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8;
  bytes[at + 1] = value;
}

export function putU32(bytes: Uint8Array, at: number, value: number): void {
  putU16(bytes, at, value >>> 16);
  putU16(bytes, at + 2, value & 0xffff);
}
