/**
 * HTTP/1.1 servers: fetch-style handlers behind TLS 1.3, plain TCP (behind
 * the proxy) or a unix socket.
 *
 * HTTP is node:http on streams of lib/tls rather than Deno.serve, which can't
 * be limited to TLS 1.3 and stalls 44 ms per streamed response over TLS.
 * @module
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { invalid, messageOf, PlatformError } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import {
  acceptLoop,
  type CertificateFiles,
  ConnTransport,
  formatAddress,
  listenTcp,
  listenTls,
  listenUnix,
  parseAddress,
  type StreamSocket,
} from "@lib/tls/mod.ts";
import { Connections, type Link } from "./connections.ts";
import { defaultLimits, type HttpLimits } from "./limits.ts";
import { problemResponse } from "./problem.ts";
import { messageBody } from "./message_body.ts";
import { writeResponse } from "./response_writer.ts";

/** What is known of a request beside the request. */
export interface RequestInfo {
  /** The client's address without port; "unix" on a unix socket. */
  remote: string;
  /** Also the header `x-request-id` of request and response. */
  requestId: string;
}

/** Answers a request. What it throws becomes a problem document (see {@linkcode problemResponse}). */
export type FetchHandler = (request: Request, info: RequestInfo) => Promise<Response> | Response;

export interface ServeHttpOptions {
  /** `host:port` or `unix:/path`; port 0 lets the system choose. */
  address: string;
  /** Absent: in the clear, for a unix socket or loopback behind the proxy. */
  tls?: CertificateFiles;
  fetch: FetchHandler;
  log: Logger;
  /** Lets a second process of ours listen beside this one; default false. */
  reusePort?: boolean;
  limits?: Partial<HttpLimits>;
  /** May set headers on every response, errors included: the place for security headers. Default: `x-content-type-options: nosniff`. */
  onResponse?: (request: Request, headers: Headers) => void;
}

