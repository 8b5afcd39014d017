/**
 * Moves one body from one stream to another, at the pace of the slower.
 * @module
 */
import { BufferPool } from "../stream/buffer_pool.ts";
import { type ByteStream, latin1 } from "../stream/byte_stream.ts";
import { ChunkDecoder, chunkPrefixBytes, chunkSuffixBytes, frameChunk, lastChunk } from "./chunked.ts";
import type { Framing } from "./framing.ts";

/** Data per chunk sent; larger reads are cut. With the framing around it this is the scratch buffer's size. */
const chunkBytes = 64 * 1024;
const scratchBuffers = new BufferPool(chunkPrefixBytes + chunkBytes + chunkSuffixBytes, 64);

/** The source ended early or broke, or the sink broke; `side` says which. */
export class BodyCut extends Error {
  override readonly name = "BodyCut";
  constructor(readonly side: "source" | "sink", cause: unknown) {
    super(side === "source" ? "the body ended early" : "the receiver went away", { cause });
  }
}

export interface BodyRelay {
  from: ByteStream;
  to: ByteStream;
  /** How the body comes in. */
  framing: Framing;
  /** How it goes out: `as_is` for a length, `until_close` for data alone. */
  coding: "as_is" | "chunked" | "until_close";
  /** Sent before the body; together with its first bytes when those are at hand. */
  head: Uint8Array;
  /** Which trailers to pass on; asked for a chunked body that goes out chunked. */
  trailer(name: string): boolean;
  /** Called before each wait with the side that is waited for. */
  waiting(side: "source" | "sink"): void;
}

/**
 * Relays head and body; bytes behind the body go back to `from`.
 * @throws BodyCut when either side fails; HttpFault 400 when a chunked body is malformed. The sink then has a body that
 *   it can tell is incomplete: short of its length, or without its last chunk.
 */
export async function relayBody(relay: BodyRelay): Promise<void> {
  const sink = new Sink(relay);
  switch (relay.framing.kind) {
    case "none":
      return await sink.write(relay.head.subarray(0, 0));
    case "length":
      return await relayLength(relay, sink, relay.framing.bytes);
    default:
      return await relayCoded(relay, sink, relay.framing.kind === "chunked");
  }
}

async function relayLength(relay: BodyRelay, sink: Sink, bytes: number): Promise<void> {
  let left = bytes;
  while (left > 0) {
    const chunk = await nextChunk(relay, sink);
    if (chunk === null) throw new BodyCut("source", null);
    const part = chunk.length <= left ? chunk : chunk.subarray(0, left);
    left -= part.length;
    await sink.write(part);
    if (part.length < chunk.length) relay.from.unread(chunk.subarray(part.length));
  }
}

async function relayCoded(relay: BodyRelay, sink: Sink, decode: boolean): Promise<void> {
  const scratch = scratchBuffers.take();
  let lent = true;
  try {
    const decoder = decode ? new ChunkDecoder() : null;
    for (;;) {
      const chunk = await nextChunk(relay, sink);
      if (chunk === null) {
        if (decoder !== null) throw new BodyCut("source", null);
        break;
      }
      for (let at = 0; at < chunk.length;) {
        const part = chunk.subarray(at, at + chunkBytes);
        const { read, written } = decoder === null
          ? copy(part, scratch)
          : decoder.decode(part, scratch, chunkPrefixBytes);
        at += read;
        const data = relay.coding === "chunked"
          ? frameChunk(scratch, written)
          : scratch.subarray(chunkPrefixBytes, chunkPrefixBytes + written);
        if (decoder?.done) {
          await sink.finish(data, decoder);
          relay.from.unread(chunk.subarray(at));
          return;
        }
        if (data.length > 0) await sink.write(data);
      }
    }
    await sink.finish(scratch.subarray(0, 0), null);
  } catch (error) {
    // A write that failed may still hold the scratch buffer.
    lent = false;
    throw error;
  } finally {
    if (lent) scratchBuffers.give(scratch);
  }
}

function copy(part: Uint8Array, scratch: Uint8Array): { read: number; written: number } {
  scratch.set(part, chunkPrefixBytes);
  return { read: part.length, written: part.length };
}

async function nextChunk(relay: BodyRelay, sink: Sink): Promise<Uint8Array | null> {
  const next = relay.from.read();
  if (!(next instanceof Promise)) return next;
  // Nothing at hand: the head must not wait for the body (events, long polls, 100-continue).
  next.catch(() => {});
  await sink.flushHead();
  relay.waiting("source");
  try {
    return await next;
  } catch (error) {
    throw new BodyCut("source", error);
  }
}

/** Puts the head before the first bytes, and the last chunk behind the last ones. */
class Sink {
  #head: Uint8Array | null;
  constructor(readonly relay: BodyRelay) {
    this.#head = relay.head;
  }

  async write(bytes: Uint8Array): Promise<void> {
    let out = bytes;
    if (this.#head !== null) {
      out = joined(this.#head, bytes);
      this.#head = null;
    }
    if (out.length === 0) return;
    this.relay.waiting("sink");
    try {
      await this.relay.to.write(out);
    } catch (error) {
      throw new BodyCut("sink", error);
    }
  }

  async flushHead(): Promise<void> {
    if (this.#head !== null) await this.write(this.#head.subarray(0, 0));
  }

  async finish(data: Uint8Array, decoder: ChunkDecoder | null): Promise<void> {
    if (this.relay.coding !== "chunked") return await this.write(data);
    const trailers = decoder?.trailers.filter(({ name }) => this.relay.trailer(name)) ?? [];
    await this.write(joined(data, latin1(lastChunk(trailers))));
  }
}

function joined(head: Uint8Array, bytes: Uint8Array): Uint8Array {
  if (bytes.length === 0) return head;
  const whole = new Uint8Array(head.length + bytes.length);
  whole.set(head);
  whole.set(bytes, head.length);
  return whole;
}
