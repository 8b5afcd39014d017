/**
 * Who counts as one client: an IPv4 address, or the /64 of an IPv6 one, since whoever has one address of a /64 has all
 * of them (RFC 6177).
 * @module
 */
import type { IpAddress } from "../domain/ip_address.ts";

/** A client as two words: the address's number and 0 for IPv4, the upper half for IPv6. */
export interface ClientKey {
  readonly family: 0 | 4 | 6;
  readonly high: number;
  readonly low: number;
}

/** Clients whose address nobody knows are one client. */
const unknownClient: ClientKey = { family: 0, high: 0, low: 0 };

export function clientKey(address: IpAddress | null): ClientKey {
  if (address === null) return unknownClient;
  const { family, words } = address;
  return family === 4 ? { family, high: 0, low: words[3] } : { family, high: words[0], low: words[1] };
}
