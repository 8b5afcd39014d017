/** Keys and their digests: DS, DNSKEY and their children's copies, SSHFP, TLSA, SMIMEA, OPENPGPKEY, CERT, DHCID. */
import { type Octets, u16At } from "../octets.ts";
import { base64Rest, hexRest } from "./binary.ts";
import type { DataType } from "./field.ts";
import { namedNumber, number } from "./numbers.ts";
import { types } from "./record_type.ts";

/** DNSSEC algorithms by their mnemonics (IANA "DNS Security Algorithm Numbers"). */
export const algorithms = {
  DELETE: 0,
  RSAMD5: 1,
  DH: 2,
  DSA: 3,
  RSASHA1: 5,
  NSEC3DSA: 6,
  NSEC3RSASHA1: 7,
  RSASHA256: 8,
  RSASHA512: 10,
  ECCGOST: 12,
  ECDSAP256SHA256: 13,
  ECDSAP384SHA384: 14,
  ED25519: 15,
  ED448: 16,
  INDIRECT: 252,
  PRIVATEDNS: 253,
  PRIVATEOID: 254,
} as const;

/** Octets of a digest by its number in the record, with the name that messages show. */
type Digests = Readonly<Record<number, { readonly name: string; readonly octets: number }>>;

/** IANA "DS RR Type Digest Algorithms". */
const dsDigests: Digests = {
  1: { name: "SHA-1", octets: 20 },
  2: { name: "SHA-256", octets: 32 },
  3: { name: "GOST R 34.11-94", octets: 32 },
  4: { name: "SHA-384", octets: 48 },
  5: { name: "GOST R 34.11-2012", octets: 32 },
  6: { name: "SM3", octets: 32 },
};

/** RFC 4255 §3.1.2, RFC 6594 §4.2. */
const sshDigests: Digests = { 1: { name: "SHA-1", octets: 20 }, 2: { name: "SHA-256", octets: 32 } };

/** RFC 6698 §2.1.3. */
const tlsaDigests: Digests = { 1: { name: "SHA-256", octets: 32 }, 2: { name: "SHA-512", octets: 64 } };

function digestRule(record: string, what: string, digests: Digests, type: number, digest: Octets): string | null {
  const known = digests[type];
  if (known === undefined) {
    const list = Object.entries(digests).map(([number, { name }]) => `${number} (${name})`).join(", ");
    return `${record}'s ${what} is one of ${list}, got ${type}`;
  }
  if (digest.length === known.octets) return null;
  return `${record}'s digest has ${known.octets} octets (${2 * known.octets} hexadecimal digits) ` +
    `with ${what} ${type} (${known.name}), got ${digest.length}`;
}

const listed = (names: readonly string[]): string =>
  names.flatMap((name, number) => name === "" ? [] : [`${number} (${name})`]).join(", ");

function choiceRule(record: string, what: string, names: readonly string[], value: number): string | null {
  return names[value] ? null : `${record}'s ${what} is one of ${listed(names)}, got ${value}`;
}

function dsRule(data: Octets): string | null {
  if (data.charCodeAt(2) === 0) return "a DS record's algorithm is that of the key, never 0";
  return digestRule("a DS record", "digest type", dsDigests, data.charCodeAt(3), data.slice(4));
}

/** RFC 8078 §4: algorithm 0 asks the parent to remove the DS records; nothing else stands in such a record. */
function cdsRule(data: Octets): string | null {
  if (data.charCodeAt(2) === 0) {
    return data === "\0\0\0\0\0" ? null : "a CDS record that asks for removal is written 0 0 0 00";
  }
  return digestRule("a CDS record", "digest type", dsDigests, data.charCodeAt(3), data.slice(4));
}

const sshAlgorithms = ["", "RSA", "DSA", "ECDSA", "Ed25519", "", "Ed448"];

