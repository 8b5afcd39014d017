/** Reads a whole message: what upstreams reply. Strict, never throws. */
import { type LayoutPart, namesIn } from "../domain/rdata/record_data.ts";
import { classIn, dnssecOkFlag, flags, headerOctets, types } from "./codes.ts";
import { octetsOf, readName } from "./wire_name.ts";

/** A record with its names written out, so that it can go into another message. */
export interface WireRecord {
  /** Key of the owner (domain/name.ts). */
  readonly owner: string;
  readonly type: number;
  readonly class: number;
  readonly ttlSeconds: number;
  readonly data: Uint8Array;
}

export interface Message {
  readonly id: number;
  readonly isReply: boolean;
  readonly opcode: number;
  readonly authoritative: boolean;
  readonly truncated: boolean;
  readonly recursionDesired: boolean;
  readonly recursionAvailable: boolean;
  /** With the upper bits of the OPT record. */
  readonly rcode: number;
  /** The name as sent, letter case kept; null without a question. */
  readonly question: { readonly name: string; readonly type: number; readonly class: number } | null;
  /** Answer, authority and additional records; OPT is left out. */
  readonly answers: readonly WireRecord[];
  readonly authorities: readonly WireRecord[];
  readonly additionals: readonly WireRecord[];
  readonly edns: MessageEdns | null;
}

export interface MessageEdns {
  readonly udpOctets: number;
  readonly version: number;
  readonly dnssecOk: boolean;
  /** Each at most a message long; several of one code may come. */
  readonly options: readonly { readonly code: number; readonly data: Uint8Array }[];
}

/**
 * Types in whose data names may come compressed: those of RFC 1035, and the few others that old servers compress
 * (RFC 3597 §4). All others are taken as they are. `n` is a name, `s` a character string, a number that many octets.
 */
const layouts: ReadonlyMap<number, readonly LayoutPart[]> = new Map<number, readonly LayoutPart[]>([
  ...[
    types.NS,
    types.CNAME,
    types.PTR,
    types.MX,
    types.RP,
    types.AFSDB,
    types.SRV,
    types.NAPTR,
    types.KX,
    types.DNAME,
  ].map((type): [number, readonly LayoutPart[]] => [type, namesIn(type)!]),
  [types.SOA, ["n", "n", 20]],
  [3, ["n"]], // MD
  [4, ["n"]], // MF
  [7, ["n"]], // MB
  [8, ["n"]], // MG
  [9, ["n"]], // MR
  [14, ["n", "n"]], // MINFO
  [21, [2, "n"]], // RT
  [26, [2, "n", "n"]], // PX
]);

/** The message, or null when anything in it is malformed or bytes are left over. */
export function readMessage(packet: Uint8Array): Message | null {
  if (packet.length < headerOctets) return null;
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  let at = headerOctets;
  let question: Message["question"] = null;
  const questions = view.getUint16(4);
  if (questions > 1) return null;
  if (questions === 1) {
    const name = readName(packet, at, packet.length, true);
    if (name === null || name.next + 4 > packet.length) return null;
    question = { name: name.name, type: view.getUint16(name.next), class: view.getUint16(name.next + 2) };
    at = name.next + 4;
  }
  const parts: [WireRecord[], WireRecord[], WireRecord[]] = [[], [], []];
  let edns: Message["edns"] = null;
  let upperRcode = 0;
  for (const [i, part] of parts.entries()) {
    for (let left = view.getUint16(6 + 2 * i); left > 0; left--) {
      const record = readRecord(packet, view, at);
      if (record === null) return null;
      at = record.next;
      if (record.type === types.OPT) {
        if (i !== 2 || edns !== null) return null;
        const options = readOptions(record.data);
        if (options === null) return null;
        upperRcode = record.ttl >>> 24;
        edns = {
          udpOctets: record.class,
          version: record.ttl >>> 16 & 0xff,
          dnssecOk: (record.ttl & dnssecOkFlag) !== 0,
          options,
        };
      } else {
        // RFC 2181 §8: a TTL with the top bit set counts as 0.
        const ttlSeconds = record.ttl > 0x7fff_ffff ? 0 : record.ttl;
        part.push({ owner: record.owner, type: record.type, class: record.class, ttlSeconds, data: record.data });
      }
    }
  }
  if (at !== packet.length) return null;
  const [answers, authorities, additionals] = parts;
  return {
    id: view.getUint16(0),
    isReply: (packet[2]! & flags.QR) !== 0,
    opcode: packet[2]! >> 3 & 15,
    authoritative: (packet[2]! & flags.AA) !== 0,
    truncated: (packet[2]! & flags.TC) !== 0,
    recursionDesired: (packet[2]! & flags.RD) !== 0,
    recursionAvailable: (packet[3]! & flags.RA) !== 0,
    rcode: upperRcode << 4 | packet[3]! & 15,
    question,
    answers,
    authorities,
    additionals,
    edns,
  };
}

/** Code, length, data, one after the other; null when they don't fill the OPT record's data. */
function readOptions(data: Uint8Array): MessageEdns["options"] | null {
  const options = [];
  let at = 0;
  while (at + 4 <= data.length) {
    const end = at + 4 + (data[at + 2]! << 8 | data[at + 3]!);
    if (end > data.length) return null;
    options.push({ code: data[at]! << 8 | data[at + 1]!, data: data.subarray(at + 4, end) });
    at = end;
  }
  return at === data.length ? options : null;
}

interface ReadRecord {
  owner: string;
  type: number;
  class: number;
  ttl: number;
  data: Uint8Array;
  next: number;
}

function readRecord(packet: Uint8Array, view: DataView, at: number): ReadRecord | null {
  const owner = readName(packet, at, packet.length);
  if (owner === null || owner.next + 10 > packet.length) return null;
  const type = view.getUint16(owner.next);
  const start = owner.next + 10;
  const next = start + view.getUint16(owner.next + 8);
  if (next > packet.length) return null;
  const recordClass = view.getUint16(owner.next + 2);
  const data = recordClass === classIn ? expand(packet, start, next, layouts.get(type)) : packet.slice(start, next);
  if (data === null) return null;
  return { owner: owner.name, type, class: recordClass, ttl: view.getUint32(owner.next + 4), data, next };
}

/** The data with its names written out; null when they don't fill it as the type says. */
function expand(
  packet: Uint8Array,
  start: number,
  end: number,
  layout: readonly LayoutPart[] | undefined,
): Uint8Array | null {
  if (layout === undefined) return packet.slice(start, end);
  const parts: Uint8Array[] = [];
  let at = start;
  for (const part of layout) {
    if (part === "n") {
      const name = readName(packet, at, end, true);
      if (name === null) return null;
      parts.push(octetsOf(name.name));
      at = name.next;
    } else {
      const next = at + (part === "s" ? 1 + (packet[at] ?? 0) : part);
      if (next > end) return null;
      parts.push(packet.subarray(at, next));
      at = next;
    }
  }
  if (at !== end) return null;
  const data = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let filled = 0;
  for (const octets of parts) {
    data.set(octets, filled);
    filled += octets.length;
  }
  return data;
}
