/**
 * One listener: accepts, has each connection's arrival decided, and gives it to its route, as it is (l4) or
 * decrypted (l7).
 * @module
 */
import type { Clock } from "@lib/clock/mod.ts";
import { messageOf } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import {
  acceptLoop,
  alertRecord,
  alerts,
  type ClientHello,
  formatAddress,
  listenTcp,
  parseAddress,
  requireEngine,
} from "@lib/tls/mod.ts";
import { answerChallenge } from "../acme/answer_challenge.ts";
import type { ChallengeCertificate } from "../acme/challenge_table.ts";
import type { Listener } from "../domain/listener.ts";
import { matchedPath } from "../domain/route_path.ts";
import { routeFor } from "../domain/route_table.ts";
import { page } from "../h1/pages.ts";
import { type HttpLimits, Session } from "../h1/session.ts";
import { H2Session } from "../h2/session.ts";
import { passthrough } from "../l4/passthrough.ts";
import type { Guard } from "../listening/guard.ts";
import type { Door } from "../listening/listener_set.ts";
import { TrustedSenders, writeProxyV1, writeProxyV2 } from "../proxy_protocol/mod.ts";
import type { LiveRoute, Router } from "../routing/router.ts";
import type { ByteStream } from "../stream/byte_stream.ts";
import { ConnStream } from "../stream/conn_stream.ts";
import type { Deadlines } from "../stream/deadlines.ts";
import type { TlsStream } from "../stream/tls_stream.ts";
import type { AccessLog } from "../traffic/access_log.ts";
import type { Connections, OpenConnection } from "../traffic/connections.ts";
import { ListenerCounters, type RouteCounters } from "../traffic/counters.ts";
import { ObservedConnection } from "../traffic/observed_connection.ts";
import type { Upstreams } from "../upstream/upstreams.ts";
import { type Arrival, arrive, type Client } from "./arrival.ts";
import type { HelloLimits } from "./hello_reader.ts";
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
  listener: Listener;
  limits: IngressLimits;
  /** Reads addresses and networks. @throws PlatformError `invalid` for one that is none */
  networks(cidrs: readonly string[]): { has(address: string): boolean };
  guard: Guard;
  connections: Connections;
  router: Router;
  /** As in arrival.ts. */
  challenge(hello: ClientHello): ChallengeCertificate | null;
  upstreams: Upstreams;
  deadlines: Deadlines;
  /** Takes over what another process has changed in the store, at once. */
  refresh(): void;
  /** Null when none is configured. */
  accessLog: AccessLog | null;
  clock: Clock;
  log: Logger;
}

/** What of a connection can be told to stop. */
interface Open {
  readonly shown: OpenConnection;
  /** Finish soon. */
  drain(): void;
  /** End now. */
  destroy(): void;
}

/** A connection on its way to its route. */
interface Routed {
  readonly live: LiveRoute;
  readonly hostname: string;
  readonly client: Client;
  /** Of the client, read already. */
  readonly bytes: Uint8Array;
}

/** See the module. */
export class Ingress implements Door {
  readonly counters = new ListenerCounters();
  /** With the port in use. */
  readonly address: string;
  readonly #options: IngressOptions;
  readonly #stop = new AbortController();
  readonly #loop: Promise<void>;
  readonly #open = new Set<Open>();
  #senders: TrustedSenders | null = null;
  #draining = false;
  #closing: Promise<void> | null = null;
  #emptied: (() => void) | null = null;

  /**
   * Listens from here on; a second process may listen on the same address (a restart without a gap).
   * @throws PlatformError `unavailable` when the address can't be bound or the runtime's TLS isn't the one it takes
   */
  constructor(options: IngressOptions) {
    this.#options = options;
    this.trust(options.listener.proxyProtocolFrom);
    const address = parseAddress(options.listener.address, "listeners.addr");
    if (address.kind === "unix") throw new TypeError("an ingress listens on TCP");
    requireEngine();
    const listener = listenTcp(address, true);
    const { hostname, port } = listener.addr;
    this.address = formatAddress({ kind: "tcp", hostname, port });
    this.#loop = acceptLoop(listener, (conn) => void this.#accepted(conn), options.log, this.#stop.signal);
  }

