/**
 * Writes one message at a time into a buffer: header, question, records, OPT.
 *
 * Names are compressed against all names written before, the question first (RFC 1035 §4.1.4); in data only those of
 * the types that RFC 1035 defines (RFC 3597 §4). A record that doesn't fit is taken back whole. Where it was an answer or
 * authority record the reply is truncated (RFC 2181 §9); additional ones are a courtesy and just left out, whole sets at a
 * time.
 */
import type { Octets } from "../domain/octets.ts";
import { PackedSet, u16 } from "../domain/packed_sets.ts";
import { nameEnd } from "../domain/rdata/names.ts";
import { isCompressible } from "../domain/rdata/record_data.ts";
import type { RecordSet } from "../domain/record_set.ts";
import { classIn, dnssecOkFlag, ednsUdpOctets, flags, headerOctets, types } from "./codes.ts";
import type { ReplyOptions } from "./edns_options.ts";
import type { WireRecord } from "./message.ts";
import { NameCompressor } from "./name_compressor.ts";
import type { Query } from "./query.ts";

/** Sections that hold records, as indexes of their counts. */
export const sections = { answer: 0, authority: 1, additional: 2 } as const;
export type Section = typeof sections[keyof typeof sections];

/** Octets of an OPT record without options. */
const optOctets = 11;

/** Octets of a record between its owner and its data. */
const fixedOctets = 10;

export interface ReplyHeader {
  rcode: number;
  authoritative: boolean;
  recursionAvailable: boolean;
}

/** Answer and authority sections, as they follow a question. */
export interface PackedSections {
  readonly answers: number;
  readonly authorities: number;
  readonly octets: number;
  writeTo(out: Uint8Array, at: number): void;
}

/** Not shared between replies that overlap in time; reused for replies that follow each other. */
export class ReplyWriter {
  #out: Uint8Array = new Uint8Array(0);
  #length = 0;
  #limit = 0;
  #query!: Query;
  #options: ReplyOptions | null = null;
  readonly #counts = new Uint16Array(3);
  #recordStart = 0;
  #dataStart = 0;
  readonly #names = new NameCompressor();
  /** Whether the compressor has begun with this message: most replies write no name but the question's. */
  #namesStarted = false;
  #overflowed = false;
  #truncated = false;

  /**
   * Starts the reply to `query` in `out`, `limit` octets at most, and repeats its question.
   * @param options what goes into the OPT record, which is sent when the query had one
   */
  start(query: Query, out: Uint8Array, limit: number, options: ReplyOptions | null = null): void {
    this.#out = out;
    this.#query = query;
    this.#options = options;
    this.#limit = limit - (query.edns === null ? 0 : optOctets + (options?.reserved ?? 0));
    const counts = this.#counts;
    counts[0] = counts[1] = counts[2] = 0;
    this.#namesStarted = this.#overflowed = this.#truncated = false;
    const { packet, questionEnd } = query;
    for (let i = headerOctets; i < questionEnd; i++) out[i] = packet[i]!;
    this.#length = questionEnd;
  }

  /** Says that something which had to be in the reply didn't fit. */
  truncate(): void {
    this.#truncated = true;
  }

  /**
   * Writes a set, then its signatures where they are wanted. Returns false, with none of the records that are left in an
   * additional section, when they don't all fit.
   * @param owner its key; null for the name asked for
   */
  set(section: Section, owner: string | null, set: RecordSet, dnssecOk: boolean, ttlSeconds = set.ttlSeconds): boolean {
    const isWritten = set instanceof PackedSet && !isCompressible(set.type)
      ? this.#copied(section, owner, set.type, ttlSeconds, set.bytes, set.recordsAt, set.records)
      : this.records(section, owner, set.type, ttlSeconds, set.data);
    if (!isWritten || !dnssecOk) return isWritten;
    return set instanceof PackedSet
      ? this.#copied(section, owner, types.RRSIG, ttlSeconds, set.bytes, set.signaturesAt, set.signatureCount)
      : this.records(section, owner, types.RRSIG, ttlSeconds, set.signatures);
  }