/** A running server. */
export interface HttpServer extends AsyncDisposable {
  /** Where it listens, in the form of a configuration, with the port in use. */
  readonly address: string;
  /** Connections open now. */
  readonly connections: number;
  /**
   * Stops accepting, closes idle connections at once, lets requests under way finish for up to `drainMs`
   * (default 0), then cuts what is left. Resolves when nothing is open.
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
    connections.drain();
    await front.close(drainMs);
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
): { address: string; close(drainMs: number): Promise<void> } {
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
  const loop = acceptLoop(listener, accepted, options.log);
  return {
    address: formatAddress(bound),
    async close(drainMs) {
      listener.close();
      await loop;
      const timer = setTimeout(() => connections.destroy(), drainMs);
      await connections.closed();
      clearTimeout(timer);
    },
  };
}

function nodeServer(options: ServeHttpOptions, limits: HttpLimits, connections: Connections): Server {
  const server = createServer({
    maxHeaderSize: limits.maxHeaderBytes,
    // Time is kept by Connections: node checks its own limits only for servers that it has listening itself.
    headersTimeout: 0,
    requestTimeout: 0,
    keepAliveTimeout: limits.idleTimeoutMs,
  }, (incoming, out) => {
    const link = connections.of(incoming.socket as unknown as StreamSocket);
    handle(options, connections, link, incoming, out).catch((error) => {
      options.log.error("Request failed outside its handler", { error: messageOf(error) });
      link.socket.destroy();
    });
  });
  // node closes kept-alive connections after each response unless its server listens; here lib/tls listens for it.
  Object.defineProperty(server, "listening", { value: true });
  server.on("clientError", (error: Error & { code?: string }, socket) => {
    if (!socket.writable || error.code === "ECONNRESET") return socket.destroy();
    const status = error.code === "HPE_HEADER_OVERFLOW" ? "431 Request Header Fields Too Large" : "400 Bad Request";
    socket.write(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
    (socket as unknown as StreamSocket).destroySoon();
  });
  return server;
}

async function handle(
  options: ServeHttpOptions,
  connections: Connections,
  link: Link,
  incoming: IncomingMessage,
  out: ServerResponse,
): Promise<void> {
  const { log } = options;
  const began = performance.now();
  const requestId = requestIdOf(incoming.headers["x-request-id"]);
  const remote = link.socket.remoteAddress || "unix";
  const abort = new AbortController();
  const exchange = connections.begin(link, incoming, out);
  out.once("close", () => {
    if (!out.writableFinished) abort.abort(new DOMException("The client closed the connection", "AbortError"));
  });
  let status = 0;
  let bytes = 0;
  try {
    let request: Request | null = null;
    let response: Response;
    try {
      request = requestOf(incoming, requestId, options.tls !== undefined, abort.signal, exchange);
      response = await options.fetch(request, { remote, requestId });
    } catch (error) {
      if (abort.signal.aborted) return;
      if (!(error instanceof PlatformError)) log.error("Handler failed", failure(error, incoming, requestId));
      response = problemResponse(error, requestId);
    }
    status = response.status;
    const headers = mutable(response.headers, requestId);
    if (options.onResponse !== undefined && request !== null) options.onResponse(request, headers);
    else if (!headers.has("x-content-type-options")) headers.set("x-content-type-options", "nosniff");
    if (exchange.mustClose()) headers.set("connection", "close");
    ({ bytes } = await writeResponse(response, { method: incoming.method ?? "GET", headers }, out, exchange));
  } catch (error) {
    if (!abort.signal.aborted) log.error("Response failed", failure(error, incoming, requestId));
    link.socket.destroy();
  } finally {
    exchange.end();
    log.debug("request", {
      request_id: requestId,
      remote,
      method: incoming.method,
      path: pathOf(incoming),
      status: abort.signal.aborted ? 499 : status,
      bytes,
      ms: Math.round((performance.now() - began) * 10) / 10,
    });
  }
}

function requestOf(
  incoming: IncomingMessage,
  requestId: string,
  secure: boolean,
  signal: AbortSignal,
  exchange: { waiting(): void; moving(): void },
): Request {
  const method = incoming.method ?? "GET";
  const target = incoming.url ?? "/";
  const host = incoming.headers.host ?? "localhost";
  // RFC 9112 §3.2: origin form; the absolute form is for proxies, which this is not, but must be accepted.
  const text = target.startsWith("/") ? `${secure ? "https" : "http"}://${host}${target}` : target;
  if (!/^[A-Za-z0-9.\-_:[\]]+$/.test(host) || !URL.canParse(text)) {
    throw invalid("url", "the request target and the Host header must make a valid URL");
  }
  const headers: [string, string][] = [["x-request-id", requestId]];
  const raw = incoming.rawHeaders;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    if (raw[i]!.toLowerCase() !== "x-request-id") headers.push([raw[i]!, raw[i + 1]!]);
  }
  const hasBody = incoming.headers["transfer-encoding"] !== undefined ||
    Number(incoming.headers["content-length"] ?? 0) > 0;
  if (!hasBody || method === "GET" || method === "HEAD") return new Request(text, { method, headers, signal });
  const init: RequestInit & { duplex: "half" } = {
    method,
    headers,
    signal,
    body: messageBody(incoming, {
      cut: "The client closed the connection before the request body was whole",
      watch: exchange,
      // What still comes is thrown away, within the limits of the connection's close.
      onCancel: () => incoming.resume(),
    }),
    duplex: "half",
  };
  return new Request(text, init);
}

/** The response's own headers with the request id, or a copy where the response came from elsewhere and can't be changed. */
function mutable(headers: Headers, requestId: string): Headers {
  try {
    headers.set("x-request-id", requestId);
    return headers;
  } catch {
    const copy = new Headers(headers);
    copy.set("x-request-id", requestId);
    return copy;
  }
}

/** The client's id when it is short and harmless (it gets into logs and headers), else a fresh one. */
function requestIdOf(sent: string | string[] | undefined): string {
  return typeof sent === "string" && /^[A-Za-z0-9._-]{8,64}$/.test(sent) ? sent : crypto.randomUUID();
}

/** Without the query, which may hold what no log should. */
function pathOf(incoming: IncomingMessage): string {
  return (incoming.url ?? "/").split("?", 1)[0]!;
}

function failure(error: unknown, incoming: IncomingMessage, requestId: string): Record<string, unknown> {
  return {
    request_id: requestId,
    method: incoming.method,
    path: pathOf(incoming),
    error: error instanceof Error ? error.stack ?? error.message : String(error),
  };
}
