/**
 * One request and its response, whatever protocols the two sides speak.
 *
 * Phases: a backend is acquired; the head is sent, and the body starts on its
 * way beside what follows; interim responses are passed on; the final head is
 * awaited; its body is relayed. Until the final head, a failure is answered
 * with a page of ours (or, for requests that may be sent twice on a connection
 * that had been idle, tried again once). After it, the client is cut off, so
 * that a short body can't pass for a whole one.
 * @module
 */
import { messageOf } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import { type Backend, sameBackends } from "../domain/backend.ts";
import type { Deadline, Deadlines } from "../stream/deadlines.ts";
import { tunnel } from "../stream/tunnel.ts";
import { NoBackend, type Upstreams } from "../upstream/upstreams.ts";
import type { BackendCall } from "./backend_call.ts";
import { BodyCut, relayBody, relayNothing } from "./body.ts";
import type { ClientSide } from "./client_side.ts";
import { HttpFault } from "./fault.ts";
import type { ExchangeLimits } from "./limits.ts";
import type { LiveRoute } from "./live_route.ts";
import { type Fields, isRepeatable, type ResponseHead } from "./message.ts";
import { page } from "./pages.ts";
import { Upload } from "./upload.ts";

/** 100 and a few 103 are normal; more is a loop. */
const maxInterim = 16;
/** How often a request follows its route to other backends. */
const maxMoves = 3;

/** What all exchanges of a connection have in common. */
export interface ExchangeContext {
  /** The client's address without a port. */
  readonly remote: string;
  /** The name in SNI; requests must be for it. */
  readonly hostname: string;
  /**
   * The route of a request as it is now; null when it is gone or no longer an l7 route.
   * @param target of the request: its path chooses among the name's routes
   * @param look "look again" asks the store first, in case another process has just changed it
   */
  route(target: string, look?: "look again"): LiveRoute | null;
  /** The firewall's word on a request; null lets it pass. @param userAgent "" without the field */
  refusal(target: string, userAgent: string): { status: 403 | 429; rule: string } | null;
  readonly upstreams: Upstreams;
  readonly deadlines: Deadlines;
  readonly limits: ExchangeLimits;
  /** Called when bytes have moved. */
  moved(): void;
  readonly log: Logger;
}

/** See the module. */
export class Exchange {
  #call: BackendCall | null = null;
  #upload: Upload | null = null;
  #timedOut = false;
  #phase: "waiting" | "delivering" | "tunnel" = "waiting";
  /** Something of a response went to the client. */
  #answered = false;
  readonly #deadline: Deadline;

  constructor(readonly context: ExchangeContext, readonly client: ClientSide, readonly route: LiveRoute) {
    this.#deadline = context.deadlines.open(() => this.#expired());
  }

  /** Runs until the response is complete or cut; rejects only when the client's connection breaks. */
  async run(): Promise<void> {
    this.route.counters.requests++;
    try {
      const { target, fields } = this.client.request;
      const refusal = this.context.refusal(target, valueOf(fields, "user-agent"));
      // Which rule it was is the operator's business.
      if (refusal !== null) {
        await this.#fail(refusal.status, refusal.status === 429 ? "too many requests" : "not allowed", null);
      } else await this.#attempt();
    } finally {
      this.#deadline.close();
    }
  }

  /** True once the bytes are the two ends' own. */
  get isTunnel(): boolean {
    return this.#phase === "tunnel";
  }

  /** The client is gone: nobody waits for the backend any more. */
  abandon(): void {
    this.#call?.cancel();
  }

  #expired(): void {
    this.#timedOut = true;
    this.#call?.cancel();
    if (this.#phase !== "waiting") this.client.cut();
  }

  async #attempt(): Promise<void> {
    const { upstreams } = this.context;
    const repeatable = isRepeatable(this.client.request);
    let backends = this.route.backends;
    for (let retry = false, moves = 0;;) {
      let call: BackendCall;
      try {
        call = await upstreams.call(backends, { repeatable, fresh: retry });
      } catch (error) {
        if (!(error instanceof NoBackend)) throw error;
        const now = moves++ < maxMoves ? this.#movedTo(backends) : null;
        if (now === null) return await this.#noBackend(error);
        backends = now;
        continue;
      }
      this.#call = call;
      try {
        if (this.client.closed) return;
        return await this.#deliver(call, await this.#response(call));
      } catch (error) {
        if (this.#phase !== "waiting" || this.client.closed) return this.#cut(error);
        // RFC 9110 §9.2.2. A fresh connection that breaks is the backend's failure, unless the route has left it.
        const now = this.#movedTo(backends);
        const again = repeatable && (call.reused || now !== null) && !retry && !this.#answered && !this.#timedOut;
        if (!again || error instanceof HttpFault) return await this.#backendFailed(error);
        backends = now ?? backends;
        retry = true;
      } finally {
        call.release(false);
      }
    }
  }

