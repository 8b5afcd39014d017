import type { Clock } from "@lib/clock/mod.ts";
import { messageOf } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import { acceptLoop, acceptTls, type ByteConnection, type CertificateFiles, listenTcp } from "@lib/tls/mod.ts";
import type { Counters } from "../counters.ts";
import type { Responder } from "./responder.ts";
import { SecureStream } from "./secure_stream.ts";
import { StreamConnection } from "./stream_connection.ts";

/** What one listener takes of its clients. */
export interface StreamLimits {
  /** A connection without a whole query for this long is closed, as is one whose handshake takes longer. */
  idleMs: number;
  maxConnections: number;
  maxPerClient: number;
}

export interface StreamListenerOptions extends StreamLimits {
  hostname: string;
  /** 0 for any free one. */
  port: number;
  /** DNS over TLS (RFC 7858) with these; absent: plain TCP (RFC 7766). */
  certificates?: CertificateFiles;
  answers: Responder;
  counters: Counters;
  clock: Clock;
  log: Logger;
}

/** How often idle connections are looked for: they live at most this much longer than `idleMs`. */
const sweepMs = 1000;

/**
 * On the way out a busy client is served on for nearly all of the drain: what it has sent when we end is lost, as it can't
 * know (RFC 7766 §6.2.4 has it ask again). The rest of the drain is for its last replies.
 */
const busyShare = 0.8;

/** RFC 7858 §3.2, registered for ALPN; a client that offers no protocol is taken too. */
const alpn = ["dot"];

/** DNS over TCP or TLS on one address. */
export class StreamListener {
  readonly #options: StreamListenerOptions;
  readonly #listener: Deno.TcpListener;
  readonly #stop = new AbortController();
  readonly #cut = new AbortController();
  readonly #accepting: Promise<void>;
  /** From accept to close, by what resolves when it's over. */
  readonly #open = new Set<Promise<void>>();
  readonly #connections = new Set<StreamConnection>();
  readonly #perClient = new Map<string, number>();
  readonly #sweep: ReturnType<typeof setInterval>;
  #finish: ((connection: StreamConnection) => void) | null = null;

  /** Binds and starts to answer; a second process may bind the same address. Throws Unavailable when it can't be bound. */
  constructor(options: StreamListenerOptions) {
    const { hostname, port, log } = options;
    this.#options = options;
    this.#listener = listenTcp({ kind: "tcp", hostname, port }, true);
    this.#accepting = acceptLoop(this.#listener, (accepted) => this.#accepted(accepted), log, this.#stop.signal);
    this.#sweep = setInterval(() => this.#closeIdle(), sweepMs);
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  /** Open now, handshakes included. */
  get connections(): number {
    return this.#open.size;
  }

  /**
   * Takes the connections that wait to be accepted, stops accepting, and ends each connection when its client falls
   * silent or after most of the drain, behind a reply; what is still there after `drainMs` is cut off.
   */
  async close(drainMs: number): Promise<void> {
    this.#finish = (connection) => connection.finish(drainMs * busyShare);
    this.#connections.forEach(this.#finish);
    const cut = setTimeout(() => {
      this.#cut.abort();
      for (const connection of this.#connections) connection.close();
    }, drainMs);
    this.#stop.abort();
    await this.#accepting;
    await Promise.all(this.#open);
    clearTimeout(cut);
    clearInterval(this.#sweep);
  }

  #accepted(accepted: Deno.TcpConn): void {
    const { maxConnections, maxPerClient, counters } = this.#options;
    const { hostname } = accepted.remoteAddr;
    const ofClient = this.#perClient.get(hostname) ?? 0;
    if (this.#open.size >= maxConnections || ofClient >= maxPerClient) {
      counters.tcpRejected++;
      accepted.close();
      return;
    }
    this.#perClient.set(hostname, ofClient + 1);
    const served = this.#serve(accepted).finally(() => {
      this.#open.delete(served);
      const left = this.#perClient.get(hostname)! - 1;
      if (left > 0) this.#perClient.set(hostname, left);
      else this.#perClient.delete(hostname);
    });
    this.#open.add(served);
  }

  /** Never rejects. */
  async #serve(accepted: Deno.TcpConn): Promise<void> {
    const { certificates, answers, clock, log } = this.#options;
    const { hostname: address, port } = accepted.remoteAddr;
    let stream: ByteConnection = accepted;
    if (certificates !== undefined) {
      try {
        stream = await this.#secured(accepted, certificates);
      } catch (error) {
        log.debug("Handshake failed", { remote: address, reason: messageOf(error) });
        return;
      }
    }
    const transport = certificates === undefined ? "tcp" : "tls";
    const connection = new StreamConnection({ stream, client: { address, port, transport }, answers, clock });
    this.#connections.add(connection);
    this.#finish?.(connection);
    await connection.serve();
    this.#connections.delete(connection);
  }

  async #secured(accepted: Deno.TcpConn, certificates: CertificateFiles): Promise<SecureStream> {
    const { idleMs: timeoutMs } = this.#options;
    const choose = () => certificates.context;
    return new SecureStream(await acceptTls(accepted, { choose, alpn, timeoutMs, signal: this.#cut.signal }));
  }

  #closeIdle(): void {
    const before = this.#options.clock.monotonic() - this.#options.idleMs;
    for (const connection of this.#connections) if (connection.idleSince(before)) connection.close();
  }
}
