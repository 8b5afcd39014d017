/** Numbers of the wire (IANA "Domain Name System Parameters") and their meaning here. */
export { types } from "../domain/rdata/record_type.ts";

/** Octets of the header (RFC 1035 §4.1.1); the question starts there. */
export const headerOctets = 12;

export const opcodes = { QUERY: 0, IQUERY: 1, STATUS: 2, NOTIFY: 4, UPDATE: 5 } as const;

/** Those above 15 have their upper eight bits in the OPT record (RFC 6891 §6.1.3). */
export const rcodes = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  YXDOMAIN: 6,
  YXRRSET: 7,
  NXRRSET: 8,
  NOTAUTH: 9,
  NOTZONE: 10,
  BADVERS: 16,
  /** RFC 7873 §5.2.3. */
  BADCOOKIE: 23,
} as const;

export const classIn = 1;
export const classes = { IN: classIn, CH: 3, NONE: 254, ANY: 255 } as const;

/** Options of an OPT record. */
export const ednsOptions = {
  /** RFC 5001 */
  NSID: 3,
  /** RFC 7873 */
  COOKIE: 10,
  /** RFC 7828 */
  KEEPALIVE: 11,
  /** RFC 7830 */
  PADDING: 12,
  /** RFC 8914 */
  EXTENDED_ERROR: 15,
} as const;

/** Info codes of extended errors (RFC 8914 §4). */
export const extendedErrors = {
  STALE_ANSWER: 3,
  NOT_READY: 14,
  BLOCKED: 15,
  PROHIBITED: 18,
  STALE_NXDOMAIN: 19,
  NOT_AUTHORITATIVE: 20,
  NOT_SUPPORTED: 21,
  NO_REACHABLE_AUTHORITY: 22,
  NETWORK_ERROR: 23,
} as const;

/** Second header word, in two octets (RFC 1035 §4.1.1, RFC 4035 §3.2). */
export const flags = { QR: 0x80, AA: 0x04, TC: 0x02, RD: 0x01, RA: 0x80, AD: 0x20, CD: 0x10 } as const;

/** The DO bit in an OPT record's flags (RFC 3225). */
export const dnssecOkFlag = 0x8000;

/**
 * The largest UDP message that we send or ask for: with IPv6 and UDP headers it fits the
 * 1,280 octets that every path carries unfragmented (DNS flag day 2020).
 */
export const ednsUdpOctets = 1232;

/** Without EDNS (RFC 1035 §4.2.1). */
export const plainUdpOctets = 512;

/** A message over TCP has a 16-bit length (RFC 1035 §4.2.2); a reply buffer of this size takes any. */
export const maxMessageOctets = 65_535;
