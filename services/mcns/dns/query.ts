/**
 * Reads a query. Never throws: garbage becomes a query with a fault, or nothing.
 */
import { LookupName } from "../domain/lookup_name.ts";
import { classIn, dnssecOkFlag, ednsOptions, flags, headerOctets, opcodes, rcodes, types } from "./codes.ts";
import { readName, readQuestionName } from "./wire_name.ts";

/** What the client says of itself in an OPT record (RFC 6891 §6.1). */
export interface Edns {
  udpOctets: number;
  dnssecOk: boolean;
  version: number;
  /** Where the option's data starts in the packet; 0 when it isn't there. */
  cookieAt: number;
  /** 8, or 16 to 40 with a server's part (RFC 7873 §4). */
  cookieOctets: number;
  /** Whether the client asks for the server's identity (RFC 5001). */
  wantsNsid: boolean;
  /** Whether it asks how long an idle connection may stay (RFC 7828). */
  wantsKeepalive: boolean;
}

/** A query, as far as it could be read. Reused for one packet after the other: what is kept must be read anew from a copy. */
export class Query {
  /** Its octets up to `questionEnd` go into the reply as they are. */
  packet: Uint8Array = new Uint8Array(0);
  opcode = 0;
  recursionDesired = false;
  checkingDisabled = false;
  /** NOERROR when it can be answered, else the rcode to reply with. */
  fault: number = rcodes.NOERROR;
  /** The name asked for, folded. With a fault it may be that of another packet. */
  readonly name: LookupName = new LookupName();
  type = 0;
  class = 0;
  /** Where the question ends; 12 when there is none to repeat. */
  questionEnd = headerOctets;
  edns: Edns | null = null;
  /** Whether the last record is a signature by a shared key (RFC 8945). */
  hasTsig = false;
  readonly #ownEdns: Edns = {
    udpOctets: 0,
    dnssecOk: false,
    version: 0,
    cookieAt: 0,
    cookieOctets: 0,
    wantsNsid: false,
    wantsKeepalive: false,
  };

  /** Key of the name asked for (domain/name.ts); made anew at each call. */
  get key(): string {
    return this.name.key();
  }

  /** Whether signatures and proofs are to be sent (RFC 4035 §3.1). */
  get dnssecOk(): boolean {
    return this.edns !== null && this.edns.dnssecOk;
  }

  /** Fills this from a packet with a header; see `readQuery`. */
  read(packet: Uint8Array): void {
    this.packet = packet;
    this.opcode = packet[2]! >> 3 & 15;
    // A reply to what can't be read repeats no question, and says nothing of what is in it.
    this.recursionDesired = (packet[2]! & flags.RD) !== 0;
    this.checkingDisabled = false;
    this.type = this.class = 0;
    this.questionEnd = headerOctets;
    this.edns = null;
    this.hasTsig = false;
    this.fault = this.#readParts(packet);
  }

  #readParts(packet: Uint8Array): number {
    const { opcode } = this;
    if (opcode !== opcodes.QUERY && opcode !== opcodes.NOTIFY && opcode !== opcodes.UPDATE) {
      this.recursionDesired = false;
      return rcodes.NOTIMP;
    }
    const questions = u16(packet, 4);
    // RFC 7873 §5.4: without a question, a cookie may be asked for. RFC 9619: otherwise there is exactly one.
    if (questions === 0 && opcode === opcodes.QUERY) {
      this.name.set("\0");
      return this.#readRest(packet, headerOctets) && this.edns !== null && this.edns.cookieAt > 0
        ? this.#versionFault()
        : this.#malformed();
    }
    if (questions !== 1) return this.#malformed();
    const at = readQuestionName(packet, headerOctets, this.name);
    if (at < 0 || at + 4 > packet.length) return this.#malformed();
    const type = u16(packet, at);
    const questionClass = u16(packet, at + 2);
    if (!this.#readRest(packet, at + 4)) return this.#malformed();
    this.checkingDisabled = (packet[3]! & flags.CD) !== 0;
    this.type = type;
    this.class = questionClass;
    this.questionEnd = at + 4;
    if (this.edns !== null && this.edns.version > 0) return rcodes.BADVERS;
    if (opcode !== opcodes.QUERY) return rcodes.NOERROR;
    return questionClass === classIn ? faultOfType(type) : rcodes.REFUSED;
  }

  #malformed(): number {
    this.edns = null;
    this.hasTsig = false;
    return rcodes.FORMERR;
  }

  #versionFault(): number {
    return this.edns!.version > 0 ? rcodes.BADVERS : rcodes.NOERROR;
  }

  /** The records after the question, of which OPT and TSIG mean something; false when they are malformed or bytes are left over. */
  #readRest(packet: Uint8Array, at: number): boolean {
    const beforeAdditional = u16(packet, 6) + u16(packet, 8);
    const count = beforeAdditional + u16(packet, 10);
    // Each record takes at least 11 octets, so a large count ends at the packet's end.
    for (let i = 0; i < count; i++) {
      let fixed = at + 1;
      let ownedByRoot = true;
      if (packet[at] !== 0) {
        const owner = readName(packet, at, packet.length);
        if (owner === null) return false;
        fixed = owner.next;
        ownedByRoot = owner.name.length === 1;
      }
      if (fixed + 10 > packet.length) return false;
      const end = fixed + 10 + u16(packet, fixed + 8);
      if (end > packet.length) return false;
      const type = u16(packet, fixed);
      // RFC 6891 §6.1.1: one OPT, in the additional section, owned by the root. RFC 8945 §5.1: TSIG is the last of all.
      if (type === types.OPT) {
        if (this.edns !== null || i < beforeAdditional || !ownedByRoot || !this.#readOpt(packet, fixed, end)) {
          return false;
        }
      } else if (type === types.TSIG) {
        if (i < beforeAdditional || i + 1 < count) return false;
        this.hasTsig = true;
      }
      at = end;
    }
    return at === packet.length;
  }

  /** @param fixed where the type stands */
  #readOpt(packet: Uint8Array, fixed: number, end: number): boolean {
    const edns = this.edns = this.#ownEdns;
    edns.udpOctets = u16(packet, fixed + 2);
    edns.version = packet[fixed + 5]!;
    edns.dnssecOk = (u16(packet, fixed + 6) & dnssecOkFlag) !== 0;
    edns.cookieAt = edns.cookieOctets = 0;
    edns.wantsNsid = edns.wantsKeepalive = false;
    let at = fixed + 10;
    while (at + 4 <= end) {
      const length = u16(packet, at + 2);
      switch (u16(packet, at)) {
        case ednsOptions.COOKIE:
          // RFC 7873 §5.2.2: other lengths are malformed. Of several the first counts (§5.2).
          if (length !== 8 && (length < 16 || length > 40)) return false;
          if (edns.cookieAt > 0) break;
          edns.cookieAt = at + 4;
          edns.cookieOctets = length;
          break;
        case ednsOptions.NSID:
          edns.wantsNsid = true;
          break;
        case ednsOptions.KEEPALIVE:
          edns.wantsKeepalive = true;
          break;
      }
      at += 4 + length;
    }
    return at === end;
  }
}

/**
 * Reads into `query` and returns it; null for what gets no reply: less than a header, or a reply itself (two servers
 * would answer each other for ever).
 */
export function readQuery(packet: Uint8Array, query: Query = new Query()): Query | null {
  if (packet.length < headerOctets || (packet[2]! & flags.QR) !== 0) return null;
  query.read(packet);
  return query;
}

/** The rcode for question types that can't be answered as records, NOERROR for all others. */
function faultOfType(type: number): number {
  switch (type) {
    case types.OPT:
    case types.TKEY:
    case types.TSIG:
      return rcodes.FORMERR;
    case types.MAILA:
    case types.MAILB:
      return rcodes.NOTIMP;
    default:
      return rcodes.NOERROR;
  }
}

function u16(packet: Uint8Array, at: number): number {
  return packet[at]! << 8 | packet[at + 1]!;
}
