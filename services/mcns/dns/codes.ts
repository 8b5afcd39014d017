/** Numbers of the wire (IANA "Domain Name System Parameters") and their meaning here. */
import type { SetType } from "../domain/zone.ts";

/** Octets of the header (RFC 1035 §4.1.1); the question starts there. */
export const headerOctets = 12;

export const rcodes = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  /** RFC 6891 §6.1.3; the upper eight bits travel in the OPT record. */
  BADVERS: 16,
} as const;

export const types = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  MX: 15,
  AAAA: 28,
  SRV: 33,
  DNAME: 39,
  OPT: 41,
  DS: 43,
  RRSIG: 46,
  NSEC: 47,
  NSEC3: 50,
  TKEY: 249,
  TSIG: 250,
  IXFR: 251,
  AXFR: 252,
  MAILB: 253,
  MAILA: 254,
  ANY: 255,
} as const;

export const classIn = 1;

/** Second header word, in two octets (RFC 1035 §4.1.1, RFC 4035 §3.2). */
export const flags = { QR: 0x80, AA: 0x04, TC: 0x02, RD: 0x01, RA: 0x80, CD: 0x10 } as const;

/** The DO bit in an OPT record's flags (RFC 3225). */
export const dnssecOkFlag = 0x8000;

/**
 * The largest UDP message that we send or ask for: with IPv6 and UDP headers it fits the
 * 1,280 octets that every path carries unfragmented (DNS flag day 2020).
 */
export const ednsUdpOctets = 1232;

/** Without EDNS (RFC 1035 §4.2.1). */
export const plainUdpOctets = 512;

/** What a question type looks for in a zone; null for types that no record here has. */
export function setTypeOf(type: number): SetType | "ANY" | null {
  switch (type) {
    case types.A:
      return "A";
    case types.AAAA:
      return "AAAA";
    case types.CNAME:
      return "CNAME";
    case types.NS:
      return "NS";
    case types.SOA:
      return "SOA";
    case types.ANY:
      return "ANY";
    default:
      return null;
  }
}
