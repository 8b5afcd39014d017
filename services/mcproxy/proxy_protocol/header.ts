/**
 * PROXY protocol headers, versions 1 and 2: what a proxy in front of us says
 * about the client, before the client's first byte. Read by the specification
 * of HAProxy (doc/proxy-protocol.txt; § below are of it), strictly: a header
 * that two readers could understand differently is refused.
 * @module
 */
import { ipOctets, ipText } from "./ip_octets.ts";
import { MalformedTlv, noTlvs, type ProxyTlvs, readTlvs } from "./tlvs.ts";

/** One end of a connection; the address as dotted decimal, also where it came IPv4-mapped, or RFC 5952. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

export interface ProxyHeader {
  readonly kind: "header";
  readonly version: 1 | 2;
  /** `local`: the sender's own connection, a health check say; its real ends are the ends. */
  readonly command: "proxy" | "local";
  /** What the client spoke with the sender. */
  readonly transport: "stream" | "datagram" | "unknown";
  /** The client; null when the header doesn't name one by IP address: then the connection's real ends count. */
  readonly source: Endpoint | null;
  /** Where the client connected to; null together with `source`. */
  readonly destination: Endpoint | null;
  /** Of a client that came by a unix socket (version 2 only); "" for an end without a path. */
  readonly paths: { readonly source: string; readonly destination: string } | null;
  readonly tlvs: ProxyTlvs;
  /** The header's length; the client's bytes begin behind. */
  readonly bytes: number;
}

export type ParsedHeader =
  | { readonly kind: "incomplete" }
  | ProxyHeader
  /** `missing`: these bytes are no attempt at a header at all. */
  | { readonly kind: "malformed"; readonly reason: string; readonly missing: boolean };

/** §2.1: the longest line of version 1 with its CRLF. */
export const maxV1Bytes = 107;
/** Largest header of version 2 taken, octets: two unix paths need 232, each TLV at most 258; nginx takes as many. */
export const maxV2Bytes = 4096;

/** §2.2. */
export const signature: readonly number[] = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10];
const prefix = "PROXY ";
const incomplete: ParsedHeader = { kind: "incomplete" };

/**
 * Reads a header from the first bytes of a connection; never throws. Bad input is told from the first octet that shows
 * it; addresses are looked at when all of the header is there.
 * @param maxBytes the largest version 2 header taken, `maxV2Bytes` unless told
 */
export function parseProxyHeader(bytes: Uint8Array, maxBytes: number = maxV2Bytes): ParsedHeader {
  if (bytes.length === 0) return incomplete;
  return bytes[0] === signature[0] ? parseV2(bytes, maxBytes) : parseV1(bytes);
}

function malformed(reason: string, missing = false): ParsedHeader {
  return { kind: "malformed", reason, missing };
}

const portForm = "(0|[1-9]\\d{0,4})";
const addressForm = "([0-9a-fA-F:.]+)";
const line = new RegExp(`^(TCP4|TCP6) ${addressForm} ${addressForm} ${portForm} ${portForm}$`);

/** §2.1. */
function parseV1(bytes: Uint8Array): ParsedHeader {
  for (let index = 0; index < prefix.length; index++) {
    if (index === bytes.length) return incomplete;
    if (bytes[index] !== prefix.charCodeAt(index)) return malformed("no PROXY header", true);
  }
  const end = lineEnd(bytes);
  if (end < 0) {
    // §2.1: a single CR or LF never ends the line.
    if (end === brokenEnd) return malformed("version 1: a CR or LF that is no CRLF");
    return bytes.length < maxV1Bytes ? incomplete : malformed(`version 1: no CRLF within ${maxV1Bytes} octets`);
  }
  const text = String.fromCharCode(...bytes.subarray(prefix.length, end));
  const common = { kind: "header", version: 1, command: "proxy", paths: null, tlvs: noTlvs, bytes: end + 2 } as const;
  // What follows UNKNOWN has no meaning, whatever it is.
  if (text === "UNKNOWN" || text.startsWith("UNKNOWN ")) {
    return { ...common, transport: "unknown", source: null, destination: null };
  }
  const match = line.exec(text);
  if (match === null) return malformed("version 1: not of the form PROXY TCP4|TCP6 address address port port");
  const [source, destination] = [readAddress(match[2]!, match[1]!), readAddress(match[3]!, match[1]!)];
  if (source === null || destination === null) return malformed(`version 1: no ${match[1]} address`);
  const [sourcePort, destinationPort] = [Number(match[4]), Number(match[5])];
  if (sourcePort > 65535 || destinationPort > 65535) return malformed("version 1: port above 65535");
  return {
    ...common,
    transport: "stream",
    source: { address: source, port: sourcePort },
    destination: { address: destination, port: destinationPort },
  };
}

