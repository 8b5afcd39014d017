/** The other servers of a zone: primaries that it is taken from, secondaries that may have it and are told of changes. */
import { invalid, quote } from "@lib/errors/mod.ts";
import { formatIpv6, parseIpv4, parseIpv6 } from "./ip_address.ts";
import { parseTsigName } from "./tsig_key.ts";

export interface ZonePeer {
  /** "192.0.2.1:53" or "[2001:db8::1]:53"; of secondaries also a network "192.0.2.0/24" that transfers are allowed to. */
  readonly address: string;
  /** Name of the TSIG key that messages to and from it carry; "" for none. */
  readonly tsigKey: string;
  /** Of a primary: the name in its certificate, for transfers over TLS (RFC 9103); "" for plain TCP. */
  readonly tlsName: string;
}

/** Where a peer can be reached. */
export interface PeerAddress {
  readonly hostname: string;
  readonly port: number;
}

export const peerRoles = ["primary", "secondary"] as const;
export type PeerRole = typeof peerRoles[number];

/** More are a mistake: each primary may be waited for in turn, each secondary is told of every change. */
export const maxPeers = 32;

/** Checks one peer. Throws Invalid on `field` and the part of it that is wrong. */
export function parsePeer(given: ZonePeer, role: PeerRole, field: string): ZonePeer {
  const address = role === "secondary" && given.address.includes("/")
    ? parseNetwork(given.address, `${field}.address`)
    : parseHostPort(given.address, `${field}.address`);
  const tsigKey = given.tsigKey === "" ? "" : parseTsigName(given.tsigKey, `${field}.tsig_key`).text;
  if (role === "secondary" && given.tlsName !== "") {
    throw invalid(`${field}.tls_name`, "is for primaries: a secondary comes by itself, over TLS if it wants");
  }
  if (/[^A-Za-z0-9.:_-]/.test(given.tlsName)) {
    throw invalid(`${field}.tls_name`, `must be the name in the primary's certificate, got ${quote(given.tlsName)}`);
  }
  return { address, tsigKey, tlsName: given.tlsName.toLowerCase() };
}

/** Address and port of a peer that has them; null for a network. */
export function hostPortOf({ address }: ZonePeer): PeerAddress | null {
  if (address.includes("/")) return null;
  const at = address.lastIndexOf(":");
  const host = address.slice(0, at);
  return { hostname: host.startsWith("[") ? host.slice(1, -1) : host, port: Number(address.slice(at + 1)) };
}

/** The network that requests of the peer come from, as "ip" or "ip/bits". */
export function networkOf(peer: ZonePeer): string {
  return hostPortOf(peer)?.hostname ?? peer.address;
}

function parseHostPort(text: string, field: string): string {
  const match = /^(?:\[([^\]]*)\]|([^:]*)):([0-9]{1,5})$/.exec(text);
  const v6 = match?.[1] === undefined ? null : parseIpv6(match[1]), v4 = parseIpv4(match?.[2] ?? "");
  const port = Number(match?.[3] ?? 0);
  if ((v6 === null && v4 === null) || port < 1 || port > 65_535) {
    throw invalid(field, `must be "ip:port" like 192.0.2.1:53 or [2001:db8::1]:53, got ${quote(text)}`);
  }
  return v6 === null ? `${match![2]}:${port}` : `[${formatIpv6(v6)}]:${port}`;
}

function parseNetwork(text: string, field: string): string {
  const [ip = "", bits = "", rest] = text.split("/");
  const octets = parseIpv4(ip) ?? parseIpv6(ip);
  if (octets === null || rest !== undefined || !/^[0-9]{1,3}$/.test(bits) || Number(bits) > octets.length * 8) {
    throw invalid(field, `must be a network like 192.0.2.0/24, got ${quote(text)}`);
  }
  return `${octets.length === 4 ? ip : formatIpv6(octets)}/${Number(bits)}`;
}