function sshfpRule(data: Octets): string | null {
  return choiceRule("an SSHFP record", "algorithm", sshAlgorithms, data.charCodeAt(0)) ??
    digestRule("an SSHFP record", "fingerprint type", sshDigests, data.charCodeAt(1), data.slice(2));
}

const tlsaUsages = ["PKIX-TA", "PKIX-EE", "DANE-TA", "DANE-EE"];
const tlsaSelectors = ["whole certificate", "public key"];

function tlsaRule(record: string): (data: Octets) => string | null {
  return (data) => {
    const matching = data.charCodeAt(2);
    return choiceRule(record, "usage", tlsaUsages, data.charCodeAt(0)) ??
      choiceRule(record, "selector", tlsaSelectors, data.charCodeAt(1)) ??
      // Matching type 0 holds the certificate or key itself, of any length.
      (matching === 0 ? null : digestRule(record, "matching type", tlsaDigests, matching, data.slice(3)));
  };
}

function dnskeyRule(record: string): (data: Octets) => string | null {
  return (data) => {
    if (data.charCodeAt(2) !== 3) return `${record}'s protocol is 3 (RFC 4034 §2.1.2), got ${data.charCodeAt(2)}`;
    if (data.charCodeAt(3) === 0 && (record === "a DNSKEY record" || data !== "\0\0\x03\0\0")) {
      return `${record}'s algorithm is that of the key, never 0` +
        (record === "a DNSKEY record" ? "" : "; one that asks for removal is written 0 3 0 AA==");
    }
    // RFC 4034 §2.1.1: a key for zones, or one for somebody else.
    return (u16At(data, 0) & ~0x0181) === 0 ? null : `${record}'s flags are 256 or 257, got ${u16At(data, 0)}`;
  };
}

const ds = (rule: (data: Octets) => string | null): DataType => ({
  fields: [number("key tag", 2), namedNumber("algorithm", 1, algorithms), number("digest type", 1), hexRest("digest")],
  example: "60485 13 2 D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A",
  rule,
});

const dnskey = (record: string): DataType => ({
  fields: [
    number("flags", 2),
    number("protocol", 1),
    namedNumber("algorithm", 1, algorithms),
    base64Rest("public key"),
  ],
  example: "257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=",
  rule: dnskeyRule(record),
});

const tlsa = (record: string): DataType => ({
  fields: [number("usage", 1), number("selector", 1), number("matching type", 1), hexRest("association data")],
  example: "3 1 1 0C72AC70B745AC19998811B131D662C9AC69DBDBE7CB23E5B514B56664C5D3D6",
  rule: tlsaRule(record),
});

export const keyTypes: readonly [number, DataType][] = [
  [types.DS, ds(dsRule)],
  [types.CDS, ds(cdsRule)],
  [types.DNSKEY, dnskey("a DNSKEY record")],
  [types.CDNSKEY, dnskey("a CDNSKEY record")],
  [types.SSHFP, {
    fields: [number("algorithm", 1), number("fingerprint type", 1), hexRest("digest")],
    example: "4 2 123456789ABCDEF67890123456789ABCDEF67890123456789ABCDEF123456789",
    rule: sshfpRule,
  }],
  [types.TLSA, tlsa("a TLSA record")],
  [types.SMIMEA, tlsa("an SMIMEA record")],
  [types.OPENPGPKEY, { fields: [base64Rest("public key")], example: "mDMEZ7wAARYJKwYBBAHaRw8BAQdA" }],
  [types.CERT, {
    fields: [
      namedNumber("certificate type", 2, { PKIX: 1, SPKI: 2, PGP: 3, IPKIX: 4, ISPKI: 5, IPGP: 6, ACPKIX: 7 }),
      number("key tag", 2),
      namedNumber("algorithm", 1, algorithms),
      base64Rest("certificate"),
    ],
    example: "1 0 0 MIIBCg==",
  }],
  [types.DHCID, {
    fields: [base64Rest("digest", { min: 3 })],
    example: "AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=",
  }],
];
