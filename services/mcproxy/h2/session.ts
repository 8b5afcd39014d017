/**
 * One client connection that speaks HTTP/2: each stream is an exchange of its own.
 * @module
 */
import { errorCodes, Http2ServerConnection, type ServerStream } from "@lib/http2/mod.ts";
import type { HttpLimits } from "../h1/session.ts";
import { Exchange } from "../relay/exchange.ts";
import type { ExchangeContext } from "../relay/exchange_context.ts";
import { HttpFault } from "../relay/fault.ts";
import { page } from "../relay/pages.ts";
import type { ByteStream } from "../stream/byte_stream.ts";
import { PacedInput } from "../stream/paced_input.ts";
import { type Lane, Turns } from "../stream/turns.ts";
import { H2Client, sendPage } from "./client_side.ts";
import { requestOf } from "./request.ts";

export interface H2SessionOptions extends ExchangeContext {
  client: ByteStream;
  limits: HttpLimits;
}

/** Requests that are begun in one turn of the event loop, over all connections: some 2 ms of work. */
const turns = new Turns(32);

/** See the module. */
export class H2Session {
  readonly #options: H2SessionOptions;
  readonly #connection: Http2ServerConnection;
  readonly #lane: Lane = turns.lane();
  #running = false;
  #draining = false;

  constructor(options: H2SessionOptions) {
    this.#options = options;
    const { head, headMs, keepAliveMs, streamIdleMs } = options.limits;
    this.#connection = new Http2ServerConnection(new PacedInput(options.client), {
      limits: {
        maxHeaderListBytes: head.maxBytes,
        headerBlockTimeoutMs: headMs,
        idleMs: keepAliveMs,
        // As on HTTP/1.1: a client that takes nothing has as long as a backend that sends nothing.
        stalledWindowMs: streamIdleMs,
        stalledTransportMs: streamIdleMs,
      },
      extendedConnect: true,
      // When all frames at hand have been read: a request that is reset in the same breath (CVE-2023-44487) has no effect.
      onRequest: (stream) => this.#lane.add(() => void this.#serve(stream)),
    });
  }

  /** Why the connection ended badly, in a word for a counter; null when it didn't. */
  get fault(): string | null {
    return this.#connection.fault;
  }

  /** Serves until the connection is done; never rejects. The connection is closed then. */
  async run(): Promise<void> {
    this.#running = true;
    const done = this.#connection.run();
    if (this.#draining) this.#connection.drain();
    await done;
    this.#lane.close();
    this.#options.moved();
  }

  /** No further requests; those under way finish. */
  drain(): void {
    this.#draining = true;
    // The connection must have said hello before it can say goodbye.
    if (this.#running) this.#connection.drain();
  }

  async #serve(stream: ServerStream): Promise<void> {
    const { hostname, limits, observer, date, log, moved } = this.#options;
    if (stream.closed) return;
    try {
      const request = requestOf(stream, { hostname, maxFields: limits.head.maxFields });
      const exchange = new Exchange(this.#options, new H2Client(stream, request, date));
      stream.onReset = () => exchange.abandon();
      await exchange.run();
    } catch (error) {
      if (error instanceof HttpFault) {
        observer?.refused(error.status);
        await sendPage(stream, page(error.status, error.reason), stream.method === "HEAD", date()).catch(() => {});
      } else if (!stream.closed) log.error("Stream failed", { hostname, error });
    } finally {
      moved();
      // What was answered to its end is closed; anything else can't be answered any more.
      stream.reset(errorCodes.internalError);
    }
  }
}
