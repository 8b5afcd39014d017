/**
 * One request and its response.
 *
 * Phases: a backend connection is acquired; the head is sent, and the body
 * starts on its way beside what follows; interim responses are passed on; the
 * final head is awaited; its body is relayed. Until the final head, a failure
 * is answered with a page of ours (or, for requests that may be sent twice on a
 * connection that had been idle, tried again once). After it, the client's
 * connection is cut, so that a short body can't pass for a whole one.
 * @module
 */
import { messageOf } from "@lib/errors/mod.ts";
import { type Backend, sameBackends } from "../domain/backend.ts";
import { latin1 } from "../stream/byte_stream.ts";
import type { Deadline } from "../stream/deadlines.ts";
import { tunnel } from "../stream/tunnel.ts";
import { keepFor, type Lease } from "../upstream/backend_pool.ts";
import { NoBackend } from "../upstream/upstreams.ts";
import { BodyCut, relayBody } from "./body.ts";
import { HttpFault } from "./fault.ts";
import { requestHead, trailerPasses } from "./forwarding.ts";
import { readHead } from "./head.ts";
import { page } from "./pages.ts";
import { isRepeatable, type Request } from "./request.ts";
import { agreesToWebSocket, outgoingCoding, parseResponse, type Response, responseHead } from "./response.ts";
import type { LiveRoute, SessionOptions } from "./session.ts";
import { Upload } from "./upload.ts";

/** A backend may send larger heads than a client (cookies, policies), but not without end. */
const backendHeadLimits = { maxBytes: 64 * 1024, maxFields: 256 };
/** 100 and a few 103 are normal; more is a loop. */
const maxInterim = 16;
/** How often a request follows its route to other backends. */
const maxMoves = 3;
/** A client that has closed its sending side may still take the answer; this long we believe it, ms. */
const halfClosedMs = 5000;

/** See the module. */
export class Exchange {
  #lease: Lease | null = null;
  #upload: Upload | null = null;
  #timedOut = false;
  #phase: "waiting" | "delivering" | "tunnel" = "waiting";
  /** Something of a response went to the client. */
  #answered = false;
  readonly #deadline: Deadline;
  readonly #gone: Deadline;

  constructor(
    readonly options: SessionOptions,
    readonly request: Request,
    readonly route: LiveRoute,
    readonly draining: () => boolean,
  ) {
    this.#deadline = options.deadlines.open(() => this.#expired());
    this.#gone = options.deadlines.open(() => options.client.destroy());
  }

  /** @returns true when the client's connection can take another request */
  async run(): Promise<boolean> {
    this.route.counters.requests++;
    try {
      return await this.#attempt();
    } finally {
      this.#deadline.close();
      this.#gone.close();
    }
  }

  /** The client has ended its sending side or is gone. */
  clientEnded(): void {
    if (this.options.client.closed) this.#lease?.stream.destroy();
    else if (this.#phase !== "tunnel") this.#gone.set(halfClosedMs);
  }

  #expired(): void {
    this.#timedOut = true;
    this.#lease?.stream.destroy();
    if (this.#phase !== "waiting") this.options.client.destroy();
  }

  async #attempt(): Promise<boolean> {
    const { client, upstreams } = this.options;
    const repeatable = isRepeatable(this.request);
    let backends = this.route.backends;
    for (let retry = false, moves = 0;;) {
      let lease: Lease;
      try {
        lease = await upstreams.acquire(backends, { repeatable, fresh: retry });
      } catch (error) {
        if (!(error instanceof NoBackend)) throw error;
        const now = moves++ < maxMoves ? this.#movedTo(backends) : null;
        if (now === null) return await this.#noBackend(error);
        backends = now;
        continue;
      }
      this.#lease = lease;
      try {
        if (client.closed) return false;
        const response = await this.#response(lease);
        return await this.#deliver(lease, response);
      } catch (error) {
        if (this.#phase !== "waiting" || client.closed) return this.#cut(error);
        // RFC 9110 §9.2.2. A fresh connection that breaks is the backend's failure, unless the route has left it.
        const now = this.#movedTo(backends);
        const again = repeatable && (lease.reused || now !== null) && !retry && !this.#answered && !this.#timedOut;
        if (!again || error instanceof HttpFault) return await this.#backendFailed(error);
        backends = now ?? backends;
        retry = true;
      } finally {
        lease.release(0);
      }
    }
  }

  /**
   * The route's backends as they are now, if they are others: a change may have come, and the old backend gone, while
   * this request was on its way. Null when nothing changed.
   */
  #movedTo(backends: readonly Backend[]): readonly Backend[] | null {
    const now = this.options.route("look again")?.backends ?? backends;
    return sameBackends(now, backends) ? null : now;
  }

