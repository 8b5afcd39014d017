/**
 * An HTTPS client for one server of the platform: connects to its address,
 * checks its service name, TLS 1.3 at least, connections kept alive.
 * @module
 */
import { Agent, type ClientRequestArgs, type IncomingMessage, request as httpRequest } from "node:http";
import type { Duplex } from "node:stream";
import { messageOf, PlatformError, unavailable } from "@lib/errors/mod.ts";
import { dialTls, parseAddress } from "@lib/tls/mod.ts";
import { messageBody } from "./message_body.ts";

export interface HttpsClientOptions {
  /** `host:port` to connect to. */
  address: string;
  /** The name the certificate must carry; also sent as Host. */
  serverName: string;
  /** Trust anchors, PEM. */
  ca: string;
  /** Longest wait for the head of a response, connecting and sending the body included, in ms; default 60,000; 0: for ever. */
  timeoutMs?: number;
  /** Connections at once; default 16. Requests beyond wait for one. */
  maxConnections?: number;
}

export interface ClientRequest {
  method: string;
  /** Path and query. */
  path: string;
  headers?: HeadersInit;
  body?: Uint8Array | ReadableStream<Uint8Array>;
  /** Aborts the request and, later, the response body. */
  signal?: AbortSignal;
}

export interface ClientResponse {
  status: number;
  headers: Headers;
  /** Must be read to its end or cancelled; until then it holds its connection. */
  body: ReadableStream<Uint8Array<ArrayBuffer>>;
}

/** How long an unused connection is kept, in ms: shorter than the 60 s after which our servers close it. */
const keepMs = 45_000;

const idempotent = new Set(["GET", "HEAD", "PUT", "DELETE", "OPTIONS"]);

/** See the module. `close()` when done: kept connections hold the program open. */
export class HttpsClient {
  readonly #agent: DialAgent;
  readonly #host: string;
  readonly #timeoutMs: number;

  constructor(options: HttpsClientOptions) {
    this.#agent = new DialAgent(options);
    const address = parseAddress(options.address);
    const port = address.kind === "tcp" ? address.port : 443;
    this.#host = port === 443 ? options.serverName : `${options.serverName}:${port}`;
    this.#timeoutMs = options.timeoutMs ?? 60_000;
  }

  /**
   * Sends a request; resolves with the head of the response, whatever its status.
   * When a kept connection turns out to be closed, an idempotent request (RFC 9110 §9.2.2) without a streamed body is
   * sent once more on a new one.
   * @throws PlatformError `unavailable` when there is no whole response: no connection (see dialTls), time-out, cut off
   */
  async request(request: ClientRequest): Promise<ClientResponse> {
    const repeatable = idempotent.has(request.method) && !(request.body instanceof ReadableStream);
    try {
      return await this.#send(request);
    } catch (error) {
      if (!(error instanceof StaleConnection)) throw error;
      if (!repeatable) throw error.reason;
      return await this.#send(request).catch((again) => {
        throw again instanceof StaleConnection ? again.reason : again;
      });
    }
  }

  /** Cuts all connections; requests under way fail. */
  close(): void {
    this.#agent.close();
  }

  #send({ method, path, headers: given, body, signal }: ClientRequest): Promise<ClientResponse> {
    const headers = new Headers(given);
    if (!headers.has("host")) headers.set("host", this.#host);
    if (body instanceof Uint8Array) headers.set("content-length", String(body.byteLength));
    else if (body === undefined && method !== "GET" && method !== "HEAD") headers.set("content-length", "0");
    return new Promise((resolve, reject) => {
      const outgoing = httpRequest({ agent: this.#agent, method, path, headers: Object.fromEntries(headers) });
      const timer = this.#timeoutMs === 0 ? undefined : setTimeout(() => {
        outgoing.destroy(unavailable(`No answer to ${method} ${path} within ${this.#timeoutMs} ms`));
      }, this.#timeoutMs);
      const aborted = () => outgoing.destroy(unavailable(`${method} ${path} was cancelled`, { cause: signal?.reason }));
      outgoing.on("error", (error) => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", aborted);
        const reason = error instanceof PlatformError
          ? error
          : unavailable(`${method} ${path} at ${this.#host} failed: ${messageOf(error)}`, { cause: error });
        const stale = outgoing.reusedSocket && (error as { code?: string }).code === "ECONNRESET";
        reject(stale ? new StaleConnection(reason) : reason);
      });
      outgoing.on("response", (incoming: IncomingMessage) => {
        clearTimeout(timer);
        incoming.once("close", () => signal?.removeEventListener("abort", aborted));
        resolve({
          status: incoming.statusCode ?? 0,
          headers: headersOf(incoming),
          body: messageBody(incoming, `${this.#host} closed the connection inside the answer to ${method} ${path}`),
        });
      });
      if (signal?.aborted) return aborted();
      signal?.addEventListener("abort", aborted);
      if (body instanceof ReadableStream) send(body, outgoing).catch((error) => outgoing.destroy(error));
      else outgoing.end(body);
    });
  }
}

/** The server closed a kept connection just as it was used again. */
class StaleConnection extends Error {
  constructor(readonly reason: PlatformError) {
    super(reason.message);
  }
}

class DialAgent extends Agent {
  readonly #options: HttpsClientOptions;
  readonly #open = new Set<Duplex>();
  #closed = false;

  constructor(options: HttpsClientOptions) {
    super({ keepAlive: true, maxSockets: options.maxConnections ?? 16, timeout: keepMs });
    this.#options = options;
  }

  override createConnection(
    _options: ClientRequestArgs,
    done?: (error: Error | null, socket: Duplex) => void,
  ): Duplex {
    this.#dial().then((socket) => done?.(null, socket), (error) => done?.(error, undefined as unknown as Duplex));
    // Nothing returned means "by the callback, later"; the type doesn't know that.
    return undefined as unknown as Duplex;
  }

  async #dial(): Promise<Duplex> {
    const { address: text, serverName, ca } = this.#options;
    const address = parseAddress(text);
    if (address.kind === "unix") throw unavailable(`${text} can't be reached by HTTPS`);
    const socket = await dialTls({ ...address, serverName, ca, alpn: ["http/1.1"] });
    if (this.#closed) {
      socket.destroy();
      throw unavailable("The client is closed");
    }
    this.#open.add(socket);
    socket.once("close", () => this.#open.delete(socket));
    return socket;
  }

  close(): void {
    this.#closed = true;
    this.destroy();
    for (const socket of this.#open) socket.destroy();
  }
}

async function send(body: ReadableStream<Uint8Array>, outgoing: ReturnType<typeof httpRequest>): Promise<void> {
  const reader = body.getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      if (outgoing.destroyed) return void await reader.cancel();
      if (!outgoing.write(next.value)) await drained(outgoing);
    }
    outgoing.end();
  } catch (error) {
    reader.cancel(error).catch(() => {});
    throw error;
  }
}

function drained(outgoing: ReturnType<typeof httpRequest>): Promise<void> {
  if (outgoing.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const settle = () => {
      outgoing.removeListener("drain", settle);
      outgoing.removeListener("close", settle);
      resolve();
    };
    outgoing.on("drain", settle);
    outgoing.on("close", settle);
  });
}

function headersOf(incoming: IncomingMessage): Headers {
  const headers = new Headers();
  const raw = incoming.rawHeaders;
  for (let i = 0; i + 1 < raw.length; i += 2) headers.append(raw[i]!, raw[i + 1]!);
  return headers;
}