  /**
   * The route's backends as they are now, if they are others: a change may have come, and the old backend gone, while
   * this request was on its way. Null when nothing changed.
   */
  #movedTo(backends: readonly Backend[]): readonly Backend[] | null {
    const now = this.context.route(this.client.request.target, "look again")?.backends ?? backends;
    return sameBackends(now, backends) ? null : now;
  }

  async #noBackend(error: NoBackend): Promise<void> {
    await this.#fail(error.busy ? 503 : 502, error.busy ? "the backend is busy" : "no backend answers", error);
  }

  /** Sends the request and waits for the final response's head. */
  async #response(call: BackendCall): Promise<ResponseHead> {
    const { limits, remote } = this.context;
    const { client } = this;
    const sink = call.send(client.request, { remote, prefix: "" });
    if (client.request.length.kind === "none") {
      await relayNothing(sink, () => this.#deadline.set(limits.responseMs));
    } else {
      this.#upload = this.#startUpload(call, sink);
    }
    for (let interim = 0;; interim++) {
      const head = await call.head();
      if (head.status >= 200 || head.status === 101) return head;
      if (interim === maxInterim) throw new HttpFault(400, "too many interim responses");
      if (!client.takesInterim) continue;
      this.#answered = true;
      this.#phase = "delivering";
      await client.interim(head);
      this.#phase = "waiting";
    }
  }

  #startUpload(call: BackendCall, to: ReturnType<BackendCall["send"]>): Upload {
    const { limits, deadlines, moved } = this.context;
    return new Upload({
      from: this.client.body(),
      to,
      deadlines,
      clientMs: limits.bodyMs,
      backendMs: limits.responseMs,
      moved: () => {
        moved();
        if (this.#phase === "delivering") this.#deadline.set(limits.streamIdleMs);
      },
      settled: ({ state }) => {
        if (state !== "done" && state !== "refused") call.cancel();
        else if (this.#phase === "waiting") this.#deadline.set(limits.responseMs);
      },
    });
  }

  async #deliver(call: BackendCall, response: ResponseHead): Promise<void> {
    const { limits, moved } = this.context;
    const { client } = this;
    if (response.status === 101) return await this.#switch(call, response);
    const upload = this.#upload;
    if (upload !== null) {
      // The last bytes of an upload and the response may come within one turn; the upload then isn't unfinished.
      if (upload.state === "running" && client.needsWholeUpload) {
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
      upload.relax();
    }
    this.#phase = "delivering";
    this.#answered = true;
    const waiting = () => {
      this.#deadline.set(limits.streamIdleMs);
      moved();
    };
    const sink = client.respond(response, this.#uploaded);
    if (response.length.kind === "none") await relayNothing(sink, waiting);
    else await relayBody(call.body(), sink, waiting);
    const uploaded = this.#uploaded;
    client.delivered(uploaded);
    call.release(uploaded);
  }

  get #uploaded(): boolean {
    return this.#upload === null || this.#upload.state === "done";
  }

  /** RFC 9110 §7.8: from here on the bytes are the two ends' own. */
  async #switch(call: BackendCall, response: ResponseHead): Promise<void> {
    const { limits, moved } = this.context;
    if (!this.client.request.webSocket) throw new HttpFault(400, "101 that nobody asked for");
    const backend = call.join();
    this.#phase = "tunnel";
    const client = await this.client.accept(response);
    await tunnel(client, backend, { deadline: this.#deadline, idleMs: limits.tunnelIdleMs, moved });
  }

  async #backendFailed(error: unknown): Promise<void> {
    const upload = this.#upload;
    if (upload?.state === "stalled") return await this.#fail(408, "the request's body stopped coming", null);
    if (upload?.state === "broken") {
      const fault = upload.error;
      if (fault instanceof HttpFault) await this.#fail(fault.status, fault.reason, null);
      return;
    }
    if (this.#timedOut || upload?.state === "backend_stalled") {
      return await this.#fail(504, "the backend took too long", error);
    }
    const detail = error instanceof HttpFault ? "the backend sent a malformed response" : "the backend broke off";
    await this.#fail(502, detail, error);
  }

  /** After the head nothing can be said any more: the client is cut off, which it can tell from an end. */
  #cut(error: unknown): void {
    const { log, hostname } = this.context;
    const { client } = this;
    const backendsFault = !client.closed && this.#phase === "delivering" &&
      !(error instanceof BodyCut && error.side === "sink");
    if (backendsFault) {
      this.route.counters.backendErrors++;
      log.debug("Response cut", { hostname, reason: reasonOf(error) });
    }
    client.cut();
  }

  /** @param cause the backend's failure, or null when the client is at fault */
  async #fail(status: number, detail: string, cause: unknown): Promise<void> {
    const { log, hostname, limits } = this.context;
    this.#phase = "delivering";
    this.#deadline.set(limits.streamIdleMs);
    if (cause !== null) {
      this.route.counters.backendErrors++;
      log.debug("Backend failed", { hostname, status, reason: reasonOf(cause) });
    }
    await this.client.page(page(status, detail));
  }
}

function valueOf({ names, values }: Fields, name: string): string {
  const index = names.indexOf(name);
  return index < 0 ? "" : values[index]!;
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : "";
  return messageOf(error) + cause;
}
