/**
 * A request's body that may not be larger than its route permits.
 * @module
 */
import { tooLarge } from "./answers.ts";
import type { BodySource } from "./body.ts";
import { HttpFault } from "./fault.ts";
import type { Fields } from "./message.ts";

/** Passes a body on until it is too large; then `read` throws HttpFault 413. */
export class LimitedBody implements BodySource {
  #read = 0;

  constructor(readonly from: BodySource, readonly maxBytes: number) {}

  get ended(): boolean {
    return this.from.ended;
  }

  get hasMargins(): boolean {
    return this.from.hasMargins;
  }

  get trailers(): Fields | null {
    return this.from.trailers;
  }

  read(): Promise<Uint8Array | null> | Uint8Array | null {
    const next = this.from.read();
    return next instanceof Promise ? next.then((bytes) => this.#counted(bytes)) : this.#counted(next);
  }

  #counted(bytes: Uint8Array | null): Uint8Array | null {
    this.#read += bytes?.length ?? 0;
    if (this.#read > this.maxBytes) throw new HttpFault(413, tooLarge(this.maxBytes));
    return bytes;
  }

  release(): void {
    this.from.release();
  }
}
