import { parseIpv4, parseIpv6 } from "../domain/ip_address.ts";

interface Network {
  octets: Uint8Array;
  bits: number;
}

/** Networks that clients are let in from. */
export class ClientNetworks {
  readonly #networks: readonly Network[];

  /** @param cidrs "10.0.0.0/8", "::1", as lib/config's `cidrs` has checked them */
  constructor(cidrs: readonly string[]) {
    this.#networks = cidrs.map((cidr) => {
      const [ip = "", bits] = cidr.split("/");
      const octets = parseIpv4(ip) ?? parseIpv6(ip);
      if (octets === null) throw new Error(`${cidr} is no network`);
      return { octets, bits: bits === undefined ? octets.length * 8 : Number(bits) };
    });
  }

  /** Whether the client's address is in one of the networks; false for what is no address. */
  has(address: string): boolean {
    const octets = clientOctets(address);
    return octets !== null && this.hasOctets(octets);
  }

  /** As `has`, for an address of 4 or 16 octets; false for any other number. */
  hasOctets(octets: Uint8Array): boolean {
    return this.#networks.some((network) => contains(network, octets));
  }
}

/**
 * The octets of a client's address, null for what is none. On a socket of `::` a client of IPv4 has its address written as
 * IPv6 (RFC 4291 §2.5.5.2): that is 4 octets too.
 */
export function clientOctets(address: string): Uint8Array | null {
  const octets = parseIpv4(address) ?? parseIpv6(address);
  return octets?.length === 16 && isMapped(octets) ? octets.slice(12) : octets;
}

function isMapped(octets: Uint8Array): boolean {
  return octets.subarray(0, 10).every((octet) => octet === 0) && octets[10] === 0xff && octets[11] === 0xff;
}

function contains({ octets, bits }: Network, address: Uint8Array): boolean {
  if (octets.length !== address.length) return false;
  const whole = bits >> 3;
  for (let i = 0; i < whole; i++) if (octets[i] !== address[i]) return false;
  const rest = bits & 7;
  return rest === 0 || (octets[whole]! ^ address[whole]!) >> (8 - rest) === 0;
}
