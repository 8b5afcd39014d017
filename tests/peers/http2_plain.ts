/**
 * A plain TCP connection as what lib/http2 runs on.
 * @module
 */
import type { Http2Transport } from "@lib/http2/mod.ts";

export class TcpTransport implements Http2Transport {
  closed = false;
  readonly #connection: Deno.TcpConn;
  readonly #buffer = new Uint8Array(64 * 1024);

  constructor(connection: Deno.TcpConn) {
    connection.setNoDelay(true);
    this.#connection = connection;
  }

  async read(): Promise<Uint8Array | null> {
    const count = await this.#connection.read(this.#buffer);
    return count === null ? null : this.#buffer.subarray(0, count);
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await this.#connection.write(bytes.subarray(at));
  }

  async endWrite(): Promise<void> {
    try {
      await this.#connection.closeWrite();
    } catch {
      // Reset by the peer, or destroyed.
    }
  }

  destroy(): void {
    if (this.closed) return;
    this.closed = true;
    this.#connection.close();
  }
}
