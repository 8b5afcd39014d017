/** Writes messages of the kinds that aren't replies to plain queries, one after the other into the same buffer. */
import { LookupName } from "../../domain/lookup_name.ts";
import type { Octets } from "../../domain/octets.ts";
import { isCompressible, namesIn } from "../../domain/rdata/record_data.ts";
import { classIn, ednsUdpOctets, flags, headerOctets, maxMessageOctets, types } from "../codes.ts";
import { NameCompressor } from "../name_compressor.ts";

export const sections = { answer: 0, authority: 1, additional: 2 } as const;
export type Section = typeof sections[keyof typeof sections];

/** What stands in the header beside the counts. */
export interface Head {
  readonly id: number;
  readonly opcode: number;
  readonly isReply?: boolean;
  readonly authoritative?: boolean;
  readonly rcode?: number;
}

export interface Question {
  readonly key: string;
  readonly type: number;
  readonly class: number;
}

/** A record to write; class IN where none is given. */
export interface WrittenRecord {
  readonly owner: string;
  readonly type: number;
  readonly class?: number;
  readonly ttlSeconds: number;
  readonly data: Octets;
}

/** An extended error (RFC 8914) to go into the OPT record. */
export interface ErrorNote {
  readonly code: number;
  /** ASCII. */
  readonly text: string;
}

const extendedErrorOption = 15;

export class MessageWriter {
  readonly #out = new Uint8Array(maxMessageOctets);
  readonly #names = new NameCompressor();
  readonly #counts: [number, number, number] = [0, 0, 0];
  #limit: number = maxMessageOctets;
  #length = 0;

  /** Octets so far. */
  get length(): number {
    return this.#length;
  }

  /** Begins a message of at most `limit` octets. */
  start(head: Head, question: Question | null, limit: number = maxMessageOctets): void {
    const out = this.#out;
    this.#limit = limit;
    this.#counts.fill(0);
    this.#names.start(out);
    putU16(out, 0, head.id);
    out[2] = (head.isReply ? flags.QR : 0) | head.opcode << 3 | (head.authoritative ? flags.AA : 0);
    out[3] = (head.rcode ?? 0) & 15;
    putU16(out, 4, question === null ? 0 : 1);
    this.#length = headerOctets;
    if (question === null) return;
    const name = new LookupName().set(question.key);
    out.set(name.octets.subarray(0, name.length), headerOctets);
    this.#names.note(name, headerOctets);
    this.#length += name.length + 4;
    putU16(out, this.#length - 4, question.type);
    putU16(out, this.#length - 2, question.class);
  }

  /** Adds a record; false when it does not fit: then only `addOpt` and `finish` may follow. Sections are filled in their order. */
  add(section: Section, { owner, type, class: recordClass = classIn, ttlSeconds, data }: WrittenRecord): boolean {
    const out = this.#out, limit = this.#limit;
    const fixed = this.#names.write(owner, this.#length, limit);
    if (fixed < 0 || fixed + 10 > limit) return false;
    const end = this.#putData(type, data, fixed + 10);
    if (end < 0) return false;
    putU16(out, fixed, type);
    putU16(out, fixed + 2, recordClass);
    putU16(out, fixed + 4, ttlSeconds >>> 16);
    putU16(out, fixed + 6, ttlSeconds & 0xffff);
    putU16(out, fixed + 8, end - fixed - 10);
    this.#counts[section]++;
    this.#length = end;
    return true;
  }

  /** Adds the OPT record, which says that we know EDNS. Call it last. */
  addOpt(error: ErrorNote | null = null): void {
    const out = this.#out;
    let at = this.#length;
    if (at + 11 > this.#limit) return;
    out.fill(0, at, at + 11);
    putU16(out, at + 1, types.OPT);
    putU16(out, at + 3, ednsUdpOctets);
    const fixed = at + 9;
    at += 11;
    if (error !== null && at + 6 + error.text.length <= this.#limit) {
      putU16(out, at, extendedErrorOption);
      putU16(out, at + 2, 2 + error.text.length);
      putU16(out, at + 4, error.code);
      for (let i = 0; i < error.text.length; i++) out[at + 6 + i] = error.text.charCodeAt(i);
      at += 6 + error.text.length;
      putU16(out, fixed, at - fixed - 2);
    }
    this.#counts[sections.additional]++;
    this.#length = at;
  }

  /** The message, in a buffer of its own. */
  finish(): Uint8Array {
    for (const [i, count] of this.#counts.entries()) putU16(this.#out, 6 + 2 * i, count);
    return this.#out.slice(0, this.#length);
  }

  /** Returns where the data ends, -1 when that is past the limit. */
  #putData(type: number, data: Octets, at: number): number {
    const layout = isCompressible(type) && data !== "" ? namesIn(type)! : [];
    let read = 0;
    for (const part of layout) {
      if (part !== "n") {
        at = this.#put(data, read, read + (part as number), at);
        read += part as number;
      } else {
        const end = nameEnd(data, read);
        at = this.#names.write(data.slice(read, end), at, this.#limit);
        read = end;
      }
      if (at < 0) return -1;
    }
    return this.#put(data, read, data.length, at);
  }

  #put(data: Octets, from: number, to: number, at: number): number {
    if (at + to - from > this.#limit) return -1;
    for (let i = from; i < to; i++) this.#out[at++] = data.charCodeAt(i);
    return at;
  }
}

function nameEnd(data: Octets, at: number): number {
  while (data.charCodeAt(at) > 0) at += data.charCodeAt(at) + 1;
  return at + 1;
}

function putU16(out: Uint8Array, at: number, value: number): void {
  out[at] = value >> 8;
  out[at + 1] = value;
}
