/** What is known of a client from its address, worked out once. */
import { type ClientNetworks, clientOctets } from "./client_networks.ts";

export interface ClientFacts {
  /** 4 or 16; none for what is no address. */
  readonly octets: Uint8Array;
  /** Hash of its /24 or /56: who shares that shares a limit. */
  readonly network: number;
  /** Whether names that aren't ours are looked up for it. */
  readonly mayForward: boolean;
}

/** Clients remembered; a flood of forged addresses makes it start anew. */
const maxClients = 4096;

/** Octets of the prefixes that count as one client. */
const ipv4NetworkOctets = 3;
const ipv6NetworkOctets = 7;

export class ClientTable {
  readonly #facts = new Map<string, ClientFacts>();
  readonly #forwardFor: ClientNetworks;
  /** Who was asked about last. */
  #address = "";
  #last: ClientFacts;

  constructor(forwardFor: ClientNetworks) {
    this.#forwardFor = forwardFor;
    this.#last = this.#work("");
  }

  /** @param address IP address as text */
  factsOf(address: string): ClientFacts {
    // Queries come in runs, each with its address in a new string: to compare it costs a fifth of looking it up.
    if (address === this.#address) return this.#last;
    let facts = this.#facts.get(address);
    if (facts === undefined) {
      facts = this.#work(address);
      if (this.#facts.size >= maxClients) this.#facts.clear();
      this.#facts.set(address, facts);
    }
    this.#address = address;
    return this.#last = facts;
  }

  #work(address: string): ClientFacts {
    const octets = clientOctets(address) ?? new Uint8Array(0);
    const prefix = octets.length === 4 ? ipv4NetworkOctets : ipv6NetworkOctets;
    let network = octets.length;
    for (let i = 0; i < prefix; i++) network = Math.imul(network ^ (octets[i] ?? 0), 0x01000193);
    return { octets, network, mayForward: this.#forwardFor.hasOctets(octets) };
  }
}
