/**
 * Reads a query. Never throws: garbage becomes a query with a fault, or nothing.
 */
import { classIn, dnssecOkFlag, flags, headerOctets, rcodes, types } from "./codes.ts";
import { readName } from "./wire_name.ts";

/** What the client says of itself in an OPT record (RFC 6891 §6.1). */
export interface Edns {
  readonly udpOctets: number;
  readonly dnssecOk: boolean;
}

/** A query, as far as it could be read. */
export interface Query {
  /** The packet; its octets up to `questionEnd` go into the reply as they are. */
  readonly packet: Uint8Array;
  readonly opcode: number;
  readonly recursionDesired: boolean;
  readonly checkingDisabled: boolean;
  /** NOERROR when it can be answered, else the rcode to reply with. */
  readonly fault: number;
  /** Key of the name asked for (domain/name.ts). */
  readonly key: string;
  readonly type: number;
  /** Where the question ends; 12 when there is none to repeat. */
  readonly questionEnd: number;
  readonly edns: Edns | null;
}

/** Null for what gets no reply: less than a header, or a reply itself (two servers would answer each other for ever). */
export function readQuery(packet: Uint8Array): Query | null {
  if (packet.length < headerOctets || (packet[2]! & flags.QR) !== 0) return null;
  const opcode = packet[2]! >> 3 & 15;
  if (opcode !== 0) return faulty(packet, opcode, rcodes.NOTIMP);
  // RFC 9619: a QUERY has exactly one question.
  if (u16(packet, 4) !== 1) return faulty(packet, opcode, rcodes.FORMERR);
  const name = readName(packet, headerOctets, packet.length);
  if (name === null || name.next + 4 > packet.length) return faulty(packet, opcode, rcodes.FORMERR);
  const type = u16(packet, name.next);
  const questionClass = u16(packet, name.next + 2);
  const questionEnd = name.next + 4;
  const rest = readRest(packet, questionEnd);
  if (rest === null) return faulty(packet, opcode, rcodes.FORMERR);
  return {
    packet,
    opcode,
    recursionDesired: (packet[2]! & flags.RD) !== 0,
    checkingDisabled: (packet[3]! & flags.CD) !== 0,
    fault: rest.version > 0 ? rcodes.BADVERS : questionClass !== classIn ? rcodes.REFUSED : faultOfType(type),
    key: name.name,
    type,
    questionEnd,
    edns: rest.edns,
  };
}

/** The rcode for question types that can't be answered as records, NOERROR for all others. */
function faultOfType(type: number): number {
  switch (type) {
    case types.OPT:
    case types.TKEY:
    case types.TSIG:
      return rcodes.FORMERR;
    case types.AXFR:
    case types.IXFR:
      return rcodes.REFUSED;
    case types.MAILA:
    case types.MAILB:
      return rcodes.NOTIMP;
    default:
      return rcodes.NOERROR;
  }
}

function faulty(packet: Uint8Array, opcode: number, fault: number): Query {
  return {
    packet,
    opcode,
    recursionDesired: (packet[2]! & flags.RD) !== 0,
    checkingDisabled: false,
    fault,
    key: "",
    type: 0,
    questionEnd: headerOctets,
    edns: null,
  };
}

interface Rest {
  edns: Edns | null;
  version: number;
}

const noEdns: Rest = { edns: null, version: 0 };

/** The records after the question, of which only OPT means something; null when they are malformed or bytes are left over. */
function readRest(packet: Uint8Array, at: number): Rest | null {
  const beforeAdditional = u16(packet, 6) + u16(packet, 8);
  const count = beforeAdditional + u16(packet, 10);
  let rest = noEdns;
  // Each record takes at least 11 octets, so a large count ends at the packet's end.
  for (let i = 0; i < count; i++) {
    const owner = readName(packet, at, packet.length);
    if (owner === null || owner.next + 10 > packet.length) return null;
    const fixed = owner.next;
    const end = fixed + 10 + u16(packet, fixed + 8);
    if (end > packet.length) return null;
    if (u16(packet, fixed) === types.OPT) {
      // RFC 6891 §6.1.1: one, in the additional section, owned by the root.
      if (rest !== noEdns || i < beforeAdditional || owner.name.length !== 1) return null;
      if (!optionsFit(packet, fixed + 10, end)) return null;
      const dnssecOk = (u16(packet, fixed + 6) & dnssecOkFlag) !== 0;
      rest = { edns: { udpOctets: u16(packet, fixed + 2), dnssecOk }, version: packet[fixed + 5]! };
    }
    at = end;
  }
  return at === packet.length ? rest : null;
}

/** Whether the options (code, length, data) fill the OPT record's data exactly. */
function optionsFit(packet: Uint8Array, at: number, end: number): boolean {
  while (at + 4 <= end) at += 4 + u16(packet, at + 2);
  return at === end;
}

function u16(packet: Uint8Array, at: number): number {
  return packet[at]! << 8 | packet[at + 1]!;
}
