/**
 * A request's body that can be sent again from its start, as long as it is short.
 *
 * HTTP/2 backends say when they didn't look at a request (RFC 9113 §8.7), which a restart makes of everything that was
 * on its way; by then the body has begun to leave.
 * @module
 */
import type { BodySource } from "./body.ts";
import type { Fields } from "./message.ts";

/** What is kept of a body, bytes: any form and most calls; a longer one has been looked at when so much of it has left. */
const keptBytes = 64 * 1024;

/** See the module. */
export class RepeatableBody implements BodySource {
  /** What has been read so far; null when it was too much, or isn't needed any more. */
  #kept: Uint8Array[] | null = [];
  #bytes = 0;
  /** What of it is to be read again. */
  #again: Uint8Array[] = [];
  /** A read that the one before `rewind` still waits for. */
  #pending: Promise<Uint8Array | null> | null = null;
  #isOver = false;

  constructor(readonly from: BodySource) {}

  get ended(): boolean {
    return this.#again.length === 0 && this.from.ended;
  }

  get hasMargins(): boolean {
    return false;
  }

  get trailers(): Fields | null {
    return this.from.trailers;
  }

  read(): Promise<Uint8Array | null> | Uint8Array | null {
    const again = this.#again.shift();
    if (again !== undefined) return again;
    if (this.#isOver) return null;
    if (this.#pending !== null) return this.#pending;
    const next = this.from.read();
    if (!(next instanceof Promise)) return this.#keep(next);
    return this.#pending = next.then((bytes) => {
      this.#pending = null;
      return this.#keep(bytes);
    });
  }

  #keep(bytes: Uint8Array | null): Uint8Array | null {
    this.#isOver = bytes === null || this.from.ended;
    if (bytes === null || this.#kept === null) return bytes;
    this.#bytes += bytes.length;
    if (this.#bytes > keptBytes) this.forget();
    else this.#kept.push(bytes.slice());
    return bytes;
  }

  /** The next read begins at the start again. @returns false when that can't be */
  rewind(): boolean {
    if (this.#kept === null) return false;
    this.#again = [...this.#kept];
    return true;
  }

  /** The body won't be sent again: somebody has looked at it. */
  forget(): void {
    this.#kept = null;
  }

  release(): void {
    this.from.release();
  }
}
