/**
 * Bodies on HTTP/2 streams.
 * @module
 */
import type { Http2Stream } from "@lib/http2/mod.ts";
import type { BodySink, BodySource } from "../relay/body.ts";
import type { Fields } from "../relay/message.ts";
import { listOf, trailersOf } from "./field_lists.ts";

/** A body that comes in; lib/http2 holds it to its length and to the windows. */
export class StreamSource implements BodySource {
  readonly ended = false;
  readonly hasMargins = false;

  constructor(readonly stream: Http2Stream) {}

  get trailers(): Fields | null {
    return trailersOf(this.stream.trailers);
  }

  read(): Promise<Uint8Array | null> | Uint8Array | null {
    return this.stream.read();
  }

  release(): void {}
}

/** A body that goes out, behind a head that has been sent. */
export class StreamSink implements BodySink {
  constructor(readonly stream: Http2Stream) {}

  write(bytes: Uint8Array): Promise<void> | void {
    return this.stream.write(bytes);
  }

  flush(): void {}

  end(bytes: Uint8Array, _hasMargins: boolean, trailers: Fields | null): Promise<void> | void {
    if (trailers === null) return bytes.length === 0 ? this.stream.end() : this.stream.write(bytes, true);
    const written = bytes.length === 0 ? undefined : this.stream.write(bytes);
    // RFC 9113 §8.1: the trailers end the stream; they go behind what is still being written.
    this.stream.end(listOf(trailers));
    return written;
  }
}

/** For a message that ended with its head. */
export const endedSink: BodySink = { write() {}, flush() {}, end() {} };
