/**
 * A request and its response.
 * @module
 */
import type { FieldList } from "./hpack/decoder.ts";
import type { RequestHead } from "./message.ts";
import { type Http2Stream, LiveStream, type StreamHost } from "./stream.ts";

export interface ServerStream extends Http2Stream, RequestHead {
  /** False when the request ended with its head. */
  readonly hasBody: boolean;
  /** Names of fields that must not be indexed where they are passed on (RFC 7541 §7.1.3), or null. */
  readonly neverIndexed: ReadonlySet<string> | null;
  /**
   * Sends the response's head; interim ones (1xx) may come before it, with `end` false. Nothing happens when the stream
   * is closed. When the response ends before the request has, the rest of the request is refused: `read` rejects then.
   * @throws Error after a final head; RangeError for a character above U+00FF, which also ends the connection
   */
  respond(status: number, fields: FieldList, end: boolean, neverIndexed?: ReadonlySet<string> | null): void;
}

/** See {@linkcode ServerStream}. */
export class ServerSideStream extends LiveStream implements ServerStream {
  readonly method: string;
  readonly scheme: string;
  readonly authority: string;
  readonly path: string;
  readonly protocol: string | null;
  readonly fields: FieldList;
  readonly contentLength: number | null;
  #responded = false;

  constructor(
    id: number,
    host: StreamHost,
    sendWindow: number,
    head: RequestHead,
    readonly hasBody: boolean,
    readonly neverIndexed: ReadonlySet<string> | null,
  ) {
    super(id, host, sendWindow);
    this.method = head.method;
    this.scheme = head.scheme;
    this.authority = head.authority;
    this.path = head.path;
    this.protocol = head.protocol;
    this.fields = head.fields;
    this.contentLength = head.contentLength;
  }

  respond(status: number, fields: FieldList, end: boolean, neverIndexed: ReadonlySet<string> | null = null): void {
    if (this.closed || this.localEnded) return;
    if (this.#responded) throw new Error(`Stream ${this.id} was answered already: respond once, after interim heads`);
    if (status >= 200) this.#responded = true;
    else if (end) throw new Error(`Status ${status} is interim: it can't end the response`);
    this.host.sendFields(this, [":status", String(status), ...fields], end, neverIndexed);
  }
}
