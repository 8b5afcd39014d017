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
import { sameBackends } from "../domain/backend.ts";
import type { Route } from "../domain/route.ts";
import { isSameSignIn } from "../domain/sign_in.ts";
import type { Deadline } from "../stream/deadlines.ts";
import { tunnel } from "../stream/tunnel.ts";
import { NoBackend } from "../upstream/upstreams.ts";
import { ownAnswer, refusalPage } from "./answers.ts";
import type { BackendCall } from "./backend_call.ts";
import { BodyCut, type BodySink, type BodySource, noBytes, relayBody, relayNothing } from "./body.ts";
import type { ClientSide } from "./client_side.ts";
import { compressedHead, GzipBody, isCompressed, varyingHead } from "./compression.ts";
import { decide } from "./decide.ts";
import type { ExchangeContext } from "./exchange_context.ts";
import { HttpFault } from "./fault.ts";
import { fieldValue } from "./fields.ts";
import { LimitedBody } from "./limited_body.ts";
import type { LiveRoute } from "./live_route.ts";
import { isGrpc, isInterim, isRepeatable, type RequestHead, type ResponseHead } from "./message.ts";
import type { ObservedExchange, Outcome } from "./observer.ts";
import { type Page, page } from "./pages.ts";
import { RepeatableBody } from "./repeatable_body.ts";
import { editedRequest, editedResponse, strippedTarget } from "./rewriting.ts";
import { Upload } from "./upload.ts";

/** 100 and a few 103 are normal; more is a loop. */
const maxInterim = 16;
/** How often a request follows its route to other backends. */
const maxMoves = 3;
/** How often a request that backends refuse to look at is sent to another. */
const maxRefusals = 3;

