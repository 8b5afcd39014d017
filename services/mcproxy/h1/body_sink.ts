/**
 * Messages as HTTP/1.1 writes them: the head together with the body's first bytes, the last chunk with its last ones.
 * @module
 */
import { type ByteStream, latin1, latin1With } from "../stream/byte_stream.ts";
import { type BodySink, noBytes } from "../relay/body.ts";
import type { Fields } from "../relay/message.ts";
import { scratchBuffers } from "./body_source.ts";
import { chunkPrefixBytes, chunkSuffixBytes, frameChunk, lastChunk, type Trailer } from "./chunked.ts";

/** Data per chunk where it must be copied. */
const copiedBytes = scratchBuffers.sizeBytes - chunkPrefixBytes - chunkSuffixBytes;

/** `as_is`: a length that the head says, or no body; `until_close`: the connection's end is the body's. */
export type Coding = "as_is" | "chunked" | "until_close";

/** Over a stream that it doesn't own: `until_close` leaves the closing to others. */
export class MessageSink implements BodySink {
  /** Latin-1; "" when it has gone. */
  #head: string;

  constructor(readonly to: ByteStream, head: string, readonly coding: Coding) {
    this.#head = head;
  }

  write(bytes: Uint8Array, hasMargins: boolean): Promise<void> {
    if (this.coding !== "chunked") return this.to.write(this.#withHead(bytes));
    if (hasMargins) return this.to.write(this.#withHead(framed(bytes)));
    return this.#writeCopied(bytes, null);
  }

  flush(): Promise<void> | void {
    if (this.#head !== "") return this.to.write(this.#withHead(noBytes));
  }

  end(bytes: Uint8Array, hasMargins: boolean, trailers: Fields | null): Promise<void> | void {
    if (this.coding !== "chunked") {
      const out = this.#withHead(bytes);
      return out.length === 0 ? undefined : this.to.write(out);
    }
    const last = latin1(lastChunk(trailers === null ? [] : linesOf(trailers)));
    if (bytes.length === 0) return this.to.write(this.#withHead(last));
    if (hasMargins) return this.to.write(joined(this.#withHead(framed(bytes)), last));
    return this.#writeCopied(bytes, last);
  }

  /** @param last follows the data; null when more data does */
  async #writeCopied(bytes: Uint8Array, last: Uint8Array | null): Promise<void> {
    const scratch = scratchBuffers.take();
    for (let at = 0; at < bytes.length; at += copiedBytes) {
      const part = bytes.subarray(at, at + copiedBytes);
      scratch.set(part, chunkPrefixBytes);
      const chunk = this.#withHead(frameChunk(scratch, part.length));
      await this.to.write(last !== null && at + copiedBytes >= bytes.length ? joined(chunk, last) : chunk);
    }
    // Not after a failure: the write may still hold it.
    scratchBuffers.give(scratch);
  }

  #withHead(bytes: Uint8Array): Uint8Array {
    const head = this.#head;
    if (head === "") return bytes;
    this.#head = "";
    return latin1With(head, bytes);
  }
}

function linesOf({ names, shown, values }: Fields): Trailer[] {
  return names.map((name, index) => ({ name, shown: shown[index]!, value: values[index]! }));
}

/** Puts a chunk's framing around a view that has margins. */
function framed(view: Uint8Array): Uint8Array {
  const start = view.byteOffset - chunkPrefixBytes;
  return frameChunk(
    new Uint8Array(view.buffer, start, chunkPrefixBytes + view.length + chunkSuffixBytes),
    view.length,
  );
}

function joined(head: Uint8Array, bytes: Uint8Array): Uint8Array {
  if (bytes.length === 0) return head;
  const whole = new Uint8Array(head.length + bytes.length);
  whole.set(head);
  whole.set(bytes, head.length);
  return whole;
}
