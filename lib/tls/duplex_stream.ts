/**
 * A node stream as bytes that are pulled: what lib/http2 runs on, and what the proxy's pools keep.
 * @module
 */
import type { Duplex } from "node:stream";

/** Bytes that may wait for a reader before the stream is paused. */
const pauseAboveBytes = 64 * 1024;

/** Over a connection that keeps back-pressure, as lib/tls's do; owns it. One reader and one writer. */
export class DuplexStream {
  /** Bytes that have come so far. */
  bytesRead = 0;
  /** Bytes accepted from writers so far. */
  bytesWritten = 0;
  readonly #duplex: Duplex;
  readonly #queue: Uint8Array[] = [];
  #queued = 0;
  #ended = false;
  #error: Error | null = null;
  #reader: PromiseWithResolvers<Uint8Array | null> | null = null;
  #watcher: (() => void) | null = null;
  #failWrite: ((error: Error) => void) | null = null;

  constructor(duplex: Duplex) {
    this.#duplex = duplex;
    duplex.on("data", (chunk: Uint8Array) => this.#received(chunk));
    duplex.on("end", () => this.#end());
    duplex.on("error", (error: Error) => this.#fail(error));
    duplex.on("close", () => this.#fail(new Error("The connection was closed")));
  }

  /** True once it can neither be read nor written. */
  get closed(): boolean {
    return this.#error !== null;
  }

  #received(chunk: Uint8Array): void {
    if (this.#error !== null) return;
    this.bytesRead += chunk.length;
    const reader = this.#reader;
    if (reader !== null) {
      this.#reader = null;
      return reader.resolve(chunk);
    }
    this.#queue.push(chunk);
    this.#queued += chunk.length;
    if (this.#queued > pauseAboveBytes) this.#duplex.pause();
    this.#alarm();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#reader?.resolve(null);
    this.#reader = null;
    this.#alarm();
  }

  #fail(error: Error): void {
    if (this.#error !== null) return;
    this.#error = error;
    this.#reader?.reject(error);
    this.#reader = null;
    this.#failWrite?.(error);
    this.#failWrite = null;
    this.#duplex.destroy();
    this.#alarm();
  }

  #alarm(): void {
    const watcher = this.#watcher;
    this.#watcher = null;
    watcher?.();
  }

  /** Watches while nobody reads: `ended` is called when the peer ends, sends something, or the connection breaks. */
  watch(ended: () => void): void {
    if (this.#queue.length > 0 || this.#ended || this.#error !== null) return ended();
    this.#watcher = ended;
  }

  /** Lets go of memory between uses; there is none to let go of. */
  shrink(): void {}

  /** The next bytes, at once when they are at hand; null when the peer has ended. Rejects when the connection breaks. */
  read(): Promise<Uint8Array | null> | Uint8Array | null {
    this.#watcher = null;
    const chunk = this.#queue.shift();
    if (chunk !== undefined) {
      this.#queued -= chunk.length;
      if (this.#duplex.isPaused() && this.#queued < pauseAboveBytes / 2) this.#duplex.resume();
      return chunk;
    }
    if (this.#ended) return null;
    if (this.#error !== null) return Promise.reject(this.#error);
    this.#reader ??= Promise.withResolvers();
    return this.#reader.promise;
  }

  /** Puts bytes back in front of the next `read`; they must stay unchanged until then. */
  unread(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#queue.unshift(bytes);
    this.#queued += bytes.length;
  }

  /** Settles when there is room for more; `bytes` is copied. Rejects when the connection broke. */
  write(bytes: Uint8Array): Promise<void> {
    if (this.#error !== null) return Promise.reject(this.#error);
    this.bytesWritten += bytes.length;
    return new Promise((resolve, reject) => {
      this.#failWrite = reject;
      // A copy: the stream calls back when it has room for more, not when it has let go of these bytes.
      this.#duplex.write(bytes.slice(), (error) => {
        this.#failWrite = null;
        if (error) reject(error);
        else resolve();
      });
    });
  }

  /** Ends the writing side; the peer may still send. Never rejects. */
  endWrite(): Promise<void> {
    if (this.#error !== null) return Promise.resolve();
    return new Promise((resolve) => {
      this.#failWrite = () => resolve();
      this.#duplex.end(() => {
        this.#failWrite = null;
        resolve();
      });
    });
  }

  /** Closes both sides at once; a pending `read` and `write` then reject. */
  destroy(): void {
    this.#fail(new Error("The connection was closed"));
  }
}
