/**
 * What is remembered of streams that are over. RFC 9113 §5.1 asks for two different things: a peer that hasn't seen our
 * RST_STREAM yet may send on, and one that has ended a stream itself may not.
 * @module
 */

/** Streams reset by us of which late frames are borne; the peer's window bounds what can be on its way for each. */
const maxReset = 256;
/** Streams that ended otherwise, remembered only to name the error rightly (STREAM_CLOSED, not PROTOCOL_ERROR). */
const maxEnded = 64;

/** Both memories are made at first use: most connections of one request need neither. */
export class ClosedStreams {
  #reset: Uint32Array | null = null;
  #allowance: Float64Array | null = null;
  #nextReset = 0;
  #ended: Uint32Array | null = null;
  #nextEnded = 0;

  /** Remembers a stream we have reset. @param allowance octets of DATA its peer may still send */
  addReset(id: number, allowance: number): void {
    this.#reset ??= new Uint32Array(maxReset);
    this.#allowance ??= new Float64Array(maxReset);
    this.#reset[this.#nextReset] = id;
    this.#allowance[this.#nextReset] = allowance;
    this.#nextReset = (this.#nextReset + 1) % maxReset;
  }

  /** Remembers a stream that both sides have ended, or that its peer has reset. */
  addEnded(id: number): void {
    this.#ended ??= new Uint32Array(maxEnded);
    this.#ended[this.#nextEnded] = id;
    this.#nextEnded = (this.#nextEnded + 1) % maxEnded;
  }

  /** True for a stream we have reset lately: what still comes for it is read and dropped. */
  isReset(id: number): boolean {
    return this.#reset !== null && this.#reset.includes(id);
  }

  wasEnded(id: number): boolean {
    return this.#ended !== null && this.#ended.includes(id);
  }

  /** Counts DATA for a stream we have reset; false when it is more than its window ever allowed. */
  receive(id: number, octets: number): boolean {
    const at = this.#reset!.indexOf(id);
    this.#allowance![at]! -= octets;
    return this.#allowance![at]! >= 0;
  }
}
