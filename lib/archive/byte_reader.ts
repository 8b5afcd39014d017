import { invalid } from "@lib/errors/mod.ts";

/** Reads exact counts of bytes from a stream of chunks, holding one chunk at a time. */
export class ByteReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array();

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** Whether nothing is left. */
  async atEnd(): Promise<boolean> {
    while (this.#rest.length === 0) {
      const next = await this.#chunks.next();
      if (next.done === true) return true;
      this.#rest = next.value;
    }
    return false;
  }

  /** At least one byte and at most `max` of them, or null at the end; a view, good until the next call. */
  async some(max: number): Promise<Uint8Array | null> {
    if (await this.atEnd()) return null;
    const part = this.#rest.subarray(0, max);
    this.#rest = this.#rest.subarray(part.length);
    return part;
  }

  /**
   * Exactly `count` bytes, as a copy.
   * @throws PlatformError invalid when the stream ends before them: `what` names what is cut off
   */
  async exactly(count: number, what: string): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(count);
    for (let filled = 0; filled < count;) {
      const part = await this.some(count - filled);
      if (part === null) throw invalid("archive", `is cut off inside ${what}: ${count - filled} bytes are missing`);
      bytes.set(part, filled);
      filled += part.length;
    }
    return bytes;
  }

  /** Lets the source clean up when it isn't read to its end. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }
}
