/**
 * A stream of extended CONNECT (RFC 8441) as a byte stream: the two ends' own bytes.
 * @module
 */
import { errorCodes, type Http2Stream } from "@lib/http2/mod.ts";
import type { ByteStream } from "../stream/byte_stream.ts";

/** See the module. */
export class StreamBytes implements ByteStream {
  bytesRead = 0;
  bytesWritten = 0;
  #unread: Uint8Array | null = null;

  constructor(readonly stream: Http2Stream) {}

  get closed(): boolean {
    return this.stream.closed;
  }

  read(): Promise<Uint8Array | null> | Uint8Array | null {
    const unread = this.#unread;
    this.#unread = null;
    if (unread !== null) return unread;
    const next = this.stream.read();
    return next instanceof Promise ? next.then((bytes) => this.#counted(bytes)) : this.#counted(next);
  }

  #counted(bytes: Uint8Array | null): Uint8Array | null {
    this.bytesRead += bytes?.length ?? 0;
    return bytes;
  }

  unread(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#unread = bytes;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.bytesWritten += bytes.length;
    await this.stream.write(bytes);
  }

  endWrite(): Promise<void> {
    this.stream.end();
    return Promise.resolve();
  }

  /** RFC 8441 §5: a TCP connection's reset is a stream's, with CANCEL. */
  destroy(): void {
    this.stream.reset(errorCodes.cancel);
  }
}
