/**
 * Asks a DNS server over UDP, one socket for any number of questions: a stub resolver that knows A records only, so
 * that the stories need no program of the machine and can ask a thousand times a second.
 * @module
 */

export interface DnsAnswer {
  /** RFC 1035 §4.1.1: 0 no error, 3 no such name. */
  rcode: number;
  addresses: string[];
}

export class DnsAsker implements Disposable {
  readonly #socket: Deno.DatagramConn;
  readonly #server: Deno.NetAddr;
  readonly #waiting = new Map<number, (answer: DnsAnswer) => void>();
  #nextId = 0;
  #closed = false;
  readonly #loop: Promise<void>;

  /** @param server "127.0.0.1:port" */
  constructor(server: string) {
    const [hostname = "", port = ""] = server.split(":");
    this.#server = { transport: "udp", hostname, port: Number(port) };
    this.#socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
    this.#loop = this.#receive();
  }

  /** Asks once for A records. @returns null when there is no answer in time */
  async ask(name: string, timeoutMs = 2000): Promise<DnsAnswer | null> {
    const id = this.#nextId++ & 0xffff;
    const { promise, resolve } = Promise.withResolvers<DnsAnswer | null>();
    this.#waiting.set(id, resolve);
    const timer = setTimeout(() => resolve(null), timeoutMs);
    try {
      await this.#socket.send(query(id, name), this.#server);
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(id);
    }
  }

  /** Resolves once the socket is gone. */
  async close(): Promise<void> {
    this[Symbol.dispose]();
    await this.#loop;
  }

  [Symbol.dispose](): void {
    if (!this.#closed) this.#socket.close();
    this.#closed = true;
  }

  async #receive(): Promise<void> {
    while (!this.#closed) {
      let packet: Uint8Array;
      try {
        [packet] = await this.#socket.receive();
      } catch (error) {
        if (this.#closed) return;
        // ICMP "port unreachable" of an earlier question: nobody listens at the moment.
        if (error instanceof Deno.errors.ConnectionRefused || error instanceof Deno.errors.ConnectionReset) continue;
        throw error;
      }
      const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
      this.#waiting.get(view.getUint16(0))?.({ rcode: packet[3]! & 15, addresses: addressesOf(packet, view) });
    }
  }
}

function query(id: number, name: string): Uint8Array {
  const labels = name.split(".").flatMap((label) => [label.length, ...new TextEncoder().encode(label)]);
  // Recursion desired, one question of type A, class IN.
  return Uint8Array.from([id >> 8, id & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...labels, 0, 0, 1, 0, 1]);
}

function addressesOf(packet: Uint8Array, view: DataView): string[] {
  let at = 12;
  const skipName = () => {
    for (;;) {
      const length = packet[at]!;
      // RFC 1035 §4.1.4: a pointer ends a name.
      if (length >= 0xc0) return void (at += 2);
      at += 1 + length;
      if (length === 0) return;
    }
  };
  skipName();
  at += 4;
  const addresses: string[] = [];
  for (let left = view.getUint16(6); left > 0; left--) {
    skipName();
    const [type, length] = [view.getUint16(at), view.getUint16(at + 8)];
    at += 10;
    if (type === 1) addresses.push(packet.subarray(at, at + 4).join("."));
    at += length;
  }
  return addresses;
}
