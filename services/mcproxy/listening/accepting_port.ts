/**
 * One address that takes connections: how many at once, who they are from, and how they end when it closes.
 * @module
 */
import type { Logger } from "@lib/log/mod.ts";
import { acceptLoop, formatAddress, listenTcp, parseAddress } from "@lib/tls/mod.ts";
import type { Listener } from "../domain/listener.ts";
import { type Endpoint, TrustedSenders } from "../proxy_protocol/mod.ts";
import { closeQuietly } from "../stream/close_quietly.ts";
import { type Listed, Roster } from "../stream/roster.ts";
import type { Connections, OpenConnection } from "../traffic/connections.ts";
import { ListenerCounters } from "../traffic/counters.ts";
import type { Guard } from "./guard.ts";
import type { Door } from "./listener_set.ts";

/** A connection that was accepted, and what it can be told. */
export interface Accepted {
  readonly shown: OpenConnection;
  /** Who must send a PROXY header; null for nobody. */
  readonly senders: TrustedSenders | null;
  /** The port closes: finish soon. */
  readonly draining: boolean;
  /** Told to finish soon; set by whoever serves it. */
  drain(): void;
  /** Told to end now. */
  destroy(): void;
  /** It is known who the client is, and the firewall lets the address in: it counts among the address's from now on. */
  entered(client: Endpoint): void;
}

export interface AcceptingPortOptions {
  listener: Listener;
  /** Connections at once; above, new ones are closed at once. */
  maxConnections: number;
  /** Reads addresses and networks. @throws PlatformError `invalid` for one that is none */
  networks(cidrs: readonly string[]): { has(address: string): boolean };
  guard: Guard;
  connections: Connections;
  /** Milliseconds since the epoch. */
  now(): number;
  log: Logger;
  /** Has the connection until it settles, and closes it by then. */
  serve(conn: Deno.TcpConn, accepted: Accepted): Promise<void>;
}

/** See the module. */
export class AcceptingPort implements Door {
  readonly counters = new ListenerCounters();
  readonly address: string;
  readonly #options: AcceptingPortOptions;
  readonly #stop = new AbortController();
  readonly #loop: Promise<void>;
  readonly #open = new Roster<Connection>();
  #senders: TrustedSenders | null = null;
  #draining = false;
  #closing: Promise<void> | null = null;
  #emptied: (() => void) | null = null;

  /**
   * Listens from here on; a second process may listen on the same address (a restart without a gap).
   * @throws PlatformError `unavailable` when the address can't be bound
   */
  constructor(options: AcceptingPortOptions) {
    this.#options = options;
    this.trust(options.listener.proxyProtocolFrom);
    const address = parseAddress(options.listener.address, "listeners.addr");
    if (address.kind === "unix") throw new TypeError("a listener listens on TCP");
    const listener = listenTcp(address, true);
    const { hostname, port } = listener.addr;
    this.address = formatAddress({ kind: "tcp", hostname, port });
    this.#loop = acceptLoop(listener, (conn) => void this.#accepted(conn), options.log, this.#stop.signal);
  }

  get draining(): boolean {
    return this.#draining;
  }

  get senders(): TrustedSenders | null {
    return this.#senders;
  }

  trust(senders: readonly string[]): void {
    this.#senders = senders.length === 0 ? null : new TrustedSenders(this.#options.networks(senders));
  }

  /** Stops accepting, lets what is under way finish for `drainMs`, then ends the rest. Only the first call counts. */
  close(drainMs: number): Promise<void> {
    return this.#closing ??= this.#drain(drainMs);
  }

  async #drain(drainMs: number): Promise<void> {
    this.#draining = true;
    this.#stop.abort();
    await this.#loop;
    for (const open of [...this.#open.items]) open.drain();
    if (this.#open.size === 0) return;
    const emptied = new Promise<void>((resolve) => this.#emptied = resolve);
    const timer = setTimeout(() => {
      for (const open of [...this.#open.items]) open.destroy();
    }, drainMs);
    await emptied;
    clearTimeout(timer);
  }

  async #accepted(conn: Deno.TcpConn): Promise<void> {
    const { counters } = this;
    const { listener: { name }, maxConnections, connections, guard, now, serve, log } = this.#options;
    counters.accepted++;
    if (counters.active >= maxConnections) {
      counters.refuse("too_many_connections");
      return closeQuietly(conn);
    }
    counters.active++;
    const open = new Connection(this, connections.open(name, now()), guard, () => closeQuietly(conn));
    this.#open.add(open);
    try {
      conn.setNoDelay(true);
      await serve(conn, open);
    } catch (error) {
      log.error("Connection failed", { listener: name, error });
      open.destroy();
    } finally {
      open.left();
      connections.close(open.shown);
      counters.active--;
      this.#open.delete(open);
      if (this.#open.size === 0) this.#emptied?.();
    }
  }
}

class Connection implements Accepted, Listed {
  place = -1;
  drain = () => {};
  #address: string | null = null;

  constructor(
    readonly port: AcceptingPort,
    readonly shown: OpenConnection,
    readonly guard: Guard,
    public destroy: () => void,
  ) {}

  get senders(): TrustedSenders | null {
    return this.port.senders;
  }

  get draining(): boolean {
    return this.port.draining;
  }

  entered({ address, port }: Endpoint): void {
    this.#address = address;
    this.shown.client = formatAddress({ kind: "tcp", hostname: address, port });
    this.guard.opened(address);
  }

  /** It is over. */
  left(): void {
    if (this.#address !== null) this.guard.closed(this.#address);
  }
}
