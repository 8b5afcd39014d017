/**
 * The listener for plain HTTP, port 80: sends everybody to HTTPS, and answers ACME's http-01 challenges.
 * @module
 */
import type { Logger } from "@lib/log/mod.ts";
import { acceptLoop, formatAddress, listenTcp, parseAddress } from "@lib/tls/mod.ts";
import type { Listener } from "../domain/listener.ts";
import type { Guard } from "../listening/guard.ts";
import type { Door } from "../listening/listener_set.ts";
import { receiveClient, TrustedSenders } from "../proxy_protocol/mod.ts";
import { ConnStream } from "../stream/conn_stream.ts";
import type { Deadlines } from "../stream/deadlines.ts";
import type { Connections, OpenConnection } from "../traffic/connections.ts";
import { ListenerCounters } from "../traffic/counters.ts";
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

/** What of a connection can be told to stop. */
interface Open {
  drain(): void;
  destroy(): void;
}

/** See the module. */
export class RedirectListener implements Door {
  readonly counters = new ListenerCounters();
  readonly address: string;
  readonly #options: RedirectListenerOptions;
  readonly #stop = new AbortController();
  readonly #loop: Promise<void>;
  readonly #open = new Set<Open>();
  #senders: TrustedSenders | null = null;
  #draining = false;
  #closing: Promise<void> | null = null;
  #emptied: (() => void) | null = null;

  /**
   * Listens from here on; a second process may listen on the same address (a restart without a gap).
   * @throws PlatformError `unavailable` when the address can't be bound
   */
  constructor(options: RedirectListenerOptions) {
    this.#options = options;
    this.trust(options.listener.proxyProtocolFrom);
    const address = parseAddress(options.listener.address, "listeners.addr");
    if (address.kind === "unix") throw new TypeError("a redirect listener listens on TCP");
    const listener = listenTcp(address, true);
    const { hostname, port } = listener.addr;
    this.address = formatAddress({ kind: "tcp", hostname, port });
    this.#loop = acceptLoop(listener, (conn) => void this.#accepted(conn), options.log, this.#stop.signal);
  }

  trust(senders: readonly string[]): void {
    this.#senders = senders.length === 0 ? null : new TrustedSenders(this.#options.networks(senders));
  }

  close(drainMs: number): Promise<void> {
    return this.#closing ??= this.#drain(drainMs);
  }

  async #drain(drainMs: number): Promise<void> {
    this.#draining = true;
    this.#stop.abort();
    await this.#loop;
    for (const open of [...this.#open]) open.drain();
    if (this.#open.size === 0) return;
    const emptied = new Promise<void>((resolve) => this.#emptied = resolve);
    const timer = setTimeout(() => {
      for (const open of [...this.#open]) open.destroy();
    }, drainMs);
    await emptied;
    clearTimeout(timer);
  }

  async #accepted(conn: Deno.TcpConn): Promise<void> {
    const { counters } = this;
    const { listener, limits, connections, now, log } = this.#options;
    counters.accepted++;
    const client = new ConnStream(conn);
    if (counters.active >= limits.maxConnections) {
      counters.refuse("too_many_connections");
      return client.destroy();
    }
    counters.active++;
    const shown = connections.open(listener.name, now());
    const open: Open = { drain: () => client.destroy(), destroy: () => client.destroy() };
    this.#open.add(open);
    try {
      conn.setNoDelay(true);
      await this.#serve(conn, client, open, shown);
    } catch (error) {
      log.error("Connection failed", { listener: listener.name, error });
    } finally {
      client.destroy();
      connections.close(shown);
      counters.active--;
      this.#open.delete(open);
      if (this.#open.size === 0) this.#emptied?.();
    }
  }

  async #serve(conn: Deno.TcpConn, client: ConnStream, open: Open, shown: OpenConnection): Promise<void> {
    const { listener: { name }, limits, guard, rules, deadlines, now } = this.#options;
    const received = await receiveClient(conn, this.#senders, { headerMs: limits.helloMs }, deadlines);
    if (received.kind === "refused") return this.counters.refuse(received.reason);
    const { address } = received.source;
    if (!guard.connection({ listener: name, address }).allowed) return this.counters.refuse("firewall");
    client.unread(received.bytes);
    guard.opened(address);
    try {
      shown.client = address;
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
      if (this.#draining) session.drain();
      await session.run();
    } finally {
      guard.closed(address);
    }
  }
}
