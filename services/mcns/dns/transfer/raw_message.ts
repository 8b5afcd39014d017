/**
 * Reads whole messages of the kinds that aren't plain queries: updates, transfers, NOTIFY, and replies to ours. Data
 * comes out in canonical form with its names written out, as zones keep it. Strict, never throws.
 */
import { fromBytes, type Octets } from "../../domain/octets.ts";
import { canonicalData, namesIn } from "../../domain/rdata/record_data.ts";
import { classes, flags, headerOctets, types } from "../codes.ts";
import { readName } from "../wire_name.ts";

/** A record, and where it stood. */
export interface RawRecord {
  /** Key of the owner. */
  readonly owner: string;
  readonly type: number;
  readonly class: number;
  readonly ttlSeconds: number;
  readonly data: Octets;
}

/** The signature of a message by a shared key (RFC 8945 §4.2). */
export interface TsigRecord {
  /** Key (name.ts) of the name. */
  readonly name: string;
  /** Key of the algorithm's name. */
  readonly algorithm: string;
  /** Seconds since the epoch. */
  readonly timeSigned: number;
  /** Seconds that clocks may differ. */
  readonly fudge: number;
  readonly mac: Uint8Array;
  readonly originalId: number;
  /** Extended rcode; 0 in requests. */
  readonly error: number;
  readonly other: Uint8Array;
  /** Where the record starts in the packet: the signed message ends there. */
  readonly start: number;
}

export interface RawMessage {
  readonly packet: Uint8Array;
  readonly id: number;
  readonly isReply: boolean;
  readonly opcode: number;
  readonly authoritative: boolean;
  readonly truncated: boolean;
  readonly rcode: number;
  /** Null without one. The zone section of an update (RFC 2136 §2.3) stands in the same place. */
  readonly question: { readonly key: string; readonly type: number; readonly class: number } | null;
  readonly questionEnd: number;
  /** Prerequisites, in an update. */
  readonly answers: readonly RawRecord[];
  /** The changes, in an update. */
  readonly authorities: readonly RawRecord[];
  /** Without OPT and TSIG. */
  readonly additionals: readonly RawRecord[];
  readonly edns: { readonly udpOctets: number } | null;
  readonly tsig: TsigRecord | null;
}

/** The message, or null when anything in it is malformed or octets are left over. */
export function readRawMessage(packet: Uint8Array): RawMessage | null {
  if (packet.length < headerOctets) return null;
  let at = headerOctets;
  let question: RawMessage["question"] = null;
  const questions = u16(packet, 4);
  if (questions > 1) return null;
  if (questions === 1) {
    const name = readName(packet, at, packet.length);
    if (name === null || name.next + 4 > packet.length) return null;
    question = { key: name.name, type: u16(packet, name.next), class: u16(packet, name.next + 2) };
    at = name.next + 4;
  }
  const questionEnd = at;
  const sections: [RawRecord[], RawRecord[], RawRecord[]] = [[], [], []];
  let edns: RawMessage["edns"] = null;
  let tsig: TsigRecord | null = null;
  let upperRcode = 0;
  for (const [i, section] of sections.entries()) {
    for (let left = u16(packet, 6 + 2 * i); left > 0; left--) {
      // RFC 8945 §5.1: the signature is the last record of all.
      if (tsig !== null) return null;
      const owner = readName(packet, at, packet.length);
      if (owner === null || owner.next + 10 > packet.length) return null;
      const fixed = owner.next, dataStart = fixed + 10;
      const type = u16(packet, fixed), recordClass = u16(packet, fixed + 2);
      const next = dataStart + u16(packet, fixed + 8);
      if (next > packet.length) return null;
      if (type === types.OPT) {
        if (i !== 2 || edns !== null) return null;
        upperRcode = packet[fixed + 4]!;
        edns = { udpOctets: recordClass };
      } else if (type === types.TSIG) {
        // RFC 8945 §4.2: class ANY, TTL 0. The TTL isn't covered by the MAC, so another one is somebody's meddling.
        if (i !== 2 || recordClass !== classes.ANY || u16(packet, fixed + 4) + u16(packet, fixed + 6) > 0) return null;
        tsig = readTsig(packet, owner.name, at, dataStart, next);
        if (tsig === null) return null;
      } else {
        const data = readData(packet, type, recordClass, dataStart, next);
        if (data === null) return null;
        const ttl = (u16(packet, fixed + 4) << 16 | u16(packet, fixed + 6)) >>> 0;
        // RFC 2181 §8: a TTL with the top bit set counts as 0.
        section.push({ owner: owner.name, type, class: recordClass, ttlSeconds: ttl > 0x7fff_ffff ? 0 : ttl, data });
      }
      at = next;
    }
  }
  if (at !== packet.length) return null;
  const [answers, authorities, additionals] = sections;
  return {
    packet,
    id: u16(packet, 0),
    isReply: (packet[2]! & flags.QR) !== 0,
    opcode: packet[2]! >> 3 & 15,
    authoritative: (packet[2]! & flags.AA) !== 0,
    truncated: (packet[2]! & flags.TC) !== 0,
    rcode: upperRcode << 4 | packet[3]! & 15,
    question,
    questionEnd,
    answers,
    authorities,
    additionals,
    edns,
    tsig,
  };
}

/** Null when names in it are malformed, or run over its end. Whether the rest is right says `checkData`. */
function readData(packet: Uint8Array, type: number, recordClass: number, start: number, end: number): Octets | null {
  // Updates have records without data (RFC 2136 §2.4, §2.5), and class NONE for records that are to go.
  const layout = recordClass === classes.IN || recordClass === classes.NONE ? namesIn(type) : undefined;
  if (layout === undefined || start === end) return fromBytes(packet, start, end);
  let data = "", at = start;
  for (const part of layout) {
    if (part === "n") {
      const name = readName(packet, at, end, true);
      if (name === null) return null;
      data += name.name;
      at = name.next;
      continue;
    }
    const octets = part === "s" ? 1 + (packet[at] ?? 0) : part;
    if (at + octets > end) return null;
    data += fromBytes(packet, at, at + octets);
    at += octets;
  }
  return canonicalData(type, data + fromBytes(packet, at, end));
}

function readTsig(packet: Uint8Array, name: string, start: number, dataStart: number, end: number): TsigRecord | null {
  const algorithm = readName(packet, dataStart, end);
  if (algorithm === null) return null;
  const at = algorithm.next;
  if (at + 10 > end) return null;
  const macEnd = at + 10 + u16(packet, at + 8);
  if (macEnd + 6 > end) return null;
  const otherEnd = macEnd + 6 + u16(packet, macEnd + 4);
  if (otherEnd !== end) return null;
  return {
    name,
    algorithm: algorithm.name,
    // 48 bits: more than bit operations carry.
    timeSigned: u16(packet, at) * 2 ** 32 + u16(packet, at + 2) * 2 ** 16 + u16(packet, at + 4),
    fudge: u16(packet, at + 6),
    mac: packet.slice(at + 10, macEnd),
    originalId: u16(packet, macEnd),
    error: u16(packet, macEnd + 2),
    other: packet.slice(macEnd + 6, otherEnd),
    start,
  };
}

function u16(packet: Uint8Array, at: number): number {
  return packet[at]! << 8 | packet[at + 1]!;
}
