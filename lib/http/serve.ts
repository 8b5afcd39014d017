/**
 * HTTP/1.1 servers: fetch-style handlers behind TLS 1.3, plain TCP (behind
 * the proxy) or a unix socket.
 *
 * HTTP is node:http on streams of lib/tls rather than Deno.serve, which can't
 * be limited to TLS 1.3 and stalls 44 ms per streamed response over TLS.
 * @module
 */
import { invalid, messageOf } from "@lib/errors/mod.ts";
import {
  acceptLoop,
  ConnTransport,
  formatAddress,
  listenTcp,
  listenTls,
  listenUnix,
  parseAddress,
  type StreamSocket,
} from "@lib/tls/mod.ts";
import { Connections } from "./connections.ts";
import { defaultLimits, type HttpLimits } from "./limits.ts";
import { nodeServer } from "./request_handler.ts";
import type { ServeHttpOptions } from "./serve_options.ts";

/** A running server. */
export interface HttpServer extends AsyncDisposable {
  /** Where it listens, in the form of a configuration, with the port in use. */
  readonly address: string;
  /** Connections open now. */
  readonly connections: number;
  /**
   * Stops accepting, closes idle connections, lets requests under way finish for up to `drainMs` (default 0), then cuts
   * what is left. A connection that is new has a moment for its first request. Resolves when nothing is open.
   */
  close(drainMs?: number): Promise<void>;
}

/**
 * Starts a server. Needs net permission for the address (`unix:<path>` with read and write of the path), nothing else.
 * @throws PlatformError `invalid` for a bad address, `unavailable` for one that can't be bound
 */
export function serveHttp(options: ServeHttpOptions): Promise<HttpServer> {
  return Promise.resolve().then(() => start(options));
}

function start(options: ServeHttpOptions): HttpServer {
  const { log, tls } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const connections = new Connections(limits, log);
  const server = nodeServer(options, limits, connections);
  const accept = (socket: StreamSocket) => {
    connections.add(socket);
    server.emit("connection", socket);
  };
  const address = parseAddress(options.address);
  const front = tls !== undefined && address.kind === "tcp"
    ? listenTls({
      address: options.address,
      certificates: tls,
      alpn: ["http/1.1"],
      log,
      reusePort: options.reusePort ?? false,
      maxConnections: limits.maxConnections,
      onConnection: accept,
    })
    : listenPlain(options, limits, connections, accept);
  let closing: Promise<void> | null = null;
  const close = async (drainMs: number) => {
    connections.draining = true;
    const closed = front.close(drainMs);
    // Those that are still to come are drained with the others.
    await front.stopped;
    connections.drain(drainMs);
    await closed;
    await connections.closed();
  };
  const running: HttpServer = {
    address: front.address,
    get connections() {
      return connections.size;
    },
    close: (drainMs = 0) => closing ??= close(drainMs),
    [Symbol.asyncDispose]: () => running.close(),
  };
  return running;
}

/** The front without TLS, with the manners of a {@linkcode listenTls}. */
function listenPlain(
  options: ServeHttpOptions,
  limits: HttpLimits,
  connections: Connections,
  accept: (socket: StreamSocket) => void,
): { address: string; stopped: Promise<void>; close(drainMs: number): Promise<void> } {
  const address = parseAddress(options.address);
  if (address.kind === "unix" && options.tls !== undefined) {
    throw invalid("address", "a unix socket is served without TLS");
  }
  const accepted = (conn: Deno.Conn) => {
    if (connections.size >= limits.maxConnections) return conn.close();
    const from = conn.remoteAddr;
    const remote = from.transport === "tcp" ? { address: from.hostname, port: from.port } : { address: "", port: 0 };
    if (from.transport === "tcp") (conn as Deno.TcpConn).setNoDelay(true);
    const socket = new ConnTransport(conn, remote);
    socket.on("error", (error) => options.log.debug("Connection lost", { reason: messageOf(error) }));
    accept(socket);
  };
  let listener: { accept(): Promise<Deno.Conn>; close(): void };
  let bound = address;
  if (address.kind === "tcp") {
    const tcp = listenTcp(address, options.reusePort ?? false);
    bound = { kind: "tcp", hostname: tcp.addr.hostname, port: tcp.addr.port };
    listener = tcp;
  } else listener = listenUnix(address.path);
  const stop = new AbortController();
  const loop = acceptLoop(listener, accepted, options.log, stop.signal);
  return {
    address: formatAddress(bound),
    stopped: loop,
    async close(drainMs) {
      if (drainMs > 0) stop.abort();
      else listener.close();
      await loop;
      const timer = setTimeout(() => connections.destroy(), drainMs);
      await connections.closed();
      clearTimeout(timer);
    },
  };
}
