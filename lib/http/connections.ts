/**
 * The open connections of one HTTP server and their time limits: one sweep a
 * second for all, rather than a timer per request.
 * @module
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Logger } from "@lib/log/mod.ts";
import type { StreamSocket } from "@lib/tls/mod.ts";
import type { HttpLimits } from "./limits.ts";

/** Limits are kept to within this, in ms; shorter limits are swept at half their length. */
const longestSweepMs = 1000;
/** A request body of which at most this much is still to come is read off, to keep the connection; more costs a new one. */
const discardBytes = 64 * 1024;

/**
 * While draining, a connection that had no request yet has this long for one, in ms: it may be on its way, and a client
 * whose first request isn't answered can't tell whether to repeat it.
 */
const firstRequestMs = 1000;

/** One connection. */
export interface Link {
  readonly socket: StreamSocket;
  /** Requests under way; more than one only when the client pipelines. */
  exchanges: Set<Exchange>;
  /** No request has come yet. */
  fresh: boolean;
  /** Since when it is idle, and how many bytes it had received by then. */
  idleSince: number;
  idleBytes: number;
  /** When the first byte of a request that isn't whole yet was noticed; 0: none. */
  headSince: number;
}

/** One request with its response, as the time limits see it. */
export class Exchange {
  /** Since when the client is waited for, on {@linkcode performance.now}; 0: it isn't. */
  waitingSince = 0;

  constructor(
    readonly connections: Connections,
    readonly link: Link,
    readonly incoming: IncomingMessage,
    readonly out: ServerResponse,
  ) {}

  /** The server needs the client to move: to send more of the body, or to take the response. */
  waiting(): void {
    if (this.waitingSince === 0) this.waitingSince = performance.now();
  }

  /** The client moved, or isn't needed. */
  moving(): void {
    this.waitingSince = 0;
  }

  /** Whether the connection can't serve another request after this one. */
  mustClose(): boolean {
    if (this.connections.draining) return true;
    if (this.incoming.complete) return false;
    const length = Number(this.incoming.headers["content-length"] ?? NaN);
    return !(length <= discardBytes);
  }

  /** The response is out, or given up. */
  end(): void {
    this.connections.ended(this);
  }
}

export class Connections {
  /** Each response says that it is its connection's last. */
  draining = false;
  readonly #limits: HttpLimits;
  readonly #sweepMs: number;
  readonly #log: Logger;
  readonly #links = new Map<StreamSocket, Link>();
  readonly #waiters: (() => void)[] = [];
  #timer: ReturnType<typeof setInterval> | undefined;
  #lastChance: ReturnType<typeof setTimeout> | undefined;

  constructor(limits: HttpLimits, log: Logger) {
    this.#limits = limits;
    const shortest = Math.min(limits.headerTimeoutMs, limits.idleTimeoutMs, limits.stallTimeoutMs);
    this.#sweepMs = Math.max(1, Math.min(longestSweepMs, shortest / 2));
    this.#log = log;
  }

  get size(): number {
    return this.#links.size;
  }

  add(socket: StreamSocket): void {
    const idleSince = performance.now();
    this.#links.set(socket, { socket, exchanges: new Set(), fresh: true, idleSince, idleBytes: 0, headSince: 0 });
    socket.once("close", () => this.#remove(socket));
    this.#timer ??= setInterval(() => this.#sweep(performance.now()), this.#sweepMs);
  }

  of(socket: StreamSocket): Link {
    const link = this.#links.get(socket);
    if (link === undefined) throw new Error("a request came over a connection that is closed");
    return link;
  }

  begin(link: Link, incoming: IncomingMessage, out: ServerResponse): Exchange {
    const exchange = new Exchange(this, link, incoming, out);
    link.exchanges.add(exchange);
    link.fresh = false;
    link.headSince = 0;
    return exchange;
  }

  ended(exchange: Exchange): void {
    const { link } = exchange;
    link.exchanges.delete(exchange);
    if (link.exchanges.size > 0) return;
    link.idleSince = performance.now();
    link.idleBytes = link.socket.bytesRead;
    link.headSince = 0;
    if (this.draining) link.socket.destroySoon();
  }

  /**
   * Closes idle connections; those that had no request yet within a second, or `withinMs` if that is less. The others
   * end with their response, by `draining`.
   */
  drain(withinMs: number): void {
    const close = (andFresh: boolean) => {
      for (const { socket, exchanges, fresh } of [...this.#links.values()]) {
        if (exchanges.size === 0 && (andFresh || !fresh)) socket.destroySoon();
      }
    };
    close(withinMs === 0);
    if (this.#links.size > 0) this.#lastChance = setTimeout(() => close(true), Math.min(withinMs, firstRequestMs));
  }

  /** Cuts everything. */
  destroy(): void {
    for (const socket of [...this.#links.keys()]) socket.destroy();
  }

  /** Resolves when no connection is open. */
  closed(): Promise<void> {
    return this.#links.size === 0 ? Promise.resolve() : new Promise((resolve) => this.#waiters.push(resolve));
  }

  #remove(socket: StreamSocket): void {
    this.#links.delete(socket);
    if (this.#links.size > 0) return;
    clearInterval(this.#timer);
    clearTimeout(this.#lastChance);
    this.#timer = undefined;
    for (const resolve of this.#waiters.splice(0)) resolve();
  }

  #sweep(now: number): void {
    for (const link of this.#links.values()) {
      if (link.exchanges.size > 0) this.#checkStall(link, now);
      else this.#checkIdle(link, now);
    }
  }

  #checkStall(link: Link, now: number): void {
    for (const { waitingSince } of link.exchanges) {
      if (waitingSince === 0 || now - waitingSince < this.#limits.stallTimeoutMs) continue;
      this.#log.info("Connection closed: the client stalled", { remote: link.socket.remoteAddress });
      link.socket.destroy();
    }
  }

  #checkIdle(link: Link, now: number): void {
    const { socket } = link;
    if (link.headSince === 0 && socket.bytesRead > link.idleBytes) link.headSince = now;
    const inHead = link.headSince !== 0;
    const over = inHead
      ? now - link.headSince >= this.#limits.headerTimeoutMs
      : now - link.idleSince >= this.#limits.idleTimeoutMs;
    if (!over) return;
    // Told to end a sweep ago, and still here: the client doesn't take the last bytes.
    if (socket.writableEnded) return void socket.destroy();
    if (inHead) socket.write("HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    socket.destroySoon();
  }
}
