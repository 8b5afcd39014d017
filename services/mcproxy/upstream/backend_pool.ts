/**
 * Connections to one backend: those in use are counted, idle ones kept for the next request.
 * @module
 */
import type { Clock } from "@lib/clock/mod.ts";
import { messageOf } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import type { Backend } from "../domain/backend.ts";
import { H1Call } from "../h1/backend_call.ts";
import { H2Call } from "../h2/backend_call.ts";
import type { BackendCall } from "../relay/backend_call.ts";
import type { Deadlines } from "../stream/deadlines.ts";
import { type Lane, Turns } from "../stream/turns.ts";
import { dial, type Dialled, ownerOf, type Peer } from "./dial.ts";
import { H2Connections, PoolFull } from "./h2_connections.ts";
import { IdleConnections } from "./idle_connections.ts";
import type { PooledStream } from "./pooled_stream.ts";
import type { Target } from "./target.ts";

/** Bounds of every pool. */
export interface UpstreamLimits {
  connectTimeoutMs: number;
  /** Connections to one backend at once, and requests on HTTP/1.1; above, requests are refused with 503. */
  maxConnections: number;
  /** Idle connections kept per backend. */
  maxIdle: number;
  /** How long an idle connection is kept, unless the backend asks for less. */
  idleMs: number;
}

/** What all pools have in common. */
export interface PoolOptions {
  limits: UpstreamLimits;
  /** Root certificates that backends over TLS must lead to, PEM; null when none are configured. */
  ca(): string | null;
  deadlines: Deadlines;
  clock: Clock;
  log: Logger;
}

/** What a request needs of its connection. */
export interface CallOptions {
  /** It may be sent again, so any idle connection will do. */
  repeatable: boolean;
  /** No idle connection. */
  fresh: boolean;
  /** HTTP/1.1 is what WebSockets are made of; HTTP/2 takes them by RFC 8441 only. */
  webSocket: boolean;
  peer: Peer;
}

/** A backend that refused a connection is asked last for this long. */
const failedMs = 5000;
/** A connection of HTTP/2 takes many requests: more of them than this show that nothing is ever given back. */
const maxH2Connections = 64;
const bothProtocols = ["h2", "http/1.1"];

/** Connections that are begun in one turn of the event loop: each is a tenth of a millisecond in the kernel. */
const dials = new Turns(4);
/** By the ends of a client's connection: clients take turns. */
const dialLanes = new WeakMap<object, Lane>();

/** Of attempts that ended in time, to be used again: one is dearer than the rest of what an attempt needs here. */
const spareAborts: AbortController[] = [];
const maxSpareAborts = 64;

/** Null when a connection may be made at once, else resolves when it may. */
function dialTurn({ ends }: Peer): Promise<void> | null {
  if (dials.take()) return null;
  const key = ends ?? dials;
  let lane = dialLanes.get(key);
  if (lane === undefined) dialLanes.set(key, lane = dials.lane());
  return new Promise((resolve) => lane.add(resolve));
}

/** A connection lent out, until `release`. */
export interface Lease {
  readonly stream: PooledStream;
  readonly backend: Backend;
  /** It carried requests before: that it breaks now may be no fault of this one. */
  readonly reused: boolean;
  /**
   * Gives it back; only the first call counts.
   * @param keepMs how long it may be used again; 0 closes it
   */
  release(keepMs: number): void;
}

/** The backend took HTTP/2 before and now speaks HTTP/1.1. */
class NoLongerH2 extends Error {}

/** See the module. */
export class BackendPool {
  /** Requests and passed-through connections under way, and connections being made for them. */
  active = 0;
  /** When the last connection attempt failed, by the monotonic clock; −Infinity when the last one succeeded. */
  #failedAt = -Infinity;
  /** Why the last connection couldn't be made; "" when it could. */
  failure = "";
  readonly #idle: IdleConnections;
  readonly #h2: H2Connections;
  /** What the last connection over TLS agreed on; null before the first. */
  #agreed: "h1" | "h2" | null = null;
  /** The first connection over TLS, while it is being made. */
  #asking: Promise<void> | null = null;

