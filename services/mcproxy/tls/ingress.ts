/**
 * One listener: accepts, reads the ClientHello, and gives each connection to
 * its route, as it is (l4) or decrypted (l7).
 * @module
 */
import { messageOf } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import { acceptLoop, alertRecord, alerts, formatAddress, listenTcp, parseAddress } from "@lib/tls/mod.ts";
import { page } from "../h1/pages.ts";
import { type HttpLimits, Session } from "../h1/session.ts";
import { passthrough } from "../l4/passthrough.ts";
import type { LiveRoute, Router } from "../routing/router.ts";
import type { ByteStream } from "../stream/byte_stream.ts";
import { ConnStream } from "../stream/conn_stream.ts";
import type { Deadlines } from "../stream/deadlines.ts";
import type { TlsStream } from "../stream/tls_stream.ts";
import { ListenerCounters, type Refusal, type RouteCounters } from "../traffic/counters.ts";
import type { Upstreams } from "../upstream/upstreams.ts";
import { admit } from "./admission.ts";
import { type HelloLimits, readHello } from "./hello_reader.ts";
import { terminate } from "./terminate.ts";

export interface IngressLimits extends HelloLimits {
  /** Connections at once on one listener, unfinished handshakes included. */
  maxConnections: number;
  handshakeMs: number;
  http: HttpLimits;
  /** A passthrough connection without a byte for this long, ms, is closed. */
  tunnelIdleMs: number;
}

export interface IngressOptions {
  name: string;
  /** "host:port". */
  address: string;
  limits: IngressLimits;
  router: Router;
  upstreams: Upstreams;
  deadlines: Deadlines;
  /** Takes over what another process has changed in the store, at once. */
  refresh(): void;
  /** IMF-fixdate of now. */
  date(): string;
  log: Logger;
}

/** What of a connection can be told to stop. */
interface Open {
  /** Finish soon. */
  drain(): void;
  /** End now. */
  destroy(): void;
}

/** See the module. */
export class Ingress {
  readonly counters = new ListenerCounters();
  /** With the port in use. */
  readonly address: string;
  readonly #options: IngressOptions;
  readonly #listener: Deno.TcpListener;
  readonly #loop: Promise<void>;
  readonly #open = new Set<Open>();
  #draining = false;
  #closing: Promise<void> | null = null;
  #emptied: (() => void) | null = null;

  /**
   * Listens from here on; a second process may listen on the same address (a restart without a gap).
   * @throws PlatformError `unavailable` when the address can't be bound
   */
  constructor(options: IngressOptions) {
    this.#options = options;
    const address = parseAddress(options.address, "listeners.addr");
    if (address.kind === "unix") throw new TypeError("an ingress listens on TCP");
    this.#listener = listenTcp(address, true);
    const { hostname, port } = this.#listener.addr;
    this.address = formatAddress({ kind: "tcp", hostname, port });
    this.#loop = acceptLoop(this.#listener, (conn) => void this.#accepted(conn), options.log);
  }

  get name(): string {
    return this.#options.name;
  }

  /** Stops accepting, lets what is under way finish for `drainMs`, then ends the rest. Only the first call counts. */
  close(drainMs: number): Promise<void> {
    return this.#closing ??= this.#drain(drainMs);
  }

  async #drain(drainMs: number): Promise<void> {
    this.#draining = true;
    this.#listener.close();
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
    counters.accepted++;
    if (counters.active >= this.#options.limits.maxConnections) {
      counters.refuse("too_many_connections");
      return closeQuietly(conn);
    }
    counters.active++;
    const open: Open = { drain() {}, destroy: () => closeQuietly(conn) };
    this.#open.add(open);
    try {
      conn.setNoDelay(true);
      await this.#serve(conn, open);
    } catch (error) {
      this.#options.log.error("Connection failed", { listener: this.name, error });
      open.destroy();
    } finally {
      counters.active--;
      this.#open.delete(open);
      if (this.#open.size === 0) this.#emptied?.();
    }
  }