  async #noBackend(error: NoBackend): Promise<boolean> {
    return await this.#fail(error.busy ? 503 : 502, error.busy ? "the backend is busy" : "no backend answers", error);
  }

  /** Sends the request and waits for the final response's head. */
  async #response(lease: Lease): Promise<Response> {
    const { client, limits, deadlines, remote } = this.options;
    const { stream } = lease;
    const head = latin1(requestHead(this.request, remote));
    if (this.request.framing.kind === "none") {
      this.#deadline.set(limits.responseMs);
      await stream.write(head);
    } else {
      this.#upload = new Upload({
        client,
        backend: stream,
        framing: this.request.framing,
        head,
        deadlines,
        clientMs: limits.bodyMs,
        backendMs: limits.responseMs,
        settled: ({ state }) => {
          const waiting = this.#phase === "waiting";
          if (state !== "done" && state !== "refused") stream.destroy();
          else if (waiting) this.#deadline.set(limits.responseMs);
        },
      });
    }
    for (let interim = 0;; interim++) {
      const head = await readHead(stream, backendHeadLimits);
      if (head === null) throw new Error("the backend closed the connection without an answer");
      const response = parseResponse(head, this.request.method);
      if (response.status >= 200 || response.status === 101) return response;
      if (interim === maxInterim) throw new HttpFault(400, "too many interim responses");
      // RFC 9110 §15.2: passed on, but never to an HTTP/1.0 client.
      if (this.request.minor === 0) continue;
      this.#answered = true;
      this.#phase = "delivering";
      await client.write(latin1(responseHead(response, this.request, true, this.options.date)));
      this.#phase = "waiting";
    }
  }

  async #deliver(lease: Lease, response: Response): Promise<boolean> {
    const { client, limits } = this.options;
    if (response.status === 101) return await this.#switch(lease, response);
    // The last bytes of an upload and the response may come within one turn; the upload then isn't unfinished.
    if (this.#upload?.state === "running") await new Promise<void>((resolve) => setImmediate(resolve));
    const uploaded = this.#upload === null || this.#upload.state === "done";
    const coding = outgoingCoding(response, this.request);
    const keepAlive = this.request.keepAlive && !this.draining() && uploaded && coding !== "until_close";
    this.#phase = "delivering";
    this.#answered = true;
    await relayBody({
      from: lease.stream,
      to: client,
      framing: response.framing,
      coding,
      head: latin1(responseHead(response, this.request, keepAlive, this.options.date)),
      trailer: trailerPasses,
      waiting: () => {
        this.#deadline.set(limits.streamIdleMs);
        this.options.moved();
      },
    });
    lease.release(uploaded && response.keepAlive ? keepFor(response.keepAliveMs) : 0);
    return keepAlive;
  }

  /** RFC 9110 §7.8: from here on the bytes are the two ends' own. */
  async #switch(lease: Lease, response: Response): Promise<boolean> {
    const { client, limits, moved } = this.options;
    if (!this.request.webSocket || !agreesToWebSocket(response)) throw new HttpFault(400, "101 that nobody asked for");
    this.#phase = "tunnel";
    await client.write(latin1(responseHead(response, this.request, true, this.options.date)));
    await tunnel(client, lease.stream, { deadline: this.#deadline, idleMs: limits.tunnelIdleMs, moved });
    return false;
  }

  async #backendFailed(error: unknown): Promise<boolean> {
    const upload = this.#upload;
    if (upload?.state === "stalled") return await this.#fail(408, "the request's body stopped coming", null);
    if (upload?.state === "broken") {
      const fault = upload.error;
      return fault instanceof HttpFault ? await this.#fail(fault.status, fault.reason, null) : false;
    }
    if (this.#timedOut || upload?.state === "backend_stalled") {
      return await this.#fail(504, "the backend took too long", error);
    }
    const detail = error instanceof HttpFault ? "the backend sent a malformed response" : "the backend broke off";
    return await this.#fail(502, detail, error);
  }

  /** After the head nothing can be said any more: the connection is cut, which the client can tell from an end. */
  #cut(error: unknown): boolean {
    const { client, log } = this.options;
    const backendsFault = !client.closed && this.#phase === "delivering" &&
      !(error instanceof BodyCut && error.side === "sink");
    if (backendsFault) {
      this.route.counters.backendErrors++;
      log.debug("Response cut", { hostname: this.options.hostname, reason: reasonOf(error) });
    }
    client.destroy();
    return false;
  }

  /** @param cause the backend's failure, or null when the client is at fault */
  async #fail(status: number, detail: string, cause: unknown): Promise<boolean> {
    const { client, date, log, hostname, limits } = this.options;
    this.#phase = "delivering";
    this.#deadline.set(limits.streamIdleMs);
    if (cause !== null) {
      this.route.counters.backendErrors++;
      log.debug("Backend failed", { hostname, status, reason: reasonOf(cause) });
    }
    const close = !this.request.keepAlive || this.draining() || this.request.framing.kind !== "none";
    await client.write(page(status, detail, { close, head: this.request.method === "HEAD", date: date() }));
    return !close;
  }
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : "";
  return messageOf(error) + cause;
}
