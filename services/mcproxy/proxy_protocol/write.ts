/**
 * Writes PROXY protocol headers for backends (§ are of HAProxy's doc/proxy-protocol.txt).
 * @module
 */
import { crc32c } from "./crc32c.ts";
import { type Endpoint, signature } from "./header.ts";
import { ipOctets, ipText } from "./ip_octets.ts";
import { tlvTypes } from "./tlvs.ts";

/** The ends of the client's connection, as the client knows them. */
export interface ProxiedConnection {
  source: Endpoint;
  destination: Endpoint;
}

export interface V2Options {
  /** The name that the client asked for, its SNI: goes along as TLV. At most 255 octets. */
  authority?: string;
  /** Whether the header carries its CRC32C. Default: true. */
  checksum?: boolean;
}

/**
 * The line of version 1 (§2.1).
 * @param connection null when there is no client, as for a health check: `PROXY UNKNOWN`
 * @throws TypeError for an address or port that is none
 */
export function writeProxyV1(connection: ProxiedConnection | null): Uint8Array<ArrayBuffer> {
  if (connection === null) return ascii("PROXY UNKNOWN\r\n");
  const { source, destination } = octetsOf(connection);
  // A mapped address reads as IPv4, so its spelling as IPv6 is made here.
  const text = (octets: Uint8Array) => isMapped(octets) ? `::ffff:${ipText(octets)}` : ipText(octets);
  const family = source.length === 4 ? "TCP4" : "TCP6";
  const ports = `${connection.source.port} ${connection.destination.port}`;
  return ascii(`PROXY ${family} ${text(source)} ${text(destination)} ${ports}\r\n`);
}

/**
 * The binary header of version 2 (§2.2).
 * @param connection null when there is no client, as for a health check: command LOCAL
 * @throws TypeError for an address, port or authority that can't be written
 */
export function writeProxyV2(connection: ProxiedConnection | null, options: V2Options = {}): Uint8Array<ArrayBuffer> {
  const named = connection === null ? null : octetsOf(connection);
  const authority = new TextEncoder().encode(connection === null ? "" : options.authority ?? "");
  if (authority.length > 255) throw new TypeError(`an authority of ${authority.length} octets`);
  const checksum = options.checksum ?? true;
  const addressBytes = named === null ? 0 : 2 * named.source.length + 4;
  const tlvBytes = (authority.length > 0 ? 3 + authority.length : 0) + (checksum ? 7 : 0);
  const header = new Uint8Array(16 + addressBytes + tlvBytes);
  const view = new DataView(header.buffer);
  header.set(signature);
  header[12] = named === null ? 0x20 : 0x21;
  header[13] = named === null ? 0x00 : named.source.length === 4 ? 0x11 : 0x21;
  view.setUint16(14, addressBytes + tlvBytes);
  let at = 16;
  if (connection !== null && named !== null) {
    header.set(named.source, at);
    header.set(named.destination, at + named.source.length);
    at += addressBytes;
    view.setUint16(at - 4, connection.source.port);
    view.setUint16(at - 2, connection.destination.port);
  }
  if (authority.length > 0) {
    header[at] = tlvTypes.authority;
    view.setUint16(at + 1, authority.length);
    header.set(authority, at + 3);
    at += 3 + authority.length;
  }
  if (checksum) {
    header[at] = tlvTypes.crc32c;
    view.setUint16(at + 1, 4);
    // §2.2.3: of the whole header, its own four octets as zeros.
    view.setUint32(at + 3, crc32c(header));
  }
  return header;
}

/** Both in one family: a header has one. IPv4 where both have it, else IPv4 as IPv4-mapped IPv6. */
function octetsOf(connection: ProxiedConnection): { source: Uint8Array; destination: Uint8Array } {
  const source = endOctets(connection.source);
  const destination = endOctets(connection.destination);
  if (source.length === destination.length) return { source, destination };
  return { source: mapped(source), destination: mapped(destination) };
}

function endOctets({ address, port }: Endpoint): Uint8Array {
  const octets = ipOctets(address);
  if (octets === null) throw new TypeError(`no IP address: ${JSON.stringify(address)}`);
  if (!Number.isInteger(port) || port < 0 || port > 65535) throw new TypeError(`no port: ${port}`);
  return octets;
}

function mapped(octets: Uint8Array): Uint8Array {
  if (octets.length === 16) return octets;
  const wide = new Uint8Array(16).fill(0xff, 10, 12);
  wide.set(octets, 12);
  return wide;
}

/** Of 16 octets, which are mapped only when `mapped` made them. */
function isMapped(octets: Uint8Array): boolean {
  return octets.length === 16 && !ipText(octets).includes(":");
}

function ascii(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