  get name(): string {
    return this.#options.listener.name;
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
    const { limits, connections, guard, clock, log } = this.#options;
    counters.accepted++;
    if (counters.active >= limits.maxConnections) {
      counters.refuse("too_many_connections");
      return closeQuietly(conn);
    }
    counters.active++;
    const shown = connections.open(this.name, clock.now());
    const open: Open = { shown, drain() {}, destroy: () => closeQuietly(conn) };
    this.#open.add(open);
    let address: string | null = null;
    const entered = ({ source }: Client) => {
      address = source.address;
      shown.client = formatAddress({ kind: "tcp", hostname: source.address, port: source.port });
      guard.opened(address);
    };
    try {
      conn.setNoDelay(true);
      await this.#serve(conn, open, entered);
    } catch (error) {
      log.error("Connection failed", { listener: this.name, error });
      open.destroy();
    } finally {
      if (address !== null) guard.closed(address);
      connections.close(shown);
      counters.active--;
      this.#open.delete(open);
      if (this.#open.size === 0) this.#emptied?.();
    }
  }

  async #serve(conn: Deno.TcpConn, open: Open, entered: (client: Client) => void): Promise<void> {
    const { limits, deadlines, router, guard, listener, challenge, log } = this.#options;
    const { name, kind } = listener;
    const arrival = await arrive(conn, {
      listener: name,
      kind,
      senders: this.#senders,
      limits,
      guard,
      router,
      challenge,
      deadlines,
      entered,
    });
    if (arrival.kind === "refused") return await this.#refuse(conn, arrival);
    if (arrival.kind === "challenge") {
      open.shown.protocol = "acme";
      const timing = { deadlines, timeoutMs: limits.handshakeMs };
      const problem = await answerChallenge(conn, arrival.bytes, arrival.certificate, timing);
      return problem === "" ? undefined : log.warn("Cannot answer an ACME challenge", { listener: name, problem });
    }
    const { host: { root: live }, hostname, client, bytes } = arrival;
    open.shown.hostname = hostname;
    live.counters.connections++;
    live.counters.active++;
    try {
      const routed = { live, hostname, client, bytes };
      if (live.route.mode === "l4") await this.#passthrough(conn, open, routed);
      else await this.#terminate(conn, open, routed);
    } finally {
      live.counters.active--;
    }
  }

