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
  /**
   * Stops accepting, waits up to `drainMs` (default 0) for the connections to end, and destroys the rest.
   * Handshakes under way are dropped at once. Resolves when nothing is left open.
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
    serve(conn).catch((error) => log.error("Connection handler failed", { error: messageOf(error) }));
  };

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

  const loop = acceptLoop(listener, accepted, log);
  let closing: Promise<void> | null = null;
  const close = async (drainMs: number) => {
    listener.close();
    await loop;
    for (const entry of [...open]) if (entry.handshaking) entry.destroy();
    if (open.size === 0) return;
    const drained = new Promise<void>((resolve) => emptied = resolve);
    const timer = setTimeout(() => open.forEach((entry) => entry.destroy()), drainMs);
    await drained;
    clearTimeout(timer);
  };
  const { hostname, port } = listener.addr;
  return {
    address: formatAddress({ kind: "tcp", hostname, port }),
    get connections() {
      return open.size;
    },
    close: (drainMs = 0) => closing ??= close(drainMs),
  };
}
