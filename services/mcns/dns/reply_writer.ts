/**
 * Writes one message at a time into a buffer: header, question, records, OPT.
 *
 * Names are compressed against all names written before, the question first (RFC 1035 §4.1.4). A record that doesn't
 * fit is taken back whole, and no further one is written. Where it was an answer or authority record the reply is
 * truncated (RFC 2181 §9); additional ones are a courtesy and just left out.
 */
import { labelsOfKey, parentKey, rootKey } from "../domain/name.ts";
import { classIn, dnssecOkFlag, ednsUdpOctets, flags, headerOctets, types } from "./codes.ts";
import type { Query } from "./query.ts";

/** Sections that hold records, as indexes of their counts. */
export const sections = { answer: 0, authority: 1, additional: 2 } as const;
export type Section = typeof sections[keyof typeof sections];

/** Octets of an OPT record without options. */
const optOctets = 11;
/** A pointer has 14 bits. */
const maxPointer = 0x3fff;

export interface ReplyHeader {
  rcode: number;
  authoritative: boolean;
  recursionAvailable: boolean;
}

/** Not shared between replies that overlap in time; reused for replies that follow each other. */
export class ReplyWriter {
  #out: Uint8Array = new Uint8Array(0);
  #length = 0;
  #limit = 0;
  #query!: Query;
  #counts: [number, number, number] = [0, 0, 0];
  #recordStart = 0;
  #dataStart = 0;
  /** Suffixes written so far by key; null until a name other than the question's is written. */
  #suffixes: Map<string, number> | null = null;
  #overflowed = false;
  #truncated = false;

  /** Starts the reply to `query` in `out`, `limit` octets at most, and repeats its question. */
  start(query: Query, out: Uint8Array, limit: number): void {
    this.#out = out;
    this.#query = query;
    this.#limit = limit - (query.edns === null ? 0 : optOctets);
    this.#counts = [0, 0, 0];
    this.#suffixes = null;
    this.#overflowed = false;
    this.#truncated = false;
    for (let i = headerOctets; i < query.questionEnd; i++) out[i] = query.packet[i]!;
    this.#length = query.questionEnd;
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
    this.#counts[section]++;
  }

  u8(value: number): void {
    if (this.#fits(1)) this.#out[this.#length++] = value;
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
    // The owner of nearly every answer: the name asked for, which always stands right after the header.
    if (key === this.#query.key && key !== rootKey) return this.u16(0xc000 | headerOctets);
    const suffixes = this.#suffixes ??= this.#questionSuffixes();
    for (let rest = key; rest !== rootKey; rest = parentKey(rest)) {
      const known = suffixes.get(rest);
      if (known !== undefined) return this.u16(0xc000 | known);
      if (this.#length <= maxPointer) suffixes.set(rest, this.#length);
      const labelOctets = rest.charCodeAt(0) + 1;
      if (!this.#fits(labelOctets)) return;
      for (let i = 0; i < labelOctets; i++) this.#out[this.#length++] = rest.charCodeAt(i);
    }
    this.u8(0);
  }

  /**
   * Writes OPT and header; returns the message's length. A truncated reply has no records at all, and TC set: the client
   * asks again over TCP.
   */
  finish(header: ReplyHeader): number {
    const { packet, edns, opcode, recursionDesired, checkingDisabled, questionEnd } = this.#query;
    const out = this.#out;
    if (this.#truncated) {
      this.#length = questionEnd;
      this.#counts = [0, 0, 0];
    }
    if (edns !== null) this.#opt(header.rcode, edns.dnssecOk);
    out[0] = packet[0]!;
    out[1] = packet[1]!;
    out[2] = flags.QR | opcode << 3 | (header.authoritative ? flags.AA : 0) | (this.#truncated ? flags.TC : 0) |
      (recursionDesired ? flags.RD : 0);
    // RFC 4035 §3.1.6, §3.2.2: CD comes back where we resolve for the client, not in our own zones' answers.
    const checking = checkingDisabled && !header.authoritative ? flags.CD : 0;
    out[3] = (header.recursionAvailable ? flags.RA : 0) | checking | header.rcode & 15;
    putU16(out, 4, questionEnd > headerOctets ? 1 : 0);
    putU16(out, 6, this.#counts[sections.answer]);
    putU16(out, 8, this.#counts[sections.authority]);
    putU16(out, 10, this.#counts[sections.additional]);
    return this.#length;
  }

  #opt(rcode: number, dnssecOk: boolean): void {
    this.#limit += optOctets;
    this.#overflowed = false;
    this.u8(0);
    this.u16(types.OPT);
    this.u16(ednsUdpOctets);
    this.u8(rcode >> 4);
    this.u8(0);
    this.u16(dnssecOk ? dnssecOkFlag : 0);
    this.u16(0);
    this.#counts[sections.additional]++;
  }

  #questionSuffixes(): Map<string, number> {
    const suffixes = new Map<string, number>();
    let at = headerOctets, rest = this.#query.key;
    for (const label of labelsOfKey(rest)) {
      suffixes.set(rest, at);
      at += label.length + 1;
      rest = parentKey(rest);
    }
    return suffixes;
  }

  #fits(octets: number): boolean {
    if (this.#length + octets > this.#limit) this.#overflowed = true;
    return !this.#overflowed;
  }
}

function putU16(out: Uint8Array, at: number, value: number): void {
  out[at] = value >> 8;
  out[at + 1] = value;
}