  /** As `set`, for records that are no set of a zone, or a part of one. */
  records(section: Section, owner: string | null, type: number, ttlSeconds: number, data: readonly Octets[]): boolean {
    const start = this.#length;
    for (let i = 0; i < data.length; i++) {
      if (!this.#record(owner, type, ttlSeconds, data[i]!)) return this.#noRoom(section, start);
    }
    this.#counts[section]! += data.length;
    return true;
  }

  /** As `records`, for those that stand packed at `from` (domain/packed_sets.ts), and have no names to compress. */
  #copied(
    section: Section,
    owner: string | null,
    type: number,
    ttlSeconds: number,
    bytes: Uint8Array,
    from: number,
    count: number,
  ): boolean {
    const start = this.#length, out = this.#out;
    for (let left = count; left > 0; left--) {
      const octets = u16(bytes, from), data = this.#fixed(owner, type, ttlSeconds), end = data + octets;
      if (data < 0 || end > this.#limit) return this.#noRoom(section, start);
      from += 2;
      for (let at = data; at < end;) out[at++] = bytes[from++]!;
      this.#endData(data, end);
    }
    this.#counts[section]! += count;
    return true;
  }

  /** A set didn't fit: takes an additional one back. */
  #noRoom(section: Section, start: number): false {
    if (section === sections.additional) this.#length = start;
    else this.#truncated = true;
    // What was noted since may be gone: names go on uncompressed from here.
    this.#overflowed = true;
    return false;
  }

  /** Writes records of an upstream's reply, their data as it came. */
  relayed(section: Section, records: readonly WireRecord[], ageSeconds: number): void {
    for (const { owner, type, ttlSeconds, data } of records) {
      this.startRecord(owner, type, Math.max(0, ttlSeconds - ageSeconds));
      this.octets(data);
      this.endRecord(section);
    }
  }

