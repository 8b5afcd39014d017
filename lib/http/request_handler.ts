/**
 * From a node request to a fetch-style handler and back.
 * @module
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { invalid, messageOf, PlatformError } from "@lib/errors/mod.ts";
import type { StreamSocket } from "@lib/tls/mod.ts";
import type { Connections, Link } from "./connections.ts";
import type { HttpLimits } from "./limits.ts";
import { messageBody } from "./message_body.ts";
import { problemResponse } from "./problem.ts";
import { writeResponse } from "./response_writer.ts";
import type { ServeHttpOptions } from "./serve_options.ts";

/** Speaks HTTP/1.1 on every stream that is given to it by `emit("connection", stream)` and answers with `options.fetch`. */
export function nodeServer(options: ServeHttpOptions, limits: HttpLimits, connections: Connections): Server {
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
