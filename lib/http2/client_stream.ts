/**
 * A request of ours and its response.
 * @module
 */
import type { FieldList } from "./hpack/decoder.ts";
import { handled, type Http2Stream, LiveStream, rejected, StreamReset } from "./stream.ts";

export interface Response {
  readonly status: number;
  readonly fields: FieldList;
  /** True when it ended with its head. */
  readonly end: boolean;
  /** What the content comes to by content-length; null when it doesn't say, 0 for a response that has none whatever it says. */
  readonly contentLength: number | null;
  /** Names of fields that must not be indexed where they are passed on (RFC 7541 §7.1.3), or null. */
  readonly neverIndexed: ReadonlySet<string> | null;
}

export interface ClientStream extends Http2Stream {
  /** The final head. Rejects with StreamReset when none comes. */
  response(): Promise<Response>;
  /** Called with each interim head (1xx). */
  onInterim: ((status: number, fields: FieldList) => void) | null;
  /**
   * True once the server has said that it did nothing with the request (REFUSED_STREAM, or a GOAWAY that names a lower
   * stream): it may be repeated on another connection, whatever its method (RFC 9113 §8.7).
   */
  readonly refused: boolean;
}

/** See {@linkcode ClientStream}. */
export class ClientSideStream extends LiveStream implements ClientStream {
  onInterim: ((status: number, fields: FieldList) => void) | null = null;
  refused = false;
  /** Null until the final head has come. */
  head: Response | null = null;
  /** "HEAD" and "CONNECT" change what a content-length means. */
  method = "";
  #waiting: PromiseWithResolvers<Response> | null = null;

  response(): Promise<Response> {
    if (this.head !== null) return Promise.resolve(this.head);
    if (this.resetCode >= 0) return rejected(new StreamReset(this.id, this.resetCode));
    this.#waiting ??= Promise.withResolvers();
    return this.#waiting.promise;
  }

  responded(head: Response): void {
    this.head = head;
    this.#waiting?.resolve(head);
    this.#waiting = null;
  }

  override fail(code: number): boolean {
    if (!super.fail(code)) return false;
    if (this.#waiting !== null) {
      handled(this.#waiting.promise);
      this.#waiting.reject(new StreamReset(this.id, code));
    }
    this.#waiting = null;
    return true;
  }

  /** The response is whole and the server wants no more of the request (RFC 9113 §8.1): what came stays readable. */
  stopSending(code: number): void {
    this.localEnded = true;
    this.stoppedCode = code;
    this.failWrite(code);
  }
}
