/**
 * TLS servers. Every TLS listener of the platform is this one or, where one
 * port serves many certificates, is built on {@linkcode acceptTls}.
 * @module
 */
import { invalid, messageOf } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import { acceptLoop } from "./accept_loop.ts";
import { acceptTls } from "./accept_tls.ts";
import { formatAddress, parseAddress } from "./address.ts";
import { listenTcp } from "./bind.ts";
import type { CertificateFiles } from "./certificate_files.ts";
import type { SecureConnection } from "./secure_connection.ts";

/** A listener that closes gives handshakes under way so long to end, in ms: a whole one takes a few. */
const lastHandshakesMs = 1000;

/** What a TLS listener is made of. */
export interface ListenTlsOptions {
  /** `host:port`; port 0 lets the system choose. */
  address: string;
  certificates: CertificateFiles;
  /** Protocols in order of preference (RFC 7301); a client that offers only others is refused. */
  alpn: string[];
  log: Logger;
  /** Lets a second process of ours listen beside this one; default false. */
  reusePort?: boolean;
  /** Connections at once, handshakes included; default 10,000. Above, new ones are closed at once. */
  maxConnections?: number;
  /** From accept to the end of the handshake, in ms; default 10,000. */
  handshakeTimeoutMs?: number;
  /** Gets every connection whose handshake succeeded, and owns it; may throw: the connection is then closed and the error logged. */
  onConnection(connection: SecureConnection): void;
}

/** A running listener. */
export interface TlsListener {
  /** Where it listens, with the port in use. */
  readonly address: string;
  /** Connections open now, handshakes included. */
  readonly connections: number;
  /** Settles after `close` was called, when `onConnection` will not be called any more. */
  readonly stopped: Promise<void>;
  /**
   * Stops accepting, waits up to `drainMs` (default 0) for the connections to end, and destroys the rest.
   * With time to drain, clients that the kernel has queued are still taken, so that none is lost to a second process
   * that listens on the same address, and handshakes under way have up to a second; without, all is dropped at once.
   * Resolves when nothing is left open.
   */
  close(drainMs?: number): Promise<void>;
}

/**
 * Listens with TLS 1.3 only.
 *
 * A client that doesn't offer TLS 1.3 gets alert 70 (protocol_version); what
 * is not TLS is closed without an answer. Needs net permission for the address.
 * @throws PlatformError `invalid` for a bad address, `unavailable` for one that can't be bound
 */
export function listenTls(options: ListenTlsOptions): TlsListener {
  const { certificates, log, maxConnections = 10_000, handshakeTimeoutMs = 10_000 } = options;
  const address = parseAddress(options.address);
  if (address.kind === "unix") throw invalid("address", "TLS needs host:port; a unix socket is served in the clear");
  const listener = listenTcp(address, options.reusePort ?? false);
  const open = new Set<{ destroy(): void; handshaking: boolean }>();
  const handshakes = new Set<Promise<void>>();
  const stop = new AbortController();
  const stopped = Promise.withResolvers<void>();
  let emptied: (() => void) | null = null;
  let refusedAt = -Infinity;

  const accepted = (conn: Deno.TcpConn) => {
    if (open.size >= maxConnections) {
      conn.close();
      // Once in 10 s is enough to notice; a flood must not fill the log.
      if (performance.now() - refusedAt > 10_000) {
        refusedAt = performance.now();
        log.warn("Connection refused: too many are open", {
          max_connections: maxConnections,
          address: options.address,
        });
      }
      return;
    }
    const handshake = serve(conn)
      .catch((error) => log.error("Connection handler failed", { error: messageOf(error) }))
      .finally(() => handshakes.delete(handshake));
    handshakes.add(handshake);
  };

  /** Settles when the connection is somebody else's. */
  const serve = async (conn: Deno.TcpConn) => {
    const abort = new AbortController();
    const entry = { destroy: () => abort.abort(), handshaking: true };
    open.add(entry);
    const gone = () => {
      if (open.delete(entry) && open.size === 0) emptied?.();
    };
    let connection: SecureConnection;
    try {
      connection = await acceptTls(conn, {
        choose: () => certificates.context,
        alpn: options.alpn,
        timeoutMs: handshakeTimeoutMs,
        signal: abort.signal,
      });
    } catch (error) {
      gone();
      log.debug("Handshake failed", { remote: conn.remoteAddr.hostname, reason: messageOf(error) });
      return;
    }
    entry.handshaking = false;
    entry.destroy = () => connection.destroy();
    connection.once("close", gone);
    // A reset by the peer is no event of ours; whoever reads the stream sees it end.
    connection.on(
      "error",
      (error) => log.debug("Connection lost", { remote: connection.remoteAddress, reason: messageOf(error) }),
    );
    try {
      options.onConnection(connection);
    } catch (error) {
      connection.destroy();
      throw error;
    }
  };

  const loop = acceptLoop(listener, accepted, log, stop.signal);
  const endHandshakes = async (withinMs: number) => {
    const drop = () => {
      for (const entry of [...open]) if (entry.handshaking) entry.destroy();
    };
    if (withinMs === 0) drop();
    const timer = setTimeout(drop, withinMs);
    await Promise.all(handshakes);
    clearTimeout(timer);
  };
  let closing: Promise<void> | null = null;
  const close = async (drainMs: number) => {
    const since = performance.now();
    if (drainMs > 0) stop.abort();
    else listener.close();
    await loop;
    await endHandshakes(Math.min(drainMs, lastHandshakesMs));
    stopped.resolve();
    if (open.size === 0) return;
    const drained = new Promise<void>((resolve) => emptied = resolve);
    const leftMs = Math.max(0, drainMs - (performance.now() - since));
    const timer = setTimeout(() => open.forEach((entry) => entry.destroy()), leftMs);
    await drained;
    clearTimeout(timer);
  };
  const { hostname, port } = listener.addr;
  return {
    address: formatAddress({ kind: "tcp", hostname, port }),
    get connections() {
      return open.size;
    },
    stopped: stopped.promise,
    close: (drainMs = 0) => closing ??= close(drainMs),
  };
}
