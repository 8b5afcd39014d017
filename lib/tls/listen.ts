/**
 * TLS servers. Every TLS listener of the platform is this one or, where one
 * port serves many certificates, is built on {@linkcode acceptTls}.
 * @module
 */
import { type SecureContext, TLSSocket, type TLSSocketOptions } from "node:tls";
import { invalid, messageOf } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import { acceptLoop } from "./accept_loop.ts";
import { formatAddress, parseAddress } from "./address.ts";
import { listenTcp } from "./bind.ts";
import type { CertificateFiles } from "./certificate_files.ts";
import { alertRecord, alerts, type ClientHello, parseClientHello } from "./client_hello.ts";
import { SecureConnection } from "./secure_connection.ts";
import { ConnTransport } from "./transport.ts";

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

/** How one connection is to be secured. */
export interface AcceptTlsOptions {
  /** The context for what the client asked; null refuses it with alert 112 (unrecognized_name). */
  choose(hello: ClientHello): SecureContext | null;
  alpn: string[];
  /** For the whole of it, in ms. */
  timeoutMs: number;
  /** Bytes already read from the connection. */
  peeked?: Uint8Array;
  /** Gives up when aborted. */
  signal?: AbortSignal;
}

/**
 * Does the server's side of a handshake on an accepted connection, which it owns from the call on.
 * @throws Error with the reason when it fails in any way; the connection is then closed
 */
export async function acceptTls(conn: Deno.TcpConn, options: AcceptTlsOptions): Promise<SecureConnection> {
  const { timeoutMs, signal } = options;
  let stop: (reason: string) => void = () => {};
  const stopped = new Promise<never>((_, reject) => stop = (reason) => reject(new Error(reason)));
  stopped.catch(() => {});
  const timer = setTimeout(() => stop(`no handshake within ${timeoutMs} ms`), timeoutMs);
  const aborted = () => stop("the listener is closing");
  signal?.addEventListener("abort", aborted);
  let transport: ConnTransport | null = null;
  let done = false;
  try {
    conn.setNoDelay(true);
    const { hello, bytes } = await Promise.race([readHello(conn, options.peeked ?? new Uint8Array()), stopped]);
    const context = hello.offersTls13 ? options.choose(hello) : null;
    if (context === null) {
      const alert = hello.offersTls13 ? alerts.unrecognizedName : alerts.protocolVersion;
      await Promise.race([refuse(conn, alert), stopped]);
      throw new Error(
        hello.offersTls13 ? `no certificate for ${hello.serverName}` : "the client doesn't offer TLS 1.3",
      );
    }
    transport = new ConnTransport(conn, { address: conn.remoteAddr.hostname, port: conn.remoteAddr.port }, bytes);
    const connection = await Promise.race([shake(transport, context, options.alpn, hello.serverName), stopped]);
    done = true;
    return connection;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", aborted);
    if (!done) {
      if (transport !== null) transport.destroy();
      else closeQuietly(conn);
    }
  }
}

async function readHello(conn: Deno.TcpConn, peeked: Uint8Array): Promise<{ hello: ClientHello; bytes: Uint8Array }> {
  let buffer = new Uint8Array(Math.max(2048, 2 * peeked.length));
  buffer.set(peeked);
  let length = peeked.length;
  for (;;) {
    const bytes = buffer.subarray(0, length);
    const result = parseClientHello(bytes);
    if (result.kind === "hello") return { hello: result.hello, bytes };
    if (result.kind === "refused") {
      if (result.alert !== null) await refuse(conn, result.alert);
      throw new Error(result.reason);
    }
    if (length === buffer.length) {
      // The parser's limits keep this below twice a hello's greatest length.
      buffer = new Uint8Array(2 * length);
      buffer.set(bytes);
    }
    const count = await conn.read(buffer.subarray(length));
    if (count === null) throw new Error(length === 0 ? "closed before a ClientHello" : "closed inside the ClientHello");
    length += count;
  }
}

function shake(
  transport: ConnTransport,
  secureContext: SecureContext,
  alpn: string[],
  serverName: string | null,
): Promise<SecureConnection> {
  return new Promise((resolve, reject) => {
    // Deno's TLSSocket takes any Duplex; the type asks for a Socket.
    const socket = new TLSSocket(
      transport as unknown as ConstructorParameters<typeof TLSSocket>[0],
      {
        isServer: true,
        secureContext,
        allowHalfOpen: true,
        ALPNProtocols: alpn,
      } as TLSSocketOptions & { allowHalfOpen: boolean },
    );
    const failed = (error?: Error) => {
      socket.destroy();
      transport.destroy();
      reject(error ?? new Error("closed during the handshake"));
    };
    socket.on("error", failed);
    transport.on("error", failed);
    transport.once("close", failed);
    socket.once("secure", () => {
      transport.removeListener("close", failed);
      resolve(new SecureConnection(socket, transport, serverName));
    });
  });
}

async function refuse(conn: Deno.TcpConn, alert: number): Promise<void> {
  try {
    await conn.write(alertRecord(alert));
    await conn.closeWrite();
  } catch {
    // The client is gone; it won't miss the alert.
  }
}

function closeQuietly(conn: Deno.TcpConn): void {
  try {
    conn.close();
  } catch {
    // Closed by an error before.
  }
}
