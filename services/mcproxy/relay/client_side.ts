/**
 * The client's half of an exchange, as HTTP/1.1 (h1/client_side.ts) and HTTP/2 (h2/client_side.ts) provide it.
 * @module
 */
import type { ByteStream } from "../stream/byte_stream.ts";
import type { BodySink, BodySource } from "./body.ts";
import type { RequestHead, ResponseHead } from "./message.ts";
import type { Page } from "./pages.ts";

/** One request of a client, and the ways to answer it. */
export interface ClientSide {
  readonly request: RequestHead;
  /** The client is gone: nothing can be said to it any more. */
  readonly closed: boolean;
  /** It understands 1xx responses. */
  readonly takesInterim: boolean;
  /** An answer before the request's end costs it the connection, so a body's last bytes are worth a moment's wait. */
  readonly needsWholeUpload: boolean;
  /** The request's body; asked for once, and only when there is one. */
  body(): BodySource;
  /** A 1xx response; 101 is `accept`'s. */
  interim(head: ResponseHead): Promise<void> | void;
  /**
   * The final response, whose body goes into the sink.
   * @param uploaded the request's body has been taken to its end
   */
  respond(head: ResponseHead, uploaded: boolean): BodySink;
  /** The response is complete. */
  delivered(uploaded: boolean): void;
  /** An answer of the proxy's own. */
  page(page: Page): Promise<void> | void;
  /** The switch to WebSocket was agreed to: says so, and gives the bytes from here on. */
  accept(head: ResponseHead): Promise<ByteStream>;
  /** Breaks off, so that the client can tell that what it got is incomplete. */
  cut(): void;
}
