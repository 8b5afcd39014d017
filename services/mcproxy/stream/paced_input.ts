/**
 * An HTTP/2 client's input in portions that other clients can live with.
 * @module
 */
import type { Http2Transport } from "@lib/http2/mod.ts";
import type { ByteStream } from "./byte_stream.ts";
import { type Lane, Turns } from "./turns.ts";

/** Of frames that cost something: some 150 requests that are reset at once, 0.5 ms. */
const portionBytes = 4 * 1024;
/** That much takes no time, if nothing else is at hand. */
const smallBytes = 1024;
/** What took no longer was bodies or little; then all that is at hand comes at once. ms */
const lightMs = 0.2;
/** For which a connection's input may be handled in one go, ms. */
const goMs = 1;
/** Portions of those that have had their go, in one turn of the event loop, over all connections. */
const turns = new Turns(2);

/**
 * A read of the network may hold a thousand frames, and there may be another one at once. A client whose frames take
 * long to be handled gets them handled a few at a time, in turn with all other such clients.
 */
export class PacedInput implements Http2Transport {
  readonly #stream: ByteStream;
  readonly #lane: Lane = turns.lane();
  /** Of the last chunk. */
  #rest: Uint8Array | null = null;
  /** When the last portion was handed out, ms; −1 when it has been accounted for. */
  #handedAt = -1;
  /** Of this go, ms. */
  #spentMs = 0;
  #light = false;
  // A few requests, or a few bytes of a body: not worth a look at the clock.
  readonly #arrived = (chunk: Uint8Array | null) =>
    chunk !== null && chunk.length <= smallBytes ? chunk : this.#hand(chunk);

  constructor(stream: ByteStream) {
    this.#stream = stream;
  }

  get closed(): boolean {
    return this.#stream.closed;
  }

  read(): Promise<Uint8Array | null> | Uint8Array | null {
    if (this.#handedAt >= 0) {
      const ms = performance.now() - this.#handedAt;
      this.#handedAt = -1;
      this.#light = ms < lightMs;
      this.#spentMs += ms;
    }
    if (this.#spentMs < goMs) return this.#next();
    return new Promise((resolve, reject) => {
      this.#lane.add(() => {
        this.#spentMs = 0;
        Promise.resolve(this.#next()).then(resolve, reject);
      });
    });
  }

  #next(): Promise<Uint8Array | null> | Uint8Array | null {
    const rest = this.#rest;
    if (rest !== null) {
      this.#rest = null;
      return this.#hand(rest);
    }
    const next = this.#stream.read();
    if (!(next instanceof Promise)) return this.#hand(next);
    // Others have their turn meanwhile.
    this.#spentMs = 0;
    return next.then(this.#arrived);
  }

  #hand(chunk: Uint8Array | null): Uint8Array | null {
    if (chunk === null) return null;
    this.#handedAt = performance.now();
    if (this.#light || chunk.length <= portionBytes) return chunk;
    this.#rest = chunk.subarray(portionBytes);
    return chunk.subarray(0, portionBytes);
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#stream.write(bytes);
  }

  endWrite(): Promise<void> {
    return this.#stream.endWrite();
  }

  destroy(): void {
    this.#rest = null;
    this.#stream.destroy();
  }
}
