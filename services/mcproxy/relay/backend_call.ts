/**
 * The backend's half of an exchange, as HTTP/1.1 (h1/backend_call.ts) and HTTP/2 (h2/backend_call.ts) provide it.
 * @module
 */
import type { Backend } from "../domain/backend.ts";
import type { ByteStream } from "../stream/byte_stream.ts";
import type { BodySink, BodySource } from "./body.ts";
import type { RequestHead, ResponseHead } from "./message.ts";

/** Who the client is, in our word. */
export interface Forwarded {
  /** Its address without a port. */
  readonly remote: string;
  /** Its certificate, as Client-Cert has it (RFC 9440 §2.2); "" for none. */
  readonly clientCert: string;
  /** The path that was taken off the target; "" for none. */
  readonly prefix: string;
}

/** One attempt at a request: a connection or a stream of its own, from `send` until `release`. */
export interface BackendCall {
  readonly backend: Backend;
  /** The connection carried requests before: that it breaks now may be no fault of this one. */
  readonly reused: boolean;
  /** The backend said that it didn't look at the request: it may go elsewhere, whatever it is (RFC 9113 §8.7). */
  readonly refused: boolean;
  /** Begins the request. Its head may wait in the sink for the body's first bytes. */
  send(request: RequestHead, forwarded: Forwarded): BodySink;
  /**
   * The next response head, 1xx ones too.
   * @throws HttpFault when it is malformed, another error when the backend breaks off
   */
  head(): Promise<ResponseHead>;
  /** The final response's body, when it has one. */
  body(): BodySource;
  /** After a 101 that agrees: the bytes from here on. @throws HttpFault when it doesn't agree */
  join(): ByteStream;
  /** Stops whatever waits for the backend. */
  cancel(): void;
  /** Gives it back; only the first call counts. @param reusable the exchange is complete in both directions */
  release(reusable: boolean): void;
}
