/**
 * Two ends of a connection in memory, for tests.
 * @module
 */
import type { Http2Transport } from "../transport.ts";

/** One end: what it writes the other reads, in the chunks it was written in. */
export class MemoryTransport implements Http2Transport {
  closed = false;
  /** While true, writes to this end don't settle: its owner "doesn't read from the socket". */
  stuffed = false;
  /** Every write this end has made, by its length. */
  readonly writes: number[] = [];
  #other: MemoryTransport | null = null;
  readonly #chunks: Uint8Array[] = [];
  #ended = false;
  #reader: PromiseWithResolvers<Uint8Array | null> | null = null;
  readonly #writers: PromiseWithResolvers<void>[] = [];

  static pair(): [MemoryTransport, MemoryTransport] {
    const one = new MemoryTransport();
    const two = new MemoryTransport();
    one.#other = two;
    two.#other = one;
    return [one, two];
  }

  read(): Promise<Uint8Array | null> | Uint8Array | null {
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) return chunk;
    if (this.closed) return Promise.reject(new Error("closed"));
    if (this.#ended) return null;
    this.#reader = Promise.withResolvers();
    return this.#reader.promise;
  }

  write(bytes: Uint8Array): Promise<void> {
    const other = this.#other!;
    if (this.closed || other.closed) return Promise.reject(new Error("closed"));
    this.writes.push(bytes.length);
    other.#deliver(bytes.slice());
    if (!other.stuffed) return Promise.resolve();
    const writer = Promise.withResolvers<void>();
    this.#writers.push(writer);
    return writer.promise;
  }

  /** Reads from the socket again. */
  unstuff(): void {
    this.stuffed = false;
    for (const writer of this.#other!.#writers.splice(0)) writer.resolve();
  }

  #deliver(chunk: Uint8Array | null): void {
    if (chunk === null) this.#ended = true;
    else if (this.#reader === null) this.#chunks.push(chunk);
    this.#reader?.resolve(chunk);
    this.#reader = null;
  }

  endWrite(): Promise<void> {
    this.#other!.#deliver(null);
    return Promise.resolve();
  }

  destroy(): void {
    if (this.closed) return;
    this.closed = true;
    this.#reader?.reject(new Error("closed"));
    this.#reader = null;
    for (const writer of this.#writers.splice(0)) writer.reject(new Error("closed"));
    this.#other!.#deliver(null);
  }
}
