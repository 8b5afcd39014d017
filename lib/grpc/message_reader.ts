/**
 * Length-prefixed messages (PROTOCOL-HTTP2.md of gRPC): an octet that says whether
 * the message is compressed, four with its length, then the message. They pay no
 * heed to the bounds of DATA frames.
 */
import { readUint32, type ServerStream } from "@lib/http2/mod.ts";
import { statusCodes, WireFault } from "./wire_status.ts";

const prefixBytes = 5;
/** A message gets no more memory than this before its octets come: the length is only what a peer says. */
const firstBytes = 16 * 1024;
const nothing = new Uint8Array(0);

/** A message as it travels. */
export function prefixed(message: Uint8Array): Uint8Array {
  const framed = new Uint8Array(prefixBytes + message.length);
  new DataView(framed.buffer).setUint32(1, message.length);
  framed.set(message, prefixBytes);
  return framed;
}

/** What requests that aren't whole yet may hold, those of many connections together. */
export class MessageBudget {
  #held = 0;

  constructor(readonly maxBytes: number) {}

  /** @throws WireFault when there is no room */
  take(bytes: number): void {
    if (this.#held + bytes > this.maxBytes) {
      throw new WireFault(
        statusCodes.resourceExhausted,
        "Too many large requests are under way; try again",
        "rate_limited",
      );
    }
    this.#held += bytes;
  }

  give(bytes: number): void {
    this.#held -= bytes;
  }
}

export interface MessageLimits {
  /** Of one message. */
  maxBytes: number;
  budget: MessageBudget;
}

/** The messages of a request. */
export class MessageReader {
  /** Called before each wait for the peer. */
  onWait: (() => void) | null = null;
  /** Of the messages from here on. */
  limits: MessageLimits;
  readonly #stream: ServerStream;
  /** Of the last chunk, what hasn't been used. */
  #chunk: Uint8Array = nothing;

  constructor(stream: ServerStream, limits: MessageLimits) {
    this.#stream = stream;
    this.limits = limits;
  }

  /**
   * The next message, which is the caller's; null at the end. Rejects with WireFault for one that is too large, is cut
   * off or says that it is compressed, and with StreamReset when the call is over.
   */
  async next(): Promise<Uint8Array | null> {
    const prefix = new Uint8Array(prefixBytes);
    for (let at = 0; at < prefixBytes;) {
      if (this.#chunk.length === 0 && !await this.#more()) {
        if (at === 0) return null;
        throw cutOff();
      }
      at += this.#use(prefix, at);
    }
    const length = readUint32(prefix, 1);
    if (prefix[0] !== 0) {
      // compression.md of gRPC: no encoding but identity was announced, so nothing can be compressed.
      throw new WireFault(statusCodes.internal, "Compressed-Flag is set, but grpc-encoding names no compression");
    }
    const { maxBytes } = this.limits;
    if (length > maxBytes) {
      const message = `Received message larger than max (${length} vs ${maxBytes})`;
      throw new WireFault(statusCodes.resourceExhausted, message, "too_large");
    }
    return await this.#message(length);
  }

  async #message(length: number): Promise<Uint8Array> {
    const { budget } = this.limits;
    let message = new Uint8Array(Math.min(length, firstBytes));
    let taken = 0;
    try {
      for (let at = 0; at < length;) {
        if (this.#chunk.length === 0 && !await this.#more()) throw cutOff();
        if (at === message.length) {
          const larger = Math.min(length, 2 * at);
          budget.take(larger - at);
          taken += larger - at;
          const before = message;
          message = new Uint8Array(larger);
          message.set(before);
        }
        at += this.#use(message, at);
      }
      return message;
    } finally {
      if (taken > 0) budget.give(taken);
    }
  }

  /** Moves what fits from the chunk. @returns how much */
  #use(into: Uint8Array, at: number): number {
    const chunk = this.#chunk;
    const count = Math.min(into.length - at, chunk.length);
    into.set(count === chunk.length ? chunk : chunk.subarray(0, count), at);
    this.#chunk = count === chunk.length ? nothing : chunk.subarray(count);
    return count;
  }

  async #more(): Promise<boolean> {
    let chunk = this.#stream.read();
    if (chunk instanceof Promise) {
      this.onWait?.();
      chunk = await chunk;
    }
    this.#chunk = chunk ?? nothing;
    return chunk !== null;
  }
}

function cutOff(): WireFault {
  return new WireFault(statusCodes.internal, "The request ended in the middle of a message");
}
