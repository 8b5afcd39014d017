/**
 * Bodies of HTTP/1.1 messages as they come in; what follows a body stays in the stream.
 * @module
 */
import { BufferPool } from "../stream/buffer_pool.ts";
import type { ByteStream } from "../stream/byte_stream.ts";
import type { BodySource } from "../relay/body.ts";
import type { Fields } from "../relay/message.ts";
import { ChunkDecoder, chunkPrefixBytes, chunkSuffixBytes, type Trailer } from "./chunked.ts";
import type { Framing } from "./framing.ts";

/** Data per view: a full read of a stream. */
const viewBytes = 64 * 1024;
/** Room for a view and the framing of a chunk around it. */
export const scratchBuffers = new BufferPool(chunkPrefixBytes + viewBytes + chunkSuffixBytes, 64);

/** The source for a framing other than `none`. */
export function bodySource(from: ByteStream, framing: Framing): BodySource {
  switch (framing.kind) {
    case "none":
      throw new TypeError("a message without a body has no source");
    case "length":
      return new LengthSource(from, framing.bytes);
    case "chunked":
      return new ChunkedSource(from);
    case "until_close":
      return new UntilCloseSource(from);
  }
}

/** The peer closed the connection inside a body. */
function ended(): Error {
  return new Error("the connection ended inside the body");
}

class LengthSource implements BodySource {
  readonly hasMargins = false;
  readonly trailers = null;
  #left: number;

  constructor(readonly from: ByteStream, bytes: number) {
    this.#left = bytes;
  }

  get ended(): boolean {
    return this.#left === 0;
  }

  read(): Promise<Uint8Array | null> | Uint8Array | null {
    if (this.#left === 0) return null;
    const next = this.from.read();
    return next instanceof Promise ? next.then((chunk) => this.#take(chunk)) : this.#take(next);
  }

  #take(chunk: Uint8Array | null): Uint8Array {
    if (chunk === null) throw ended();
    if (chunk.length <= this.#left) {
      this.#left -= chunk.length;
      return chunk;
    }
    const part = chunk.subarray(0, this.#left);
    this.from.unread(chunk.subarray(this.#left));
    this.#left = 0;
    return part;
  }

  release(): void {}
}

class UntilCloseSource implements BodySource {
  readonly hasMargins = false;
  readonly ended = false;
  readonly trailers = null;

  constructor(readonly from: ByteStream) {}

  read(): Promise<Uint8Array | null> | Uint8Array | null {
    return this.from.read();
  }

  release(): void {}
}

class ChunkedSource implements BodySource {
  readonly hasMargins = true;
  trailers: Fields | null = null;
  readonly #decoder = new ChunkDecoder();
  /** Lent until the end; after a failure it isn't lent again, since a write may still hold the last view. */
  #scratch: Uint8Array | null = scratchBuffers.take();
  /** What of the last chunk isn't decoded yet. */
  #rest: Uint8Array | null = null;

  constructor(readonly from: ByteStream) {}

  get ended(): boolean {
    return this.#decoder.done;
  }

  read(): Promise<Uint8Array | null> | Uint8Array | null {
    for (;;) {
      if (this.#decoder.done) return null;
      if (this.#rest === null) {
        const next = this.from.read();
        if (next instanceof Promise) return this.#wait(next);
        this.#received(next);
      }
      const data = this.#decode();
      if (data.length > 0) return data;
    }
  }

  async #wait(next: Promise<Uint8Array | null>): Promise<Uint8Array | null> {
    this.#received(await next);
    const data = this.#decode();
    return data.length > 0 ? data : await this.read();
  }

  #received(chunk: Uint8Array | null): void {
    if (chunk === null) throw ended();
    this.#rest = chunk;
  }

  #decode(): Uint8Array {
    const chunk = this.#rest!;
    const scratch = this.#scratch!;
    const { read, written } = this.#decoder.decode(chunk.subarray(0, viewBytes), scratch, chunkPrefixBytes);
    this.#rest = read < chunk.length ? chunk.subarray(read) : null;
    if (this.#decoder.done) {
      if (this.#rest !== null) this.from.unread(this.#rest);
      if (this.#decoder.trailers.length > 0) this.trailers = fieldsOf(this.#decoder.trailers);
    }
    return scratch.subarray(chunkPrefixBytes, chunkPrefixBytes + written);
  }

  release(): void {
    if (this.#scratch !== null) scratchBuffers.give(this.#scratch);
    this.#scratch = null;
  }
}

function fieldsOf(trailers: readonly Trailer[]): Fields {
  return {
    names: trailers.map(({ name }) => name),
    shown: trailers.map(({ shown }) => shown),
    values: trailers.map(({ value }) => value),
  };
}