/** See the module. */
export class Exchange {
  #call: BackendCall | null = null;
  #upload: Upload | null = null;
  #body: BodySource | null = null;
  #gzip: GzipBody | null = null;
  #timedOut = false;
  /** `informing`: an interim response is on its way to the client, and the head is still waited for. */
  #phase: "waiting" | "informing" | "delivering" | "tunnel" = "waiting";
  /** Something of a response went to the client. */
  #answered = false;
  #live: LiveRoute | null = null;
  /** As the backend is to get it, before the route's edits. */
  #request: RequestHead;
  readonly #outcome: Outcome = {
    route: null,
    rule: "",
    user: "",
    backend: "",
    status: 0,
    isCut: false,
    bytesIn: 0,
    bytesOut: 0,
  };
  #observed: ObservedExchange | null = null;
  readonly #deadline: Deadline;

  constructor(readonly context: ExchangeContext, readonly client: ClientSide) {
    this.#request = client.request;
    this.#deadline = context.deadlines.open(() => this.#expired());
  }

  /** Runs until the response is complete or cut; rejects only when the client's connection breaks. */
  async run(): Promise<void> {
    this.#observed = this.context.observer?.began(this.client.request) ?? null;
    try {
      await this.#serve();
    } finally {
      this.#deadline.close();
      this.#gzip?.close();
      this.#observed?.finished(this.#outcome);
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
    if (this.#phase !== "waiting") this.#cutOff();
  }

  #serve(): Promise<void> {
    const { context, client: { request } } = this;
    const refusal = context.refusal(request.target, fieldValue(request.fields, "user-agent") ?? "");
    if (refusal !== null) {
      this.#outcome.rule = refusal.rule;
      return this.#answer(refusalPage(refusal));
    }
    const live = context.route(request.target);
    if (live === null) return this.#answer({ ...page(421, "this name is no longer served here"), closes: true });
    this.#live = this.#outcome.route = live;
    live.counters.requests++;
    const refused = context.clients.refusal();
    if (live.isGuarded && refused === null) return this.#throughGate(live.route);
    const answer = refused ?? ownAnswer(live.route, request);
    return answer === null ? this.#attempt(live.route) : this.#answer(answer);
  }

  async #throughGate(route: Route): Promise<void> {
    const decision = await decide(this.context, this.client, route);
    this.#outcome.user = decision.user;
    if (decision.answer !== null) return await this.#answer(decision.answer);
    this.#request = decision.request;
    await this.#attempt(route);
  }

  async #attempt(first: Route): Promise<void> {
    const { upstreams, peer, hostname } = this.context;
    const { webSocket } = this.client.request;
    const whom = { ends: peer, hostname };
    const repeatable = isRepeatable(this.client.request);
    let route = first;
    for (let fresh = false, moves = 0, refusals = 0;;) {
      let call: BackendCall;
      try {
        const next = upstreams.call(route, { repeatable, fresh, webSocket, peer: whom });
        call = next instanceof Promise ? await next : next;
      } catch (error) {
        if (!(error instanceof NoBackend)) throw error;
        const now = moves++ < maxMoves ? this.#movedTo(route) : null;
        if (now === null) return await this.#noBackend(error);
        route = now;
        continue;
      }
      this.#call = call;
      this.#outcome.backend = call.backend.key;
      try {
        if (this.client.closed) return;
        let head = await this.#send(call, route);
        if (isInterim(head)) head = await this.#pastInterim(call, head);
        const delivered = this.#deliver(call, route, head);
        if (delivered instanceof Promise) await delivered;
        return;
      } catch (error) {
        if (this.#phase !== "waiting" || this.client.closed) return this.#cut(error);
        const now = this.#movedTo(route);
        if (call.refused && !this.#answered && !this.#timedOut && refusals++ < maxRefusals && this.#rewind()) {
          route = now ?? route;
          continue;
        }
        // RFC 9110 §9.2.2. A fresh connection that breaks is the backend's failure, unless the route has left it.
        const again = repeatable && (call.reused || now !== null) && !fresh && !this.#answered && !this.#timedOut;
        if (!again || error instanceof HttpFault) return await this.#backendFailed(error);
        route = now ?? route;
        fresh = true;
      } finally {
        call.release(false);
      }
    }
  }

  /** Makes the request's body begin anew. @returns false when it can't */
  #rewind(): boolean {
    return this.#body === null || (this.#body instanceof RepeatableBody && this.#body.rewind());
  }

  /**
   * The route as it is now, if it has other backends: a change may have come, and the old backend gone, while this
   * request was on its way. Null when nothing changed.
   */
  #movedTo(route: Route): Route | null {
    const now = this.context.route(this.client.request.target, "look again")?.route ?? route;
    // Whoever passed did so by the rule of before.
    if (!isSameSignIn(now.signIn, route.signIn)) return null;
    return sameBackends(now.backends, route.backends) ? null : now;
  }

  async #noBackend(error: NoBackend): Promise<void> {
    await this.#fail(error.busy ? 503 : 502, error.busy ? "the backend is busy" : "no backend answers", error);
  }

  /** Sends the request. @returns the response's first head */
  #send(call: BackendCall, route: Route): Promise<ResponseHead> {
    const { client } = this;
    const { target } = client.request;
    const prefix = route.stripPath && route.path !== "/" ? route.path : "";
    const request = editedRequest(
      this.#request,
      prefix === "" ? target : strippedTarget(target, prefix),
      route.requestHeaders,
    );
    const sink = call.send(request, {
      remote: this.context.peer.source.address,
      clientCert: this.context.clients.field(),
      prefix,
    });
    const responseMs = route.responseTimeoutMs === 0 ? this.context.limits.responseMs : route.responseTimeoutMs;
    if (client.request.length.kind === "none") this.#sendHead(call, sink, responseMs);
    else this.#upload = this.#startUpload(call, sink, route, responseMs);
    return call.head();
  }

  /** Passes interim responses on. @returns the final response's head */
  async #pastInterim(call: BackendCall, first: ResponseHead): Promise<ResponseHead> {
    const { client } = this;
    let head = first;
    for (let interim = 0; isInterim(head); interim++) {
      if (interim === maxInterim) throw new HttpFault(400, "too many interim responses");
      if (client.takesInterim) {
        this.#answered = true;
        this.#phase = "informing";
        await client.interim(head);
        this.#phase = "waiting";
      }
      head = await call.head();
    }
    return head;
  }

  /** Without waiting: whether the backend has taken it shows in its answer. */
  #sendHead(call: BackendCall, sink: BodySink, responseMs: number): void {
    this.#deadline.set(responseMs);
    const sent = sink.end(noBytes, false, null);
    if (sent instanceof Promise) sent.catch(() => call.cancel());
  }

  #startUpload(call: BackendCall, to: BodySink, route: Route, responseMs: number): Upload {
    const { limits, deadlines, moved } = this.context;
    this.#deadline.clear();
    return new Upload({
      from: this.#body ??= this.#bodyFor(route),
      to,
      deadlines,
      // A gRPC stream is a conversation: the client may wait for the other side, or for its user.
      clientMs: isGrpc(this.client.request) ? limits.streamIdleMs : limits.bodyMs,
      backendMs: responseMs,
      moved: (bytes) => {
        this.#outcome.bytesIn += bytes;
        moved();
        if (this.#phase === "delivering") this.#deadline.set(limits.streamIdleMs);
      },
      settled: (upload) => {
        // That of an attempt before.
        if (upload !== this.#upload) return;
        const { state } = upload;
        if (state !== "done" && state !== "refused") call.cancel();
        else if (this.#phase === "waiting" || this.#phase === "informing") this.#deadline.set(responseMs);
      },
    });
  }

  #bodyFor({ maxBodyBytes, backendProtocol }: Route): BodySource {
    const body = this.client.body();
    const bounded = maxBodyBytes === 0 ? body : new LimitedBody(body, maxBodyBytes);
    // HTTP/1.1 has no way to say that a request wasn't looked at.
    return backendProtocol === "h1" ? bounded : new RepeatableBody(bounded);
  }

  #deliver(call: BackendCall, route: Route, response: ResponseHead): Promise<void> | void {
    if (response.status === 101) return this.#switch(call, response);
    if (this.#body instanceof RepeatableBody) this.#body.forget();
    if (this.#upload?.state === "running" && this.client.needsWholeUpload) {
      // The last bytes of an upload and the response may come within one turn; the upload then isn't unfinished.
      const turn = new Promise<void>((resolve) => setImmediate(resolve));
      return turn.then(() => this.#relay(call, route, response));
    }
    return this.#relay(call, route, response);
  }

  /** Without a promise when the response's body is at hand and taken at once. */
  #relay(call: BackendCall, route: Route, response: ResponseHead): Promise<void> | void {
    const { limits, moved } = this.context;
    const { client } = this;
    this.#upload?.relax();
    this.#phase = "delivering";
    this.#answered = true;
    this.#head(response.status);
    const progress = (_: unknown, bytes: number) => {
      this.#outcome.bytesOut += bytes;
      this.#deadline.set(limits.streamIdleMs);
      moved();
    };
    let head = editedResponse(response, route.responseHeaders);
    let body: BodySource | null = response.length.kind === "none" ? null : call.body();
    if (route.compress) {
      if (body !== null && isCompressed(client.request, head)) {
        head = compressedHead(head);
        body = this.#gzip = new GzipBody(body);
      } else {
        head = varyingHead(head);
      }
    }
    const sink = client.respond(head, this.#uploaded);
    const relayed = body === null ? relayNothing(sink, progress) : relayBody(body, sink, progress);
    if (relayed instanceof Promise) return relayed.then(() => this.#delivered(call));
    this.#delivered(call);
  }

  #delivered(call: BackendCall): void {
    const uploaded = this.#uploaded;
    this.client.delivered(uploaded);
    call.release(uploaded);
  }

  #head(status: number): void {
    this.#outcome.status = status;
    this.#observed?.answered();
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
    this.#head(101);
    const client = await this.client.accept(response);
    await tunnel(client, backend, { deadline: this.#deadline, idleMs: limits.tunnelIdleMs, moved });
    this.#outcome.bytesIn += backend.bytesWritten;
    this.#outcome.bytesOut += backend.bytesRead;
  }

  async #backendFailed(error: unknown): Promise<void> {
    const upload = this.#upload;
    if (upload?.state === "stalled") return await this.#fail(408, "the request's body stopped coming", null);
    if (upload?.state === "broken") {
      const fault = upload.error;
      // Anything else: the client is gone, or ended inside its body. There is nobody to answer.
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
    const backendsFault = !this.client.closed && this.#phase === "delivering" &&
      !(error instanceof BodyCut && error.side === "sink");
    if (backendsFault) {
      this.#countFailure();
      log.debug("Response cut", { hostname, reason: reasonOf(error) });
    }
    this.#cutOff();
  }

  #cutOff(): void {
    this.#outcome.isCut = true;
    this.client.cut();
  }

  #countFailure(): void {
    if (this.#live !== null) this.#live.counters.backendErrors++;
  }

  /** @param cause the backend's failure, or null when the client is at fault */
  async #fail(status: number, detail: string, cause: unknown): Promise<void> {
    const { log, hostname } = this.context;
    if (cause !== null) {
      this.#countFailure();
      log.debug("Backend failed", { hostname, status, reason: reasonOf(cause) });
    }
    await this.#answer(page(status, detail));
  }

  async #answer(answer: Page): Promise<void> {
    this.#phase = "delivering";
    this.#deadline.set(this.context.limits.streamIdleMs);
    this.#head(answer.status);
    this.#outcome.bytesOut += answer.body.length;
    await this.client.page(answer);
  }
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : "";
  return messageOf(error) + cause;
}
