/**
 * An answer as the cache keeps it: one string (domain/octets.ts) that holds the answer and authority sections as they go
 * onto the wire, their names compressed against a question that stands right after the header. The name asked for decides
 * where the question ends, so every pointer is right in any reply to a query for that name, whatever its type or letter case.
 *
 * Before them stand: rcode, a flag octet, both counts (16 bits each) and for each record where its TTL stands (16 bits, from
 * the sections' start), so that sending is copying and counting down.
 */
import { LookupName } from "../../domain/lookup_name.ts";
import { fromBytes, type Octets, u16At, u16Octets } from "../../domain/octets.ts";
import { isCompressible, namesIn } from "../../domain/rdata/record_data.ts";
import { classIn, headerOctets, maxMessageOctets } from "../codes.ts";
import { readMessage, type WireRecord } from "../message.ts";
import { NameCompressor } from "../name_compressor.ts";

/** Type, class, TTL and length of a record. */
const fixedOctets = 10;
/** Type and class of a question. */
const questionTail = 4;
/** Before the TTL positions. */
const prefixOctets = 6;

const blockedFlag = 1;

/** What an answer is made of; a Resolution is one. */
export interface Sections {
  readonly rcode: number;
  readonly answers: readonly WireRecord[];
  readonly authorities: readonly WireRecord[];
  /** Not an upstream's, but a block list's. */
  readonly blocked?: boolean;
}

/** Packs answers one after the other. */
export class AnswerPacker {
  readonly #out = new Uint8Array(maxMessageOctets);
  readonly #view = new DataView(this.#out.buffer);
  readonly #names = new NameCompressor();
  readonly #question = new LookupName();

  /** Null for what is longer than any message. @param key the name asked for */
  pack(key: string, { rcode, answers, authorities, blocked }: Sections): Octets | null {
    const out = this.#out, start = headerOctets + key.length + questionTail;
    for (let i = 0; i < key.length; i++) out[headerOctets + i] = key.charCodeAt(i);
    this.#names.start(out);
    this.#names.note(this.#question.set(key), headerOctets);
    let at = start, positions = "";
    for (const section of [answers, authorities]) {
      for (const record of section) {
        const dataAt = this.#record(record, at);
        if (dataAt < 0) return null;
        positions += u16Octets(dataAt - 6 - start);
        at = dataAt + this.#view.getUint16(dataAt - 2);
      }
    }
    const prefix = String.fromCharCode(rcode, blocked ? blockedFlag : 0) + u16Octets(answers.length) +
      u16Octets(authorities.length);
    return flat(prefix + positions + fromBytes(out, start, at));
  }

  /** Where its data starts; -1 when it doesn't fit. */
  #record({ owner, type, ttlSeconds, data }: WireRecord, at: number): number {
    const dataAt = this.#names.write(owner, at, maxMessageOctets) + fixedOctets;
    if (dataAt < fixedOctets || dataAt > maxMessageOctets) return -1;
    const end = this.#data(type, data, dataAt);
    if (end < 0) return -1;
    const view = this.#view;
    view.setUint16(dataAt - 10, type);
    view.setUint16(dataAt - 8, classIn);
    view.setUint32(dataAt - 6, ttlSeconds);
    view.setUint16(dataAt - 2, end - dataAt);
    return dataAt;
  }

  #data(type: number, data: Uint8Array, at: number): number {
    let from = 0;
    // `readMessage` has checked such data against the same layout.
    for (const part of isCompressible(type) ? namesIn(type)! : []) {
      if (part === "n") {
        const end = nameEnd(data, from);
        at = this.#names.write(fromBytes(data, from, end).toLowerCase(), at, maxMessageOctets);
        if (at < 0) return -1;
        from = end;
      } else {
        const octets = part === "s" ? 1 + data[from]! : part;
        if (at + octets > maxMessageOctets) return -1;
        this.#out.set(data.subarray(from, from + octets), at);
        at += octets;
        from += octets;
      }
    }
    const rest = data.subarray(from);
    if (at + rest.length > maxMessageOctets) return -1;
    this.#out.set(rest, at);
    return at + rest.length;
  }
}

export const rcodeOf = (packed: Octets): number => packed.charCodeAt(0);
export const isBlocked = (packed: Octets): boolean => (packed.charCodeAt(1) & blockedFlag) !== 0;
export const answersOf = (packed: Octets): number => u16At(packed, 2);
export const authoritiesOf = (packed: Octets): number => u16At(packed, 4);

/** Octets of both sections on the wire. */
export function sectionOctets(packed: Octets): number {
  return packed.length - sectionsAt(packed);
}

/**
 * Writes both sections at `at`, right after the question, each TTL less `ageSeconds`; or all TTLs `fixedTtl`.
 * There must be room for `sectionOctets`.
 */
export function writeSections(packed: Octets, out: Uint8Array, at: number, ageSeconds: number, fixedTtl = -1): void {
  const from = sectionsAt(packed), shift = at - from;
  for (let i = from; i < packed.length; i++) out[i + shift] = packed.charCodeAt(i);
  if (ageSeconds === 0 && fixedTtl < 0) return;
  for (let position = prefixOctets; position < from; position += 2) {
    const ttlAt = at + u16At(packed, position);
    let ttl = fixedTtl;
    if (ttl < 0) {
      const kept = (out[ttlAt]! << 24 | out[ttlAt + 1]! << 16 | out[ttlAt + 2]! << 8 | out[ttlAt + 3]!) >>> 0;
      ttl = kept > ageSeconds ? kept - ageSeconds : 0;
    }
    out[ttlAt] = ttl >>> 24;
    out[ttlAt + 1] = ttl >>> 16;
    out[ttlAt + 2] = ttl >>> 8;
    out[ttlAt + 3] = ttl;
  }
}

/** Whether the lengths in it agree: all that `writeSections` relies on. */
export function isPacked(packed: Octets): boolean {
  return packed.length >= prefixOctets && sectionsAt(packed) <= packed.length;
}

/** The records again; null when `packed` is none of ours (a damaged file's). @param key the name it was packed for */
export function unpack(key: string, packed: Octets): Sections | null {
  if (!isPacked(packed)) return null;
  const from = sectionsAt(packed), start = headerOctets + key.length + questionTail;
  const message = new Uint8Array(start + packed.length - from);
  message[5] = 1;
  for (let i = 0; i < 4; i++) message[6 + i] = packed.charCodeAt(2 + i);
  for (let i = 0; i < key.length; i++) message[headerOctets + i] = key.charCodeAt(i);
  message[start - 1] = classIn;
  writeSections(packed, message, start, 0);
  for (let position = prefixOctets; position < from; position += 2) {
    if (u16At(packed, position) + fixedOctets - 4 > packed.length - from) return null;
  }
  const read = readMessage(message);
  if (read === null || read.answers.length !== answersOf(packed)) return null;
  const { answers, authorities } = read;
  return { rcode: rcodeOf(packed), answers, authorities, blocked: isBlocked(packed) };
}

function sectionsAt(packed: Octets): number {
  return prefixOctets + 2 * (u16At(packed, 2) + u16At(packed, 4));
}

function nameEnd(data: Uint8Array, from: number): number {
  let at = from;
  while (data[at]! > 0) at += data[at]! + 1;
  return at + 1;
}

/** The same string in one piece: joined ones are kept as trees, which take several times the memory. */
function flat(octets: Octets): Octets {
  const bytes = new Uint8Array(octets.length);
  for (let i = 0; i < octets.length; i++) bytes[i] = octets.charCodeAt(i);
  return octets.length <= 4096 ? String.fromCharCode(...bytes) : fromBytes(bytes);
}
