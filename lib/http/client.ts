/**
 * An HTTPS client for one server of the platform: connects to its address,
 * checks its service name, TLS 1.3 at least, connections kept alive.
 * @module
 */
import { type ClientRequest as Outgoing, type IncomingMessage, request as httpRequest } from "node:http";
import { invalid, messageOf, PlatformError, unavailable } from "@lib/errors/mod.ts";
import { parseAddress } from "@lib/tls/mod.ts";
import { DialAgent } from "./dial_agent.ts";
import { messageBody, type WaitWatch } from "./message_body.ts";

export interface HttpsClientOptions {
  /** `host:port` to connect to. */
  address: string;
  /** The name the certificate must carry; also sent as Host. */
  serverName: string;
  /** Trust anchors, PEM. */
  ca: string;
  /** Longest wait, in ms, for the server's next move: to take more of a body, to answer, to send more; default 60,000. */
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
  /**
   * Read it to its end or cancel it, which closes the connection; until then it holds one of `maxConnections`. It errors
   * with `unavailable` when the server stops half way.
   */
  body: ReadableStream<Uint8Array<ArrayBuffer>>;
}

/** RFC 9110 §9.2.2: doing it twice is doing it once. */
const idempotent = new Set(["GET", "HEAD", "PUT", "DELETE", "OPTIONS"]);

/** See the module. `close()` when done: kept connections hold the program open. */
export class HttpsClient {
  readonly #agent: DialAgent;
  readonly #host: string;
  readonly #timeoutMs: number;
  readonly #max: number;
  readonly #waiting: (() => void)[] = [];
  #used = 0;

  /** @throws PlatformError `invalid` when the address isn't `host:port` */
  constructor(options: HttpsClientOptions) {
    const { serverName, ca, timeoutMs = 60_000, maxConnections = 16 } = options;
    const address = parseAddress(options.address);
    if (address.kind === "unix") throw invalid("address", `HTTPS needs host:port, got ${options.address}`);
    const { hostname, port } = address;
    this.#agent = new DialAgent({ hostname, port, serverName, ca, alpn: ["http/1.1"] });
    this.#host = port === 443 ? serverName : `${serverName}:${port}`;
    this.#timeoutMs = timeoutMs;
    this.#max = maxConnections;
  }

  /**
   * Sends a request; resolves with the head of the response, whatever its status.
   * When a kept connection turns out to be closed, an idempotent request without a streamed body is sent once more, on a new one.
   * @throws PlatformError `unavailable` when there is no answer: no connection (see dialTls), too slow, cut off, cancelled
   */
  async request(request: ClientRequest): Promise<ClientResponse> {
    const repeatable = idempotent.has(request.method) && !(request.body instanceof ReadableStream);
    try {
      return await this.#send(request);
    } catch (error) {
      if (!(error instanceof Stale)) throw error;
      if (!repeatable) throw error.reason;
    }
    return await this.#send(request).catch((error) => {
      throw error instanceof Stale ? error.reason : error;
    });
  }

  /** Cuts all connections; requests under way fail with `unavailable`. */
  close(): void {
    this.#agent.close();
  }

  async #send(request: ClientRequest): Promise<ClientResponse> {
    if (this.#used < this.#max) this.#used++;
    // node's own limit counts a connection only once it is made, so that a burst would open any number.
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    let outgoing: Outgoing;
    try {
      outgoing = this.#begin(request);
    } catch (error) {
      this.#release();
      throw error;
    }
    outgoing.once("close", () => this.#release());
    return await this.#exchange(outgoing, request);
  }

  #release(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#used--;
    else next();
  }

  #begin({ method, path, headers: given, body }: ClientRequest): Outgoing {
    const headers = new Headers(given);
    if (!headers.has("host")) headers.set("host", this.#host);
    if (body instanceof Uint8Array) headers.set("content-length", String(body.byteLength));
    else if (body === undefined && method !== "GET" && method !== "HEAD") headers.set("content-length", "0");
    const outgoing = httpRequest({ agent: this.#agent, method, path, headers: Object.fromEntries(headers) });
    // Deno's node:http repeats any request on a dead kept connection by itself, a POST too, which might then be done
    // twice. This mark of its says that it has done so already.
    return Object.assign(outgoing, { _retrying: true });
  }

  #exchange(outgoing: Outgoing, { method, path, body, signal }: ClientRequest): Promise<ClientResponse> {
    const what = `${method} ${path} at ${this.#host}`;
    return new Promise((resolve, reject) => {
      const patience = new Patience(this.#timeoutMs, () => {
        outgoing.destroy(unavailable(`${what}: the server made no move for ${this.#timeoutMs} ms`));
      });
      const aborted = () => outgoing.destroy(unavailable(`${what} was cancelled`, { cause: signal?.reason }));
      signal?.addEventListener("abort", aborted);
      outgoing.once("close", () => {
        patience.end();
        signal?.removeEventListener("abort", aborted);
      });
      outgoing.on("error", (error) => {
        const known = error instanceof PlatformError;
        const reason = known ? error : unavailable(`${what} failed: ${messageOf(error)}`, { cause: error });
        const { code } = error as { code?: string };
        reject(
          outgoing.reusedSocket && !known && (code === "ECONNRESET" || code === "EPIPE") ? new Stale(reason) : reason,
        );
      });
      outgoing.on("response", (incoming: IncomingMessage) => {
        patience.moving();
        const status = incoming.statusCode ?? 0;
        const empty = method === "HEAD" || status === 204 || status === 304;
        if (empty) incoming.resume();
        const cut = `${what}: the connection was closed inside the answer`;
        resolve({
          status,
          headers: headersOf(incoming),
          body: empty
            ? emptyBody()
            : messageBody(incoming, { cut, watch: patience, onCancel: () => incoming.destroy() }),
        });
      });
      patience.waiting();
      if (signal?.aborted) aborted();
      else if (body instanceof ReadableStream) send(body, outgoing, patience).catch((error) => outgoing.destroy(error));
      else outgoing.end(body);
    });
  }
}

/** The server closed a kept connection just as it was used again. */
class Stale extends Error {
  constructor(readonly reason: PlatformError) {
    super(reason.message);
  }
}

/** Gives up when the other side is waited for too long at a time. */
class Patience implements WaitWatch {
  #timer: ReturnType<typeof setTimeout> | undefined;
  #over = false;
  constructor(readonly ms: number, readonly giveUp: () => void) {}
  waiting(): void {
    if (!this.#over) this.#timer ??= setTimeout(this.giveUp, this.ms);
  }
  moving(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
  /** Nothing will be waited for any more. */
  end(): void {
    this.#over = true;
    this.moving();
  }
}

async function send(body: ReadableStream<Uint8Array>, outgoing: Outgoing, patience: Patience): Promise<void> {
  const reader = body.getReader();
  try {
    for (;;) {
      patience.moving();
      const { done, value } = await reader.read();
      patience.waiting();
      if (done) break;
      if (outgoing.destroyed) return void await reader.cancel();
      if (!outgoing.write(value)) await drained(outgoing);
    }
    outgoing.end();
  } catch (error) {
    reader.cancel(error).catch(() => {});
    throw error;
  }
}

function drained(outgoing: Outgoing): Promise<void> {
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

function emptyBody(): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({ start: (controller) => controller.close() });
}

function headersOf(incoming: IncomingMessage): Headers {
  const headers = new Headers();
  const raw = incoming.rawHeaders;
  for (let i = 0; i + 1 < raw.length; i += 2) headers.append(raw[i]!, raw[i + 1]!);
  return headers;
}
