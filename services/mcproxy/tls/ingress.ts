/**
 * One listener: accepts, has each connection's arrival decided, and gives it to its route, as it is (l4) or
 * decrypted (l7).
 * @module
 */
import type { Clock } from "@lib/clock/mod.ts";
import { messageOf } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import { alertRecord, alerts, type ClientHello, requireEngine } from "@lib/tls/mod.ts";
import { answerChallenge } from "../acme/answer_challenge.ts";
import type { ChallengeCertificate } from "../acme/challenge_table.ts";
import type { Listener } from "../domain/listener.ts";
import { matchedPath } from "../domain/route_path.ts";
import { routeFor } from "../domain/route_table.ts";
import { page } from "../h1/pages.ts";
import { type HttpLimits, Session } from "../h1/session.ts";
import { H2Session } from "../h2/session.ts";
import { passthrough } from "../l4/passthrough.ts";
import { type Accepted, AcceptingPort } from "../listening/accepting_port.ts";
import type { Guard } from "../listening/guard.ts";
import type { Door } from "../listening/listener_set.ts";
import { writeProxyV1, writeProxyV2 } from "../proxy_protocol/mod.ts";
import type { Gate } from "../relay/gate.ts";
import type { LiveRoute, Router } from "../routing/router.ts";
import type { ByteStream } from "../stream/byte_stream.ts";
import { closeQuietly } from "../stream/close_quietly.ts";
import { ConnStream } from "../stream/conn_stream.ts";
import type { Deadlines } from "../stream/deadlines.ts";
import type { TlsStream } from "../stream/tls_stream.ts";
import type { AccessLog } from "../traffic/access_log.ts";
import type { Connections } from "../traffic/connections.ts";
import type { ListenerCounters, Refusal, RouteCounters } from "../traffic/counters.ts";
import { ObservedConnection } from "../traffic/observed_connection.ts";
import type { Upstreams } from "../upstream/upstreams.ts";
import { type Arrival, arrive, type Client } from "./arrival.ts";
import { CertificateGate } from "./certificate_gate.ts";
import { noProof } from "./client_authority.ts";
import type { HelloLimits } from "./hello_reader.ts";
import { ClientRefused, terminate } from "./terminate.ts";

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
  /** As in relay/exchange_context.ts. */
  gate: Gate | null;
  upstreams: Upstreams;
  deadlines: Deadlines;
  /** Takes over what another process has changed in the store, at once. */
  refresh(): void;
  /** Null when none is configured. */
  accessLog: AccessLog | null;
  clock: Clock;
  log: Logger;
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
  readonly #options: IngressOptions;
  readonly #port: AcceptingPort;

  /**
   * Listens from here on; a second process may listen on the same address (a restart without a gap).
   * @throws PlatformError `unavailable` when the address can't be bound or the runtime's TLS isn't the one it takes
   */
  constructor(options: IngressOptions) {
    this.#options = options;
    const { listener, limits, networks, guard, connections, clock, log } = options;
    requireEngine();
    this.#port = new AcceptingPort({
      ...{ listener, networks, guard, connections, log },
      maxConnections: limits.maxConnections,
      now: () => clock.now(),
      serve: (conn, open) => this.#serve(conn, open),
    });
  }

  get name(): string {
    return this.#options.listener.name;
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
    const { limits, deadlines, router, guard, listener, challenge, log } = this.#options;
    const { name, kind } = listener;
    const arrival = await arrive(conn, {
      listener: name,
      kind,
      senders: open.senders,
      limits,
      guard,
      router,
      challenge,
      deadlines,
      entered: ({ source }) => open.entered(source),
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

  async #passthrough(conn: Deno.TcpConn, open: Accepted, { live, hostname, client, bytes }: Routed): Promise<void> {
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

  async #terminate(conn: Deno.TcpConn, open: Accepted, { live, hostname, client, bytes }: Routed): Promise<void> {
    const { limits, deadlines, guard, router, gate, upstreams, refresh, clock, accessLog, log } = this.#options;
    const unready = (reason: Refusal) =>
      this.#refuse(conn, { kind: "refused", reason, alert: alerts.internalError, bytes, detail: hostname });
    const context = router.contextOf(live);
    if (context === null) return await unready("no_certificate");
    const isRequired = live.route.clientCert === "required";
    const authority = router.clientAuthorityOf(live)?.value ?? null;
    if (isRequired && authority === null) return await unready("no_client_ca");
    const { address: remote } = client.source;
    let stream: TlsStream;
    try {
      stream = await terminate(conn, {
        context,
        question: authority === null ? null : {
          ca: authority.pem,
          isRequired,
          takesSession: (chain) => authority.takesSession(chain, isRequired, clock.now()),
        },
        peeked: bytes,
        deadlines,
        handshakeMs: limits.handshakeMs,
      });
    } catch (error) {
      this.counters.refuse(error instanceof ClientRefused ? error.refusal : "handshake_failed");
      log.debug("Handshake failed", { hostname, remote, reason: messageOf(error) });
      return;
    }
    open.shown.stream = stream;
    open.destroy = () => stream.destroy();
    const proof = authority === null ? noProof : await authority.prove(stream, clock.now());
    if (proof.problem !== "") {
      log.debug("Client certificate not taken", { hostname, remote, reason: proof.problem });
      if (isRequired) this.counters.refuse("bad_client_certificate");
    }
    const clients = new CertificateGate({
      proof,
      root: live,
      authority: (root) => router.clientAuthorityOf(root)?.value ?? null,
      now: () => clock.now(),
      leave: () => session.drain(),
    });
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
        clients.root = host.root;
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
      clients,
      gate,
      upstreams,
      deadlines,
      limits: limits.http,
      observer: new ObservedConnection({
        ...{ clock, accessLog, listener: this.name, client: remote, hostname },
        alpn: stream.alpnProtocol || "",
        certificate: proof.certificate,
        counters: live.counters,
      }),
      date: () => new Date(clock.now()).toUTCString(),
      moved: meter(stream, live.counters),
      log,
    };
    const session: Session | H2Session = isH2 ? new H2Session(options) : new Session(options);
    open.drain = () => session.drain();
    if (open.draining) session.drain();
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
  user: "",
  userAgent: "",
  isTls: false,
  alpn: "",
  certificate: null,
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
