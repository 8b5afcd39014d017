/**
 * A request on an HTTP/1.1 connection to a backend.
 * @module
 */
import type { Backend } from "../domain/backend.ts";
import type { BackendCall, Forwarded } from "../relay/backend_call.ts";
import type { BodySink, BodySource } from "../relay/body.ts";
import { HttpFault } from "../relay/fault.ts";
import type { RequestHead, ResponseHead } from "../relay/message.ts";
import type { ByteStream } from "../stream/byte_stream.ts";
import { MessageSink } from "./body_sink.ts";
import { bodySource } from "./body_source.ts";
import { requestHead } from "./forwarding.ts";
import { readHead } from "./head.ts";
import { agreesToWebSocket, parseResponse, type Response } from "./response.ts";
import { type OfferedKey, offeredKey } from "./websocket_key.ts";

/** A backend may send larger heads than a client (cookies, policies), but not without end. */
const headLimits = { maxBytes: 64 * 1024, maxFields: 256 };
/** A backend that announces how long it keeps idle connections closes them about then; we leave this much earlier, ms. */
const keepAliveMarginMs = 1000;

/** What a pool lends for it. */
export interface H1Lease {
  readonly stream: ByteStream;
  readonly backend: Backend;
  readonly reused: boolean;
  /** Gives it back; only the first call counts. @param keepMs how long it may be used again; 0 closes it */
  release(keepMs: number): void;
}

/** See the module. */
export class H1Call implements BackendCall {
  readonly refused = false;
  #method = "";
  #response: Response | null = null;
  #key: OfferedKey | null = null;

  constructor(readonly lease: H1Lease) {}

  get backend(): Backend {
    return this.lease.backend;
  }

  get reused(): boolean {
    return this.lease.reused;
  }

  send(request: RequestHead, forwarded: Forwarded): BodySink {
    this.#method = request.method;
    if (request.webSocket) this.#key = offeredKey(request.fields);
    const head = requestHead(request, forwarded, this.#key?.added ?? "");
    return new MessageSink(this.lease.stream, head, request.length.kind === "stream" ? "chunked" : "as_is");
  }

  async head(): Promise<ResponseHead> {
    const head = await readHead(this.lease.stream, headLimits);
    if (head === null) throw new Error("the backend closed the connection without an answer");
    return this.#response = parseResponse(head, this.#method);
  }

  body(): BodySource {
    return bodySource(this.lease.stream, this.#response!.framing);
  }

  join(): ByteStream {
    if (!agreesToWebSocket(this.#response!) || this.#key?.accepts(this.#response!.fields) === false) {
      throw new HttpFault(400, "101 that nobody asked for");
    }
    return this.lease.stream;
  }

  cancel(): void {
    this.lease.stream.destroy();
  }

  release(reusable: boolean): void {
    const response = this.#response;
    this.lease.release(reusable && response?.keepAlive === true ? keepFor(response.keepAliveMs) : 0);
  }
}

/** How long to keep a connection whose backend announced `keepAliveMs` (null: nothing). */
function keepFor(keepAliveMs: number | null): number {
  return keepAliveMs === null ? Infinity : Math.max(0, keepAliveMs - keepAliveMarginMs);
}
