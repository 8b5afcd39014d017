/**
 * The listener for plain HTTP, port 80: sends everybody to HTTPS, and answers ACME's http-01 challenges.
 * @module
 */
import type { Logger } from "@lib/log/mod.ts";
import type { Listener } from "../domain/listener.ts";
import { type Accepted, AcceptingPort } from "../listening/accepting_port.ts";
import type { Guard } from "../listening/guard.ts";
import type { Door } from "../listening/listener_set.ts";
import { receiveClient } from "../proxy_protocol/mod.ts";
import { ConnStream } from "../stream/conn_stream.ts";
import type { Deadlines } from "../stream/deadlines.ts";
import type { Connections } from "../traffic/connections.ts";
import type { ListenerCounters } from "../traffic/counters.ts";
import { type RedirectLimits, type RedirectRules, RedirectSession } from "./redirect_session.ts";

export interface RedirectListenerOptions {
  listener: Listener;
  limits: RedirectLimits & { maxConnections: number; /** For a PROXY header, ms. */ helloMs: number };
  /** Reads addresses and networks. @throws PlatformError `invalid` for one that is none */
  networks(cidrs: readonly string[]): { has(address: string): boolean };
  guard: Guard;
  connections: Connections;
  rules: RedirectRules;
  deadlines: Deadlines;
  /** Milliseconds since the epoch. */
  now(): number;
  log: Logger;
}

/** See the module. */
export class RedirectListener implements Door {
  readonly #options: RedirectListenerOptions;
  readonly #port: AcceptingPort;

  /**
   * Listens from here on; a second process may listen on the same address (a restart without a gap).
   * @throws PlatformError `unavailable` when the address can't be bound
   */
  constructor(options: RedirectListenerOptions) {
    this.#options = options;
    const { listener, limits, networks, guard, connections, now, log } = options;
    this.#port = new AcceptingPort({
      ...{ listener, networks, guard, connections, now, log },
      maxConnections: limits.maxConnections,
      serve: (conn, open) => this.#serve(conn, open),
    });
  }

  get address(): string {
    return this.#port.address;
  }

  get counters(): ListenerCounters {
    return this.#port.counters;
  }

  trust(senders: readonly string[]): void {
    this.#port.trust(senders);
  }

  close(drainMs: number): Promise<void> {
    return this.#port.close(drainMs);
  }

  async #serve(conn: Deno.TcpConn, open: Accepted): Promise<void> {
    const client = new ConnStream(conn);
    open.drain = open.destroy = () => client.destroy();
    try {
      await this.#answer(conn, client, open);
    } finally {
      client.destroy();
    }
  }

  async #answer(conn: Deno.TcpConn, client: ConnStream, open: Accepted): Promise<void> {
    const { listener: { name }, limits, guard, rules, deadlines, now } = this.#options;
    const { shown } = open;
    const received = await receiveClient(conn, open.senders, { headerMs: limits.helloMs }, deadlines);
    if (received.kind === "refused") return this.counters.refuse(received.reason);
    const { address } = received.source;
    if (!guard.connection({ listener: name, address }).allowed) return this.counters.refuse("firewall");
    open.entered(received.source);
    client.unread(received.bytes);
    shown.protocol = "http/1.1";
    shown.stream = client;
    const session = new RedirectSession({
      client,
      rules,
      limits,
      deadlines,
      admit: (at) => guard.request({ listener: name, address, ...at }),
      requested: (hostname) => {
        shown.hostname = hostname;
        shown.requests++;
      },
      date: () => new Date(now()).toUTCString(),
    });
    open.drain = () => session.drain();
    if (open.draining) session.drain();
    await session.run();
  }
}