  constructor(readonly target: Target, readonly options: PoolOptions) {
    const { limits, deadlines, clock } = options;
    const now = () => clock.monotonic();
    this.#idle = new IdleConnections(limits, deadlines, now);
    this.#h2 = new H2Connections({
      // One client's PROXY header is on each connection, so there are as many as clients.
      maxConnections: Math.min(limits.maxConnections, target.proxyHeader === "" ? maxH2Connections : Infinity),
      settingsMs: limits.connectTimeoutMs,
      deadlines,
      now,
    });
  }

  get backend(): Backend {
    return this.target.backend;
  }

  get idle(): number {
    return this.#idle.size + this.#h2.idle;
  }

  /** Refused a connection lately. */
  get failing(): boolean {
    return this.options.clock.monotonic() - this.#failedAt < failedMs;
  }

  /** As `call`, when a connection of HTTP/1.1 is at hand; null when one is not, or HTTP/2 is spoken. */
  callNow({ fresh, repeatable, peer }: CallOptions): BackendCall | null {
    if (fresh || this.#idle.size === 0 || this.target.protocol !== "h1") return null;
    if (this.active >= this.options.limits.maxConnections) return null;
    const owner = ownerOf(this.target, peer);
    const idle = this.#idle.take(owner, repeatable);
    if (idle === null) return null;
    this.active++;
    return new H1Call(this.#lease(idle, owner, true));
  }

  /**
   * A connection, or a stream of one, for one HTTP request.
   * @throws PoolFull at the limits; Error with the reason, after `connectTimeoutMs` at the latest
   */
  async call(options: CallOptions): Promise<BackendCall> {
    const { protocol } = this.target;
    if (protocol === "h2c") return await this.#stream(options);
    if (protocol === "h1" || options.webSocket) return new H1Call(await this.lease(options));
    if (this.#agreed === "h1") return new H1Call(await this.lease(options));
    if (this.#agreed === null) await this.#ask(options.peer);
    try {
      // The answer may have been HTTP/1.1; then the connection waits among the idle ones.
      return this.#agreed === "h2" ? await this.#stream(options) : new H1Call(await this.lease(options));
    } catch (error) {
      if (!(error instanceof NoLongerH2)) throw error;
      return new H1Call(await this.lease(options));
    }
  }

  /** Has the backend choose a protocol, and keeps the connection for whoever comes. */
  #ask(peer: Peer): Promise<void> {
    return this.#asking ??= (async () => {
      try {
        const { stream, isH2 } = await this.#connect(peer, bothProtocols);
        const owner = ownerOf(this.target, peer);
        this.#agreed = isH2 ? "h2" : "h1";
        if (isH2) await this.#h2.adopt(stream, owner);
        else this.#idle.give(stream, owner, Infinity);
      } finally {
        this.#asking = null;
      }
    })();
  }

  async #stream(options: CallOptions): Promise<BackendCall> {
    this.active++;
    try {
      const place = await this.#h2.place(ownerOf(this.target, options.peer), () => this.#connectH2(options.peer));
      if (options.webSocket && !place.connection.extendedConnect) {
        place.release();
        throw new Error("the backend takes no WebSocket over HTTP/2 (RFC 8441)");
      }
      let released = false;
      return new H2Call({
        connection: place.connection,
        backend: this.backend,
        reused: place.reused,
        isSecure: this.target.protocol === "tls",
        release: () => {
          if (!released) this.active--;
          released = true;
          place.release();
        },
      });
    } catch (error) {
      this.active--;
      throw error;
    }
  }

  async #connectH2(peer: Peer): Promise<PooledStream> {
    const { stream, isH2 } = await this.#connect(peer, bothProtocols);
    if (isH2) return stream;
    this.#agreed = "h1";
    this.#idle.give(stream, ownerOf(this.target, peer), Infinity);
    throw new NoLongerH2();
  }

  /**
   * A connection of HTTP/1.1, or of bytes.
   * @throws as `call`
   */
  async lease({ peer, fresh, repeatable }: CallOptions): Promise<Lease> {
    const { limits } = this.options;
    if (this.active >= limits.maxConnections) throw new PoolFull(`${this.active} connections in use`);
    const owner = ownerOf(this.target, peer);
    const idle = fresh ? null : this.#idle.take(owner, repeatable);
    this.active++;
    if (idle !== null) return this.#lease(idle, owner, true);
    try {
      const turn = dialTurn(peer);
      if (turn !== null) {
        await turn;
        // Meanwhile one may have come back.
        const returned = fresh ? null : this.#idle.take(owner, repeatable);
        if (returned !== null) return this.#lease(returned, owner, true);
      }
      const { stream } = await this.#connect(peer, ["http/1.1"]);
      return this.#lease(stream, owner, false);
    } catch (error) {
      this.active--;
      throw error;
    }
  }

  #lease(stream: PooledStream, owner: string, reused: boolean): Lease {
    let released = false;
    return {
      stream,
      backend: this.backend,
      reused,
      release: (keepMs) => {
        if (released) return;
        released = true;
        this.active--;
        this.#idle.give(stream, owner, keepMs);
      },
    };
  }

  async #connect(peer: Peer, alpn: string[]): Promise<Dialled> {
    const { limits: { connectTimeoutMs: timeoutMs }, deadlines, ca, log } = this.options;
    const { backend: { key } } = this.target;
    const abort = spareAborts.pop() ?? new AbortController();
    const deadline = deadlines.open(() => abort.abort());
    deadline.set(timeoutMs);
    try {
      const dialled = await dial(this.target, { peer, alpn, timeoutMs, ca, signal: abort.signal });
      if (this.#failedAt !== -Infinity) log.info("Backend answers again", { backend: key });
      this.#failedAt = -Infinity;
      this.failure = "";
      return dialled;
    } catch (error) {
      const reason = abort.signal.aborted ? new Error(`no connection within ${timeoutMs} ms`) : error;
      if (this.#failedAt === -Infinity) {
        log.warn("Backend doesn't take connections", { backend: key, reason: messageOf(reason) });
      }
      this.#failedAt = this.options.clock.monotonic();
      this.failure = messageOf(reason);
      throw reason;
    } finally {
      deadline.close();
      if (!abort.signal.aborted && spareAborts.length < maxSpareAborts) spareAborts.push(abort);
    }
  }

  /** Closes the idle connections; those in use are closed when they come back. */
  close(): void {
    this.#idle.close();
    this.#h2.close();
  }
}