  async #passthrough(conn: Deno.TcpConn, open: Open, { live, hostname, client, bytes }: Routed): Promise<void> {
    const { limits, upstreams, deadlines, router, refresh, listener, clock, accessLog } = this.#options;
    const { backends, sendProxyProtocol } = live.route;
    const stream = new ConnStream(conn);
    stream.unread(bytes);
    live.counters.bytesIn += bytes.length;
    open.destroy = () => stream.destroy();
    open.shown.stream = stream;
    const protocol = listener.kind === "tcp" ? "tcp" : "l4";
    open.shown.protocol = protocol;
    const began = clock.monotonic();
    const backend = await passthrough({
      client: stream,
      backends,
      current: () => {
        refresh();
        const now = router.find(this.name, hostname)?.root.route;
        return now?.mode === "l4" ? now.backends : backends;
      },
      preface: sendProxyProtocol === ""
        ? null
        : sendProxyProtocol === "v1"
        ? writeProxyV1(client)
        : writeProxyV2(client, hostname === "" ? {} : { authority: hostname }),
      counters: live.counters,
      upstreams,
      deadlines,
      idleMs: limits.tunnelIdleMs,
      moved: meter(stream, live.counters),
    });
    accessLog?.write({
      ...{ at: open.shown.openedAt, client: client.source.address, listener: this.name, hostname, protocol },
      ...{ requestBytes: bytes.length + stream.bytesRead, responseBytes: stream.bytesWritten },
      ...{ durationMs: clock.monotonic() - began, backend },
      ...nothingOfHttp,
    });
  }

  async #terminate(conn: Deno.TcpConn, open: Open, { live, hostname, client, bytes }: Routed): Promise<void> {
    const { limits, deadlines, guard, router, upstreams, refresh, clock, accessLog, log } = this.#options;
    const context = router.contextOf(live);
    if (context === null) {
      const reason = "no_certificate";
      return await this.#refuse(conn, {
        kind: "refused",
        reason,
        alert: alerts.internalError,
        bytes,
        detail: hostname,
      });
    }
    const { address: remote } = client.source;
    let stream: TlsStream;
    try {
      stream = await terminate(conn, {
        context,
        peeked: bytes,
        deadlines,
        handshakeMs: limits.handshakeMs,
      });
    } catch (error) {
      this.counters.refuse("handshake_failed");
      log.debug("Handshake failed", { hostname, remote, reason: messageOf(error) });
      return;
    }
    open.shown.stream = stream;
    const isH2 = stream.alpnProtocol === "h2";
    open.shown.protocol = isH2 ? "h2" : "http/1.1";
    const options = {
      client: stream,
      peer: client,
      hostname,
      route: (target: string, look?: "look again") => {
        if (look !== undefined) refresh();
        // A change of the route holds for the next request of a connection that is open, too.
        const host = router.find(this.name, hostname);
        if (host === undefined || host.root.route.mode === "l4") return null;
        return host.below.length === 0 ? host.root : routeFor(host, matchedPath(target));
      },
      refusal: (target: string, userAgent: string) => {
        open.shown.requests++;
        const at = { listener: this.name, address: remote, hostname, path: target, userAgent };
        const verdict = guard.request(at);
        if (verdict.allowed) return null;
        log.debug("Request refused", { hostname, remote, rule: verdict.rule, reason: verdict.reason });
        return verdict;
      },
      upstreams,
      deadlines,
      limits: limits.http,
      observer: new ObservedConnection({
        ...{ clock, accessLog, listener: this.name, client: remote, hostname },
        alpn: stream.alpnProtocol || "",
        counters: live.counters,
      }),
      date: () => new Date(clock.now()).toUTCString(),
      moved: meter(stream, live.counters),
      log,
    };
    const session = isH2 ? new H2Session(options) : new Session(options);
    open.drain = () => session.drain();
    open.destroy = () => stream.destroy();
    if (this.#draining) session.drain();
    await session.run();
    if (session instanceof H2Session && session.fault !== null) this.counters.h2Fault(session.fault);
  }

  /** Counts and closes; with an alert where the other side speaks TLS, in words where it speaks plain HTTP. */
  async #refuse(conn: Deno.TcpConn, refused: Extract<Arrival, { kind: "refused" }>): Promise<void> {
    const { log, clock } = this.#options;
    const { reason, alert, bytes, detail } = refused;
    this.counters.refuse(reason);
    log.debug("Connection refused", { listener: this.name, reason, detail });
    try {
      if (alert !== null) await conn.write(alertRecord(alert));
      else if (reason === "not_tls" && looksLikeHttp(bytes)) {
        const date = new Date(clock.now()).toUTCString();
        await conn.write(page(400, "this port speaks HTTPS", { close: true, head: false, date }));
      }
      await conn.closeWrite();
    } catch {
      // Gone already; nobody misses the answer.
    }
    closeQuietly(conn);
  }
}

/** Of a line of the access log. */
const nothingOfHttp = {
  method: "",
  target: "",
  status: 0,
  rule: "",
  userAgent: "",
  alpn: "",
  traceparent: "",
  requestId: "",
  isCut: false,
};

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
