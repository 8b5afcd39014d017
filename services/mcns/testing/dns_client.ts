/** Asks a real listener. */
import { type ByteConnection, dialTls, parseAddress } from "@lib/tls/mod.ts";
import { SecureStream } from "../dns/transport/secure_stream.ts";

/** How long a test waits for a reply, ms: only a failing one waits. */
const patienceMs = 5000;

/**
 * The reply over UDP; null when none came.
 * @param from the client's address
 */
export async function askUdp(
  address: string,
  packet: Uint8Array,
  waitMs = patienceMs,
  from = "127.0.0.1",
): Promise<Uint8Array | null> {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: from, port: 0 });
  const timer = setTimeout(() => socket.close(), waitMs);
  try {
    await socket.send(packet, { transport: "udp", ...hostPort(address) });
    const [reply] = await socket.receive(new Uint8Array(65_535));
    socket.close();
    return reply;
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
  }
}

/** A TCP or TLS connection with DNS framing. */
export class DnsStreamClient implements AsyncDisposable {
  readonly #stream: ByteConnection;
  readonly #closed: Promise<void>;
  #disposed = false;

  private constructor(stream: ByteConnection, closed: Promise<void>) {
    this.#stream = stream;
    this.#closed = closed;
  }

  /** @param tls over TLS, and as whom the server must prove itself */
  static async connect(address: string, tls?: { serverName: string; ca: string }): Promise<DnsStreamClient> {
    if (tls === undefined) return new DnsStreamClient(await Deno.connect(hostPort(address)), Promise.resolve());
    const connection = await dialTls({ ...hostPort(address), ...tls, alpn: ["dot"] });
    const closed = new Promise<void>((resolve) => connection.once("close", () => resolve()));
    return new DnsStreamClient(new SecureStream(connection), closed);
  }

  /** Sends octets as they are. */
  async send(octets: Uint8Array): Promise<void> {
    for (let at = 0; at < octets.length;) at += await this.#stream.write(octets.subarray(at));
  }

  /** Sends messages in one write. */
  async ask(...packets: Uint8Array[]): Promise<void> {
    await this.send(Uint8Array.from(packets.flatMap((packet) => [packet.length >> 8, packet.length & 255, ...packet])));
  }

  /** The next message; null when the server has closed. */
  async next(): Promise<Uint8Array | null> {
    const prefix = await this.#read(2);
    return prefix === null ? null : await this.#read(prefix[0]! << 8 | prefix[1]!);
  }

  /** Sends FIN; replies may still come. */
  closeWrite(): Promise<void> {
    return this.#stream.closeWrite();
  }

  async #read(length: number): Promise<Uint8Array | null> {
    const octets = new Uint8Array(length);
    for (let filled = 0; filled < length;) {
      const read = await this.#stream.read(octets.subarray(filled)).catch(() => null);
      if (read === null) return null;
      filled += read;
    }
    return octets;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#disposed) this.#stream.close();
    this.#disposed = true;
    await this.#closed;
  }
}

function hostPort(address: string): { hostname: string; port: number } {
  const parsed = parseAddress(address);
  if (parsed.kind !== "tcp") throw new Error(`${address} is no host and port`);
  return { hostname: parsed.hostname, port: parsed.port };
}
