/**
 * A request on a stream of an HTTP/2 connection to a backend.
 * @module
 */
import { STATUS_CODES } from "node:http";
import { type ClientStream, errorCodes, type Http2ClientConnection, type Response } from "@lib/http2/mod.ts";
import type { Backend } from "../domain/backend.ts";
import { acceptOf } from "../h1/websocket_key.ts";
import type { BackendCall, Forwarded } from "../relay/backend_call.ts";
import type { BodySink, BodySource } from "../relay/body.ts";
import { fieldValue } from "../relay/fields.ts";
import {
  type BodyLength,
  noBody,
  noNames,
  type RequestHead,
  type ResponseHead,
  streamedBody,
} from "../relay/message.ts";
import { withField } from "../relay/rewriting.ts";
import type { ByteStream } from "../stream/byte_stream.ts";
import { fieldsOf, requestList } from "./field_lists.ts";
import { endedSink, StreamSink, StreamSource } from "./stream_body.ts";
import { StreamBytes } from "./stream_bytes.ts";

/**
 * Clients share connections to backends, and so the compression's table: who may send requests and see their sizes could
 * guess another's secrets by it (RFC 7541 §7.1).
 */
const secrets: ReadonlySet<string> = new Set(["authorization", "client-cert", "cookie", "proxy-authorization"]);

/** What a pool lends for it: the right to open one stream. */
export interface H2Lease {
  readonly connection: Http2ClientConnection;
  readonly backend: Backend;
  readonly reused: boolean;
  /** Over TLS; else with prior knowledge in the clear. */
  readonly isSecure: boolean;
  /** Only the first call counts. */
  release(): void;
}

/** See the module. */
export class H2Call implements BackendCall {
  #stream: ClientStream | null = null;
  #refused = false;
  #request: RequestHead | null = null;
  readonly #interim: ResponseHead[] = [];
  #interimCame: (() => void) | null = null;
  #response: Promise<Response> | null = null;

  constructor(readonly lease: H2Lease) {}

  get backend(): Backend {
    return this.lease.backend;
  }

  get reused(): boolean {
    return this.lease.reused;
  }

  get refused(): boolean {
    return this.#refused || this.#stream?.refused === true;
  }

  send(request: RequestHead, forwarded: Forwarded): BodySink {
    const { connection, isSecure } = this.lease;
    // Between the choice of the connection and now it may have said goodbye.
    if (connection.available === 0) {
      this.#refused = true;
      throw new Error("the backend's connection takes no more streams");
    }
    this.#request = request;
    const ends = request.length.kind === "none" && !request.webSocket;
    const stream = this.#stream = connection.request({
      // RFC 8441 §4: what HTTP/1.1 asks for with GET and Upgrade.
      method: request.webSocket ? "CONNECT" : request.method,
      protocol: request.webSocket ? "websocket" : null,
      scheme: isSecure ? "https" : "http",
      authority: request.host,
      path: request.target,
      fields: requestList(request, forwarded),
      neverIndexed: request.neverIndexed === null ? secrets : secrets.union(request.neverIndexed),
    }, ends);
    stream.onInterim = (status, list) => {
      this.#interim.push(this.#headOf(status, fieldsOf(list), noBody, null));
      this.#interimCame?.();
    };
    this.#response = stream.response();
    // Whoever waits for the head hears of it; and nobody may be.
    this.#response.catch(() => {});
    return ends || request.webSocket ? endedSink : new StreamSink(stream);
  }

  async head(): Promise<ResponseHead> {
    const earlier = this.#interim.shift();
    if (earlier !== undefined) return earlier;
    const interim = new Promise<void>((resolve) => this.#interimCame = resolve);
    const first = await Promise.race([this.#response!, interim]);
    this.#interimCame = null;
    if (first === undefined) return this.#interim.shift()!;
    const { status, fields: list, end, contentLength, neverIndexed } = first;
    const request = this.#request!;
    const fields = fieldsOf(list);
    if (request.webSocket && status >= 200 && status < 300) {
      const key = fieldValue(request.fields, "sec-websocket-key");
      const proven = key === null ? fields : withField(fields, "sec-websocket-accept", acceptOf(key));
      return this.#headOf(101, proven, noBody, neverIndexed);
    }
    const length: BodyLength = end || contentLength === 0
      ? noBody
      : contentLength === null
      ? streamedBody
      : { kind: "length", bytes: contentLength };
    return this.#headOf(status, fields, length, neverIndexed);
  }

  #headOf(
    status: number,
    fields: ResponseHead["fields"],
    length: BodyLength,
    neverIndexed: ReadonlySet<string> | null,
  ): ResponseHead {
    return { status, reason: STATUS_CODES[status] ?? "", length, connectionNames: noNames, fields, neverIndexed };
  }

  body(): BodySource {
    return new StreamSource(this.#stream!);
  }

  join(): ByteStream {
    return new StreamBytes(this.#stream!);
  }

  cancel(): void {
    this.#stream?.reset(errorCodes.cancel);
  }

  release(): void {
    // A stream that has ended both ways is closed already; of any other nobody wants to hear any more.
    this.cancel();
    this.lease.release();
  }
}
