/**
 * Buffers that are lent out for reading and come back.
 * @module
 */

/** Lends buffers of one size; keeps at most `maxIdle` of those that came back. */
export class BufferPool {
  readonly #idle: Uint8Array[] = [];

  constructor(readonly sizeBytes: number, readonly maxIdle: number) {}

  /** A buffer with arbitrary content. */
  take(): Uint8Array {
    return this.#idle.pop() ?? new Uint8Array(this.sizeBytes);
  }

  /** Gives a buffer back; nobody may still read into it or write from it. */
  give(buffer: Uint8Array): void {
    if (buffer.length === this.sizeBytes && this.#idle.length < this.maxIdle) this.#idle.push(buffer);
  }
}
