/** Record types: their numbers (IANA "Domain Name System Parameters"), their texts, and which of them callers write. */
import { invalid, quote } from "@lib/errors/mod.ts";

/** The types that have a name here. Any other is written `TYPE65280` (RFC 3597 §5). */
export const types = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  HINFO: 13,
  MX: 15,
  TXT: 16,
  RP: 17,
  AFSDB: 18,
  AAAA: 28,
  LOC: 29,
  SRV: 33,
  NAPTR: 35,
  KX: 36,
  CERT: 37,
  DNAME: 39,
  OPT: 41,
  DS: 43,
  SSHFP: 44,
  RRSIG: 46,
  NSEC: 47,
  DNSKEY: 48,
  DHCID: 49,
  NSEC3: 50,
  NSEC3PARAM: 51,
  TLSA: 52,
  SMIMEA: 53,
  CDS: 59,
  CDNSKEY: 60,
  OPENPGPKEY: 61,
  CSYNC: 62,
  ZONEMD: 63,
  SVCB: 64,
  HTTPS: 65,
  SPF: 99,
  EUI48: 108,
  EUI64: 109,
  TKEY: 249,
  TSIG: 250,
  IXFR: 251,
  AXFR: 252,
  MAILB: 253,
  MAILA: 254,
  ANY: 255,
  URI: 256,
  CAA: 257,
  /**
   * Ours, in the range for private use (RFC 6895 §3.1): the A and AAAA records of another name, looked up and answered
   * as this name's own. Never on the wire.
   */
  ALIAS: 65401,
} as const;

const codes = new Map<string, number>(Object.entries(types));
const texts = new Map<number, string>(Object.entries(types).map(([text, code]) => [code, text]));

/**
 * Reads a type: `A`, `a`, `TYPE65280`, `ALIAS`. Meta types too; `checkWritable` refuses them. Throws Invalid on `field`
 * for what is neither a name nor `TYPE` and a number up to 65535.
 */
export function typeCode(text: string, field = "type"): number {
  const code = knownTypeCode(text);
  if (code !== null) return code;
  throw invalid(
    field,
    `must be a record type like A, MX or TXT (${
      quote(text)
    } is none known here); write others as TYPE and their number`,
  );
}

/** As `typeCode`, but null for what is no type. */
export function knownTypeCode(text: string): number | null {
  const code = codes.get(text) ?? codes.get(text.toUpperCase());
  if (code !== undefined) return code;
  const number = /^TYPE(0|[1-9][0-9]{0,4})$/i.exec(text)?.[1];
  return number !== undefined && Number(number) <= 0xffff ? Number(number) : null;
}

/** `A` … `TYPE65280`. */
export function typeText(code: number): string {
  return texts.get(code) ?? `TYPE${code}`;
}

/** With its article, as it is spoken: "an MX record", "a TXT record". */
export function recordWithArticle(code: number): string {
  const text = typeText(code);
  return `${/^(?!NAPTR)[AEFHIMNORSX]/.test(text) ? "an" : "a"} ${text} record`;
}

/** Why nobody writes these by hand: the reason ends the sentence "…: ". */
const notWritable = new Map<number, string>([
  [types.SOA, "it is made from the zone's settings; change those"],
  [types.ZONEMD, "it is a digest of the zone and wrong from the next change on"],
  ...[types.DNSKEY, types.CDS, types.CDNSKEY, types.RRSIG, types.NSEC, types.NSEC3, types.NSEC3PARAM]
    .map((type): [number, string] => [type, "it is made when the zone is signed; set the zone's signing policy"]),
]);

/** Numbers that never hold data: 0, OPT, and the ones for questions and meta types (RFC 6895 §3.1). */
export function isMetaType(type: number): boolean {
  return type === 0 || type === types.OPT || type === 0xffff || (type >= 128 && type <= 255);
}

/** The named types that callers may write. Unnamed ones (`TYPE65280`) they may write too: see `checkWritable`. */
export const writableTypes: readonly number[] = Object.values(types)
  .filter((type) => !isMetaType(type) && !notWritable.has(type));

/** Throws Invalid on `field`, saying why, for a type whose records callers don't write. */
export function checkWritable(type: number, field = "type"): void {
  const reason = isMetaType(type) ? "it stands in messages, not in zones" : notWritable.get(type);
  if (reason !== undefined) throw invalid(field, `${typeText(type)} records can't be written: ${reason}`);
}

const madeBySigning: ReadonlySet<number> = new Set([
  types.RRSIG,
  types.NSEC,
  types.NSEC3,
  types.NSEC3PARAM,
  types.DNSKEY,
  types.CDS,
  types.CDNSKEY,
]);

/** Whether signing a zone makes records of that type: here, or at the primary that it is transferred from. */
export function isMadeBySigning(type: number): boolean {
  return madeBySigning.has(type);
}