  /** Writes an upstream's whole reply, packed against the question: before it nothing may have been written. */
  packed(reply: PackedSections): void {
    if (this.#length + reply.octets > this.#limit) {
      this.#truncated = true;
      return;
    }
    reply.writeTo(this.#out, this.#length);
    this.#length += reply.octets;
    this.#counts[sections.answer] = reply.answers;
    this.#counts[sections.authority] = reply.authorities;
  }

  /** Starts a record; write its data, then call `endRecord`. */
  startRecord(owner: string, type: number, ttlSeconds: number): void {
    this.#recordStart = this.#length;
    this.name(owner);
    this.u16(type);
    this.u16(classIn);
    this.u32(ttlSeconds);
    this.u16(0);
    this.#dataStart = this.#length;
  }

  /** Ends the record and counts it, or takes it back when it didn't fit. */
  endRecord(section: Section): void {
    if (this.#overflowed) {
      this.#length = this.#recordStart;
      if (section !== sections.additional) this.#truncated = true;
      return;
    }
    const octets = this.#length - this.#dataStart;
    this.#out[this.#dataStart - 2] = octets >> 8;
    this.#out[this.#dataStart - 1] = octets;
    this.#counts[section]!++;
  }

  u16(value: number): void {
    if (!this.#fits(2)) return;
    this.#out[this.#length++] = value >> 8;
    this.#out[this.#length++] = value;
  }

  u32(value: number): void {
    this.u16(value >>> 16);
    this.u16(value & 0xffff);
  }

  octets(data: Uint8Array): void {
    if (!this.#fits(data.length)) return;
    for (let i = 0; i < data.length; i++) this.#out[this.#length + i] = data[i]!;
    this.#length += data.length;
  }

  /** Writes the name of that key, compressed. */
  name(key: string): void {
    if (this.#overflowed) return;
    const end = this.#compressor().write(key, this.#length, this.#limit);
    if (end < 0) this.#overflowed = true;
    else this.#length = end;
  }

  /**
   * Writes OPT and header; returns the message's length. A truncated reply has no records at all, and TC set: the client
   * asks again over TCP.
   */
  finish(header: ReplyHeader): number {
    const { packet, edns, opcode, recursionDesired, checkingDisabled, questionEnd } = this.#query;
    const out = this.#out, counts = this.#counts;
    if (this.#truncated) {
      this.#length = questionEnd;
      counts.fill(0);
    }
    if (edns !== null) this.#opt(header.rcode, edns.dnssecOk);
    out[0] = packet[0]!;
    out[1] = packet[1]!;
    out[2] = flags.QR | opcode << 3 | (header.authoritative ? flags.AA : 0) | (this.#truncated ? flags.TC : 0) |
      (recursionDesired ? flags.RD : 0);
    // RFC 4035 §3.1.6, §3.2.2: CD comes back where we resolve for the client, not in our own zones' answers.
    const checking = checkingDisabled && !header.authoritative ? flags.CD : 0;
    out[3] = (header.recursionAvailable ? flags.RA : 0) | checking | header.rcode & 15;
    out[4] = 0;
    out[5] = questionEnd > headerOctets ? 1 : 0;
    for (let section = 0, at = 6; section < 3; section++) {
      const count = counts[section]!;
      out[at++] = count >> 8;
      out[at++] = count;
    }
    return this.#length;
  }

  /** Writes one record at the end; false, with nothing written, when it doesn't fit. */
  #record(owner: string | null, type: number, ttlSeconds: number, data: Octets): boolean {
    const start = this.#fixed(owner, type, ttlSeconds);
    if (start < 0) return false;
    let end = start + data.length;
    if (isCompressible(type)) end = this.#compressedData(type, data, start, this.#limit);
    else if (end <= this.#limit) this.#copy(data, 0, data.length, start);
    if (end < 0 || end > this.#limit) return false;
    this.#endData(start, end);
    return true;
  }

  /** Writes what stands before a record's data, but for its length; returns where the data starts, -1 without room for it. */
  #fixed(owner: string | null, type: number, ttlSeconds: number): number {
    const start = this.#length, limit = this.#limit, out = this.#out;
    if (this.#overflowed) return -1;
    const at = owner === null ? this.#questionPointer(start, limit) : this.#compressor().write(owner, start, limit);
    if (at < 0 || at + fixedOctets > limit) return -1;
    out[at] = type >> 8;
    out[at + 1] = type;
    out[at + 2] = 0;
    out[at + 3] = classIn;
    out[at + 4] = ttlSeconds >>> 24;
    out[at + 5] = ttlSeconds >>> 16;
    out[at + 6] = ttlSeconds >>> 8;
    out[at + 7] = ttlSeconds;
    return at + fixedOctets;
  }

  /** The record is complete: its data stands from `start` to before `end`. */
  #endData(start: number, end: number): void {
    this.#out[start - 2] = end - start >> 8;
    this.#out[start - 1] = end - start;
    this.#length = end;
  }

  /** The owner of nearly every answer: the name asked for, which always stands right after the header. */
  #questionPointer(at: number, limit: number): number {
    const out = this.#out;
    if (this.#query.name.length === 1) {
      if (at >= limit) return -1;
      out[at] = 0;
      return at + 1;
    }
    if (at + 2 > limit) return -1;
    out[at] = 0xc0;
    out[at + 1] = headerOctets;
    return at + 2;
  }

  /** Data of NS, CNAME, PTR (a name), MX (two octets before it) and SOA (two names, and 20 octets). */
  #compressedData(type: number, data: Octets, at: number, limit: number): number {
    const names = this.#compressor();
    let from = 0;
    if (type === types.MX) {
      if (at + 2 > limit) return -1;
      at = this.#copy(data, 0, 2, at);
      from = 2;
    }
    for (let left = type === types.SOA ? 2 : 1; left > 0; left--) {
      const end = nameEnd(data, from);
      at = names.write(data.slice(from, end), at, limit);
      if (at < 0) return -1;
      from = end;
    }
    if (at + data.length - from > limit) return -1;
    return this.#copy(data, from, data.length, at);
  }

  #copy(data: Octets, from: number, to: number, at: number): number {
    for (let i = from; i < to; i++) this.#out[at++] = data.charCodeAt(i);
    return at;
  }

  #opt(rcode: number, dnssecOk: boolean): void {
    const out = this.#out;
    let at = this.#length;
    out[at++] = 0;
    out[at++] = 0;
    out[at++] = types.OPT;
    out[at++] = ednsUdpOctets >> 8;
    out[at++] = ednsUdpOctets & 255;
    out[at++] = rcode >> 4;
    out[at++] = 0;
    out[at++] = dnssecOk ? dnssecOkFlag >> 8 : 0;
    out[at++] = 0;
    const data = at + 2;
    const options = this.#options;
    const end = options === null ? data : options.write(out, data, this.#limit + optOctets + options.reserved);
    out[at++] = end - data >> 8;
    out[at] = end - data;
    this.#length = end;
    this.#counts[sections.additional]!++;
  }

  #compressor(): NameCompressor {
    if (!this.#namesStarted) {
      this.#namesStarted = true;
      this.#names.start(this.#out);
      if (this.#query.questionEnd > headerOctets) this.#names.note(this.#query.name, headerOctets);
    }
    return this.#names;
  }

  #fits(octets: number): boolean {
    if (this.#length + octets > this.#limit) this.#overflowed = true;
    return !this.#overflowed;
  }
}