  async #serve(conn: Deno.TcpConn, open: Open): Promise<void> {
    const { limits, deadlines, router } = this.#options;
    const outcome = await readHello(conn, limits, deadlines);
    if (outcome.kind === "refused") return await this.#refuse(conn, outcome.reason, outcome.alert, outcome.bytes);
    const admission = admit(outcome.hello, this.name, router);
    if (admission.kind === "refused") return await this.#refuse(conn, admission.reason, admission.alert, outcome.bytes);
    const { live, hostname } = admission;
    live.counters.connections++;
    live.counters.active++;
    try {
      if (live.route.mode === "l4") await this.#passthrough(conn, open, outcome.bytes, live);
      else await this.#terminate(conn, open, outcome.bytes, live, hostname);
    } finally {
      live.counters.active--;
    }
  }

  async #passthrough(conn: Deno.TcpConn, open: Open, hello: Uint8Array, live: LiveRoute): Promise<void> {
    const { limits, upstreams, deadlines, router, refresh } = this.#options;
    const { hostname, backends } = live.route;
    const client = new ConnStream(conn);
    client.unread(hello);
    live.counters.bytesIn += hello.length;
    open.destroy = () => client.destroy();
    await passthrough({
      client,
      backends,
      current: () => {
        refresh();
        const now = router.find(this.name, hostname);
        return now?.route.mode === "l4" ? now.route.backends : backends;
      },
      counters: live.counters,
      upstreams,
      deadlines,
      idleMs: limits.tunnelIdleMs,
      moved: meter(client, live.counters),
    });
  }

  async #terminate(
    conn: Deno.TcpConn,
    open: Open,
    hello: Uint8Array,
    live: LiveRoute,
    hostname: string,
  ): Promise<void> {
    const { limits, deadlines, router, upstreams, refresh, date, log } = this.#options;
    const context = router.contextOf(live);
    if (context === null) return await this.#refuse(conn, "no_certificate", alerts.internalError, hello);
    const { hostname: remote, port } = conn.remoteAddr;
    let client: TlsStream;
    try {
      client = await terminate(conn, {
        context,
        peeked: hello,
        remote: { address: remote, port },
        deadlines,
        handshakeMs: limits.handshakeMs,
      });
    } catch (error) {
      this.counters.refuse("handshake_failed");
      log.debug("Handshake failed", { hostname, remote, reason: messageOf(error) });
      return;
    }
    const session = new Session({
      client,
      remote,
      hostname,
      route: (look) => {
        if (look !== undefined) refresh();
        // A change of the route holds for the next request of a connection that is open, too.
        const now = router.find(this.name, hostname);
        return now?.route.mode === "l7" ? { backends: now.route.backends, counters: now.counters } : null;
      },
      upstreams,
      deadlines,
      limits: limits.http,
      date,
      moved: meter(client, live.counters),
      log,
    });
    open.drain = () => session.drain();
    open.destroy = () => client.destroy();
    if (this.#draining) session.drain();
    await session.run();
  }

  /** Counts and closes; with an alert where the other side speaks TLS, in words where it speaks plain HTTP. */
  async #refuse(conn: Deno.TcpConn, reason: Refusal, alert: number | null, bytes: Uint8Array): Promise<void> {
    const { log, date } = this.#options;
    this.counters.refuse(reason);
    log.debug("Connection refused", { listener: this.name, reason });
    try {
      if (alert !== null) await conn.write(alertRecord(alert));
      else if (reason === "not_tls" && looksLikeHttp(bytes)) {
        await conn.write(page(400, "this port speaks HTTPS", { close: true, head: false, date: date() }));
      }
      await conn.closeWrite();
    } catch {
      // Gone already; nobody misses the answer.
    }
    closeQuietly(conn);
  }
}

/** Adds what has passed over the client's side since the last call; the first counts what came before it. */
function meter(stream: ByteStream, counters: RouteCounters): () => void {
  let read = 0;
  let written = 0;
  return () => {
    counters.bytesIn += stream.bytesRead - read;
    counters.bytesOut += stream.bytesWritten - written;
    read = stream.bytesRead;
    written = stream.bytesWritten;
  };
}

function looksLikeHttp(bytes: Uint8Array): boolean {
  return /^(GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH) /.test(String.fromCharCode(...bytes.subarray(0, 8)));
}

function closeQuietly(conn: Deno.TcpConn): void {
  try {
    conn.close();
  } catch {
    // Closed by an error before.
  }
}
