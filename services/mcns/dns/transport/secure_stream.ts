/**
 * A decrypted connection, read and written as a TCP connection is.
 *
 * What one read of the socket brought is read in one piece here, however many TLS records it was: clients that pipeline
 * send each query in a record of its own (measured: 24 to a read), and the replies to them then go out in one.
 */
import type { ByteConnection, SecureConnection } from "@lib/tls/mod.ts";

export class SecureStream implements ByteConnection {
  readonly #connection: SecureConnection;
  /** Wakes the read that waits. */
  #arrived: (() => void) | null = null;
  #ended = false;

  constructor(connection: SecureConnection) {
    this.#connection = connection;
    connection.on("readable", () => this.#wake());
    connection.on("close", () => this.#wake());
    connection.on("end", () => {
      this.#ended = true;
      this.#wake();
    });
  }

  /** Null at the end, and also when the connection broke: there is nothing more to read either way. */
  async read(into: Uint8Array): Promise<number | null> {
    const connection = this.#connection;
    while (!connection.destroyed) {
      const available = connection.readableLength;
      if (available > 0) {
        const octets: Uint8Array = connection.read(Math.min(available, into.length));
        into.set(octets);
        return octets.length;
      }
      if (this.#ended) break;
      // A read of nothing starts the stream, and notices its end.
      connection.read(0);
      await new Promise<void>((resolve) => this.#arrived = resolve);
    }
    return null;
  }

  /** Resolves when there is room for more; rejects when the connection is gone. */
  write(octets: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#connection.write(octets, (error) => error ? reject(error) : resolve(octets.length));
    });
  }

  /** Sends what is written, then the closing alert and FIN. Resolves when that has left, or can't. */
  async closeWrite(): Promise<void> {
    const connection = this.#connection;
    // A stream that is destroyed forgets who waits for its end.
    if (connection.destroyed) return;
    await new Promise<void>((resolve) => {
      connection.once("close", () => resolve());
      connection.end(() => resolve());
    });
  }

  /** At once, with what is still to be sent. */
  close(): void {
    this.#connection.destroy();
  }

  #wake(): void {
    const arrived = this.#arrived;
    this.#arrived = null;
    arrived?.();
  }
}
