import type { Clock } from "@lib/clock/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import { acceptLoop, listenTcp } from "@lib/tls/mod.ts";
import type { Answers } from "../answer.ts";
import type { Counters } from "../counters.ts";
import { TcpConnection } from "./stream_connection.ts";

export interface TcpListenerOptions {
  hostname: string;
  /** 0 for any free one. */
  port: number;
  answers: Answers;
  counters: Counters;
  clock: Clock;
  log: Logger;
  /** A connection without a whole query for this long is closed. */
  idleMs: number;
  maxConnections: number;
  maxPerClient: number;
}

/** How often idle connections are looked for: they live at most this much longer than `idleMs`. */
const sweepMs = 1000;

/** DNS over TCP on one address (RFC 7766). */
export class TcpListener {
  readonly #options: TcpListenerOptions;
  readonly #listener: Deno.TcpListener;
  readonly #accepting: Promise<void>;
  readonly #connections = new Map<TcpConnection, Promise<void>>();
  readonly #perClient = new Map<string, number>();
  readonly #sweep: ReturnType<typeof setInterval>;

  /** Binds and starts to answer; a second process may bind the same address. Throws Unavailable when it can't be bound. */
  constructor(options: TcpListenerOptions) {
    const { hostname, port, log } = options;
    this.#options = options;
    this.#listener = listenTcp({ kind: "tcp", hostname, port }, true);
    this.#accepting = acceptLoop(this.#listener, (connection) => this.#accepted(connection), log);
    this.#sweep = setInterval(() => this.#closeIdle(), sweepMs);
  }

  get port(): number {
    return (this.#listener.addr as Deno.NetAddr).port;
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** Stops accepting, lets replies under way go out, closes; what is still there after `drainMs` is cut off. */
  async close(drainMs: number): Promise<void> {
    clearInterval(this.#sweep);
    this.#listener.close();
    await this.#accepting;
    for (const connection of this.#connections.keys()) connection.finish();
    const cutOff = setTimeout(() => {
      for (const connection of this.#connections.keys()) connection.close();
    }, drainMs);
    await Promise.all(this.#connections.values());
    clearTimeout(cutOff);
  }

  #accepted(connection: Deno.TcpConn): void {
    const { maxConnections, maxPerClient, answers, counters, clock } = this.#options;
    const address = connection.remoteAddr.hostname;
    const ofClient = this.#perClient.get(address) ?? 0;
    if (this.#connections.size >= maxConnections || ofClient >= maxPerClient) {
      counters.tcpRejected++;
      connection.close();
      return;
    }
    this.#perClient.set(address, ofClient + 1);
    const one = new TcpConnection(connection, { address, transport: "tcp" }, answers, clock);
    const served = one.serve().finally(() => {
      this.#connections.delete(one);
      const left = this.#perClient.get(address)! - 1;
      if (left > 0) this.#perClient.set(address, left);
      else this.#perClient.delete(address);
    });
    this.#connections.set(one, served);
  }

  #closeIdle(): void {
    const before = this.#options.clock.monotonic() - this.#options.idleMs;
    for (const connection of this.#connections.keys()) {
      if (connection.lastActive < before) connection.close();
    }
  }
}
