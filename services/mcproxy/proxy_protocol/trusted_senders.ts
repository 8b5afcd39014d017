/**
 * Whose PROXY headers are believed.
 * @module
 */
import { ipOctets, ipText } from "./ip_octets.ts";

/** A set of networks. */
export interface AddressSet {
  /** @param address one IP address, as text */
  has(address: string): boolean;
}

/**
 * The proxies in front of one listener. From them every connection must begin with a header; from anybody else none is
 * ever looked for, since the protocol must not be guessed (§2): who could send one would choose its address.
 */
export class TrustedSenders {
  readonly #networks: AddressSet;

  constructor(networks: AddressSet) {
    this.#networks = networks;
  }

  /** @param address of the connection's other end; on a socket for both families IPv4 comes IPv4-mapped */
  has(address: string): boolean {
    const octets = ipOctets(address);
    return octets !== null && this.#networks.has(ipText(octets));
  }
}
