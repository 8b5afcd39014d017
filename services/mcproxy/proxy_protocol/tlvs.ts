/**
 * The type-length-value vectors behind the addresses of a version 2 header (PROXY protocol §2.2).
 * @module
 */
import { crc32c } from "./crc32c.ts";

/** What the vectors said; null for what wasn't there. Types that nobody here reads are checked for their bounds only. */
export interface ProxyTlvs {
  /** As in the client's TLS extension (RFC 7301): one protocol name, opaque octets as Latin-1 characters. */
  alpn: string | null;
  /** The name that the client asked for: its SNI where it spoke TLS. */
  authority: string | null;
  /** The sender's id of the connection, at most 128 octets. */
  uniqueId: Uint8Array | null;
  ssl: ProxySsl | null;
  /** Name of the sender's network namespace. */
  netns: string | null;
  /** A checksum was there, and it was right. */
  checksum: boolean;
}

/** How the client spoke TLS with the sender. */
export interface ProxySsl {
  /** The client spoke TLS. */
  tls: boolean;
  /** It showed a certificate on this connection. */
  certificateOnConnection: boolean;
  /** It showed a certificate in this TLS session. */
  certificateInSession: boolean;
  /** 0 when the certificate was verified. */
  verify: number;
  version: string | null;
  commonName: string | null;
  cipher: string | null;
  signatureAlgorithm: string | null;
  keyAlgorithm: string | null;
}

/** The header is refused; the message says why. */
export class MalformedTlv extends Error {
  override readonly name = "MalformedTlv";
}

export const tlvTypes = {
  alpn: 0x01,
  authority: 0x02,
  crc32c: 0x03,
  noop: 0x04,
  uniqueId: 0x05,
  ssl: 0x20,
  netns: 0x30,
} as const;

const sslSubtypes = {
  version: 0x21,
  commonName: 0x22,
  cipher: 0x23,
  signatureAlgorithm: 0x24,
  keyAlgorithm: 0x25,
} as const;
const sslBits = { tls: 0x01, certificateOnConnection: 0x02, certificateInSession: 0x04 } as const;

/** §2.2.5. */
const maxUniqueIdBytes = 128;
/** A DNS name has at most 253 characters; HAProxy keeps at most 255 of the vector. */
const maxAuthorityBytes = 255;
/** RFC 7301 §3.1: a protocol name has 1 to 255 octets. */
const maxAlpnBytes = 255;

/** No vectors at all. */
export const noTlvs: ProxyTlvs = {
  alpn: null,
  authority: null,
  uniqueId: null,
  ssl: null,
  netns: null,
  checksum: false,
};

/**
 * Reads the vectors of `header` from octet `from` to its end.
 * @param header all of the header: the checksum is of all
 * @throws MalformedTlv when a vector leaves its bounds or has a form that its type can't have, when a type that may say
 *   one thing only is there twice, when the checksum is wrong
 */
export function readTlvs(header: Uint8Array, from: number): ProxyTlvs {
  const tlvs = { ...noTlvs };
  const seen = new Set<number>();
  for (const { type, at, value } of vectors(header, from)) {
    if (type === tlvTypes.noop) continue;
    if (seen.has(type)) {
      if (isRead(type)) throw new MalformedTlv(`TLV type ${hex(type)} twice`);
      continue;
    }
    seen.add(type);
    switch (type) {
      case tlvTypes.alpn:
        if (value.length === 0 || value.length > maxAlpnBytes) throw new MalformedTlv(`ALPN of ${value.length} octets`);
        tlvs.alpn = latin1(value);
        break;
      case tlvTypes.authority:
        tlvs.authority = authority(value);
        break;
      case tlvTypes.crc32c:
        checkSum(header, at, value);
        tlvs.checksum = true;
        break;
      case tlvTypes.uniqueId:
        if (value.length > maxUniqueIdBytes) throw new MalformedTlv(`unique id of ${value.length} octets`);
        tlvs.uniqueId = value.slice();
        break;
      case tlvTypes.ssl:
        tlvs.ssl = readSsl(value);
        break;
      case tlvTypes.netns:
        tlvs.netns = printable(value, "namespace");
        break;
    }
  }
  return tlvs;
}

const readTypes: ReadonlySet<number> = new Set(Object.values(tlvTypes));

function isRead(type: number): boolean {
  return readTypes.has(type);
}

/** The vectors that lie in `bytes` from `from` on: type, where its value begins, the value. */
function* vectors(bytes: Uint8Array, from: number): Iterable<{ type: number; at: number; value: Uint8Array }> {
  for (let next = from; next < bytes.length;) {
    if (bytes.length - next < 3) throw new MalformedTlv("a TLV without room for its type and length");
    const type = bytes[next]!;
    const length = bytes[next + 1]! << 8 | bytes[next + 2]!;
    const at = next + 3;
    if (length > bytes.length - at) throw new MalformedTlv(`TLV type ${hex(type)} longer than the header`);
    next = at + length;
    yield { type, at, value: bytes.subarray(at, next) };
  }
}

function authority(value: Uint8Array): string {
  if (value.length > maxAuthorityBytes) throw new MalformedTlv(`authority of ${value.length} octets`);
  return printable(value, "authority");
}

/** §2.2.3: computed with zeros in its own place. */
function checkSum(header: Uint8Array, at: number, value: Uint8Array): void {
  if (value.length !== 4) throw new MalformedTlv(`checksum of ${value.length} octets`);
  if (crc32c(header, at) !== uint32(value, 0)) throw new MalformedTlv("wrong checksum");
}

/** §2.2.6: client bits, verify, then vectors of its own. */
function readSsl(value: Uint8Array): ProxySsl {
  if (value.length < 5) throw new MalformedTlv(`SSL TLV of ${value.length} octets`);
  const bits = value[0]!;
  const texts = new Map<number, string>();
  for (const { type, value: inner } of vectors(value, 5)) {
    if (texts.has(type)) throw new MalformedTlv(`TLV type ${hex(type)} twice`);
    texts.set(type, printable(inner, `SSL TLV ${hex(type)}`));
  }
  const text = (type: number) => texts.get(type) ?? null;
  return {
    tls: (bits & sslBits.tls) !== 0,
    certificateOnConnection: (bits & sslBits.certificateOnConnection) !== 0,
    certificateInSession: (bits & sslBits.certificateInSession) !== 0,
    verify: uint32(value, 1),
    version: text(sslSubtypes.version),
    commonName: text(sslSubtypes.commonName),
    cipher: text(sslSubtypes.cipher),
    signatureAlgorithm: text(sslSubtypes.signatureAlgorithm),
    keyAlgorithm: text(sslSubtypes.keyAlgorithm),
  };
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
// deno-lint-ignore no-control-regex -- control characters are exactly what is refused: these texts reach logs
const control = /[\x00-\x1f\x7f-\x9f]/;

function printable(value: Uint8Array, what: string): string {
  let text: string;
  try {
    text = utf8.decode(value);
  } catch {
    throw new MalformedTlv(`${what} that is not UTF-8`);
  }
  if (control.test(text)) throw new MalformedTlv(`${what} with a control character`);
  return text;
}

function latin1(value: Uint8Array): string {
  return String.fromCharCode(...value);
}

function uint32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 | bytes[at + 3]!) >>> 0;
}

function hex(type: number): string {
  return `0x${type.toString(16).padStart(2, "0")}`;
}