/** Null for no address, and for one of the other family. */
function readAddress(text: string, family: string): string | null {
  const octets = text.includes(":") === (family === "TCP6") ? ipOctets(text) : null;
  return octets === null ? null : ipText(octets);
}

const noEnd = -1;
const brokenEnd = -2;

/** Where the line's CRLF begins, looking no further than `maxV1Bytes`. */
function lineEnd(bytes: Uint8Array): number {
  const limit = Math.min(bytes.length, maxV1Bytes);
  for (let index = prefix.length; index < limit; index++) {
    if (bytes[index] === 10) return brokenEnd;
    if (bytes[index] !== 13) continue;
    if (index + 1 === limit) return noEnd;
    return bytes[index + 1] === 10 ? index : brokenEnd;
  }
  return noEnd;
}

/** Signature, command, family and length. */
const v2FixedBytes = 16;
/** By the family's four bits: octets that its addresses and ports take. */
const addressBytes = [0, 12, 36, 216];
const transports = ["unknown", "stream", "datagram"] as const;
const unixPathBytes = 108;

/** §2.2. */
function parseV2(bytes: Uint8Array, maxBytes: number): ParsedHeader {
  for (let index = 0; index < signature.length; index++) {
    if (index === bytes.length) return incomplete;
    if (bytes[index] !== signature[index]) return malformed("no PROXY header", true);
  }
  if (bytes.length < 13) return incomplete;
  const [version, command] = [bytes[12]! >> 4, bytes[12]! & 15];
  if (version !== 2) return malformed(`version ${version} behind the signature of version 2`);
  if (command > 1) return malformed(`version 2: command ${command}`);
  if (bytes.length < 14) return incomplete;
  const [family, protocol] = [bytes[13]! >> 4, bytes[13]! & 15];
  const needed = addressBytes[family];
  const transport = transports[protocol];
  // The family of a LOCAL connection is ignored, but an unassigned value is refused in any.
  if (needed === undefined) return malformed(`version 2: address family ${family}`);
  if (transport === undefined) return malformed(`version 2: transport protocol ${protocol}`);
  if (bytes.length < v2FixedBytes) return incomplete;
  const length = v2FixedBytes + (bytes[14]! << 8 | bytes[15]!);
  if (length > maxBytes) return malformed(`version 2: ${length} octets, more than ${maxBytes}`);
  const named = command === 1 && family !== 0 && protocol !== 0;
  if (named && length < v2FixedBytes + needed) {
    return malformed(`version 2: ${length - v2FixedBytes} octets for addresses that take ${needed}`);
  }
  if (bytes.length < length) return incomplete;
  const header = bytes.subarray(0, length);
  const common = { kind: "header", version: 2, command: command === 1 ? "proxy" : "local", bytes: length } as const;
  // §2.2: LOCAL and UNSPEC say nothing about a client; how long addresses of no family are can't be told, so what
  // follows isn't read either.
  if (!named) return { ...common, transport: "unknown", source: null, destination: null, paths: null, tlvs: noTlvs };
  try {
    const tlvs = readTlvs(header, v2FixedBytes + needed);
    return { ...common, transport, ...addresses(header, family), tlvs };
  } catch (error) {
    if (error instanceof MalformedTlv) return malformed(`version 2: ${error.message}`);
    throw error;
  }
}

function addresses(header: Uint8Array, family: number): Pick<ProxyHeader, "source" | "destination" | "paths"> {
  if (family === 3) {
    const pathAt = (at: number) => pathText(header.subarray(at, at + unixPathBytes));
    const paths = { source: pathAt(v2FixedBytes), destination: pathAt(v2FixedBytes + unixPathBytes) };
    return { source: null, destination: null, paths };
  }
  const size = family === 1 ? 4 : 16;
  const endpoint = (index: 0 | 1): Endpoint => {
    const at = v2FixedBytes + index * size;
    const portAt = v2FixedBytes + 2 * size + index * 2;
    return { address: ipText(header.subarray(at, at + size)), port: header[portAt]! << 8 | header[portAt + 1]! };
  };
  return { source: endpoint(0), destination: endpoint(1), paths: null };
}

/** Up to the first NUL, Latin-1; an abstract socket's name begins with one and shows as "". */
function pathText(octets: Uint8Array): string {
  const end = octets.indexOf(0);
  return String.fromCharCode(...(end < 0 ? octets : octets.subarray(0, end)));
}
