import type { PeerAddress } from "../../domain/zone_peer.ts";

/** Longest answer taken in; what is longer is cut off and not understood. */
const receiveOctets = 4096;

/** A UDP socket for talking with one server. */
export class DatagramExchange {
  readonly #socket: Deno.DatagramConn;
  readonly #peer: PeerAddress;
  /** A receive that ran out of time goes on: what it brings is the next one's. Null at the socket's end. */
  #receiving: Promise<[Uint8Array, Deno.Addr] | null> | null = null;
  #closed = false;

  /** Throws when the source can't be bound. */
  constructor(source: PeerAddress, peer: PeerAddress) {
    this.#socket = Deno.listenDatagram({ transport: "udp", ...source });
    this.#peer = peer;
  }

  /** Throws when there is no way, or no grant, to the peer. */
  async send(packet: Uint8Array): Promise<void> {
    await this.#socket.send(packet, { transport: "udp", ...this.#peer });
  }

  /** The next datagram from the peer; null when none came in time, or the socket was closed. */
  async receive(waitMs: number): Promise<Uint8Array | null> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<null>((resolve) => timer = setTimeout(() => resolve(null), waitMs));
    try {
      while (!this.#closed) {
        this.#receiving ??= this.#socket.receive(new Uint8Array(receiveOctets)).catch(() => null);
        const received = await Promise.race([this.#receiving, late]);
        if (received === null) return null;
        this.#receiving = null;
        const [packet, { transport, hostname, port }] = received as [Uint8Array, Deno.NetAddr];
        if (transport === "udp" && hostname === this.#peer.hostname && port === this.#peer.port) return packet;
      }
      return null;
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
  }
}
