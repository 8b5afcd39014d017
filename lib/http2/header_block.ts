/**
 * A field block while its frames come: HEADERS and the CONTINUATION frames behind it (RFC 9113 §4.3, §6.10).
 * @module
 */
import { ConnectionError, errorCodes } from "./errors.ts";
import { LimitPassed } from "./fault.ts";

export interface HeaderBlockLimits {
  readonly maxContinuations: number;
  /** Octets of one block as it comes, coded. */
  readonly maxBlockBytes: number;
}

/** Nothing is kept for a block of one frame; a longer one is copied together, within limits (CVE-2024-27316). */
export class HeaderBlock {
  /** The stream whose block isn't complete, or 0. No frame but its CONTINUATION may come meanwhile. */
  streamId = 0;
  /** END_STREAM of the HEADERS frame. */
  endStream = false;
  /** When the HEADERS frame came, ms. */
  since = 0;
  readonly #limits: HeaderBlockLimits;
  #parts: Uint8Array[] = [];
  #length = 0;
  #continuations = 0;

  constructor(limits: HeaderBlockLimits) {
    this.#limits = limits;
  }

  /** The first frame of a block that has more. */
  begin(streamId: number, fragment: Uint8Array, endStream: boolean, now: number): void {
    this.streamId = streamId;
    this.endStream = endStream;
    this.since = now;
    this.#continuations = 0;
    this.#length = 0;
    this.#add(fragment);
  }

  /** A CONTINUATION frame; the whole block with the last of them, null before. */
  continue(streamId: number, fragment: Uint8Array, last: boolean): Uint8Array | null {
    if (this.streamId === 0 || streamId !== this.streamId) {
      throw new ConnectionError(errorCodes.protocolError, "CONTINUATION without a HEADERS frame before it");
    }
    if (++this.#continuations > this.#limits.maxContinuations) {
      throw tooLong(`a field block has more than ${this.#limits.maxContinuations} CONTINUATION frames`);
    }
    this.#add(fragment);
    if (!last) return null;
    const block = new Uint8Array(this.#length);
    let at = 0;
    for (const part of this.#parts) {
      block.set(part, at);
      at += part.length;
    }
    this.#parts = [];
    this.streamId = 0;
    return block;
  }

  #add(fragment: Uint8Array): void {
    this.#length += fragment.length;
    if (this.#length > this.#limits.maxBlockBytes) {
      throw tooLong(`a field block is longer than ${this.#limits.maxBlockBytes} octets`);
    }
    this.#parts.push(fragment.slice());
  }
}

function tooLong(message: string): LimitPassed {
  return new LimitPassed("continuation_flood", message);
}
