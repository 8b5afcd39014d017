/**
 * Requests to one ACME server (RFC 8555 §6): signed, each with a fresh nonce, problem documents as errors.
 * @module
 */
import type { Clock } from "@lib/clock/mod.ts";
import { PlatformError, tooLarge, unavailable } from "@lib/errors/mod.ts";
import type { ClientRequest, ClientResponse } from "@lib/http/mod.ts";
import { type Directory, parseDirectoryUrl, readDirectory, requireOrigin } from "./directory.ts";
import { signedBody, type Signer } from "./jws.ts";
import { problemError, readProblem } from "./problem.ts";
import { retryAfterSeconds } from "./retry_after.ts";

/** An `HttpsClient` of the ACME server's address and name. */
export interface AcmeHttp {
  request(request: ClientRequest): Promise<ClientResponse>;
}

export interface AcmeAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array<ArrayBuffer>;
  /** Seconds, from Retry-After; null when the server didn't say. */
  readonly retryAfter: number | null;
}

export interface PostOptions {
  accept?: string;
  signal?: AbortSignal | undefined;
}

/**
 * A server that has just started, or several behind one name, refuse a nonce now and then (RFC 8555 §6.5); each refusal
 * brings the next one. If half of all are refused, 16 tries fail once in 65,536.
 */
const maxNonceTries = 16;
/** Concurrent orders take one each; older ones have mostly expired. */
const maxNonces = 8;
/** The largest resource is a certificate chain: a few KB each. */
const maxBodyBytes = 256 * 1024;
/** How long a directory is taken for current, ms. */
const directoryMs = 3_600_000;

/** See the module. */
export class AcmeConnection {
  /** `https://host:port`. */
  readonly origin: string;
  readonly #directoryUrl: URL;
  readonly #http: AcmeHttp;
  readonly #clock: Clock;
  readonly #nonces: string[] = [];
  #directory: { read: Promise<Directory>; at: number } | null = null;

  /** @throws PlatformError `invalid` on directoryUrl */
  constructor(options: { directoryUrl: string; http: AcmeHttp; clock: Clock }) {
    this.#directoryUrl = parseDirectoryUrl(options.directoryUrl);
    this.origin = this.#directoryUrl.origin;
    this.#http = options.http;
    this.#clock = options.clock;
  }

  /**
   * Read once an hour, for all who wait for it.
   * @param signal ends the waiting, not the reading
   * @throws PlatformError `unavailable` when the server doesn't answer, `conflict` when what it says can't be used
   */
  directory(signal?: AbortSignal): Promise<Directory> {
    const now = this.#clock.monotonic();
    if (this.#directory === null || now - this.#directory.at > directoryMs) {
      const read = this.get(this.#directoryUrl.href).then((answer) =>
        readDirectory(this.json(answer, "its directory"), this.origin)
      );
      read.catch(() => this.forgetDirectory());
      this.#directory = { read, at: now };
    }
    return signal === undefined ? this.#directory.read : unlessAborted(this.#directory.read, signal);
  }

  /** The next use reads the directory again. */
  forgetDirectory(): void {
    this.#directory = null;
  }

  /** An unsigned GET: what needs no account. */
  async get(url: string, signal?: AbortSignal): Promise<AcmeAnswer> {
    return this.#accept("GET", url, await this.#send({ method: "GET", url, signal }));
  }

  /**
   * A signed POST.
   * @param payload null for POST-as-GET
   * @throws PlatformError with the problem's type as `rule`; `unavailable` when there is no answer
   */
  async post(url: string, payload: unknown, signer: Signer, options: PostOptions = {}): Promise<AcmeAnswer> {
    const { signal } = options;
    const headers = { "content-type": "application/jose+json", ...(options.accept && { accept: options.accept }) };
    const attempt = async () => {
      const body = new TextEncoder().encode(await signedBody(payload, signer, url, await this.#nonce(signal)));
      return await this.#send({ method: "POST", url, headers, body, signal });
    };
    let broken = false;
    for (let tries = 1;; tries++) {
      let answer: AcmeAnswer;
      try {
        answer = await attempt();
      } catch (error) {
        // A kept connection may have ended just as it was used. A nonce is good for one request, so if the first one
        // did arrive, this is one more; the worst is a second order that is never finished.
        if (broken || signal?.aborted || !(error instanceof PlatformError && error.code === "unavailable")) throw error;
        broken = true;
        continue;
      }
      try {
        return this.#accept("POST", url, answer);
      } catch (error) {
        if (!(error instanceof PlatformError && error.rule === "badNonce") || tries >= maxNonceTries) throw error;
      }
    }
  }

  /** @throws PlatformError `conflict` when it isn't a JSON object */
  json(answer: AcmeAnswer, what: string): Record<string, unknown> {
    const value = parseJson(answer.body);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
    throw unavailable(`The ACME server at ${this.origin} sent no JSON object as ${what}`);
  }

  /** A URL that the server sent. @throws PlatformError `conflict` when it is elsewhere */
  url(value: unknown, what: string): string {
    return requireOrigin(value, this.origin, what);
  }

  #accept(method: string, url: string, answer: AcmeAnswer): AcmeAnswer {
    if (answer.status >= 200 && answer.status < 300) return answer;
    const what = `The ACME server at ${this.origin} refused ${method} ${new URL(url).pathname}`;
    throw problemError(what, answer.status, readProblem(parseJson(answer.body)), answer.retryAfter);
  }

  async #nonce(signal?: AbortSignal): Promise<string> {
    // The youngest: servers forget the oldest first.
    const held = this.#nonces.pop();
    if (held !== undefined) return held;
    const { newNonce } = await this.directory(signal);
    this.#accept("HEAD", newNonce, await this.#send({ method: "HEAD", url: newNonce, signal }));
    const fresh = this.#nonces.pop();
    if (fresh === undefined) throw unavailable(`The ACME server at ${this.origin} gave no nonce`);
    return fresh;
  }

  async #send(
    request: {
      method: string;
      url: string;
      headers?: Record<string, string>;
      body?: Uint8Array;
      signal?: AbortSignal | undefined;
    },
  ): Promise<AcmeAnswer> {
    const { host, pathname, search } = new URL(requireOrigin(request.url, this.origin, "a request"));
    const { method, body, signal } = request;
    const response = await this.#http.request({
      method,
      path: pathname + search,
      headers: {
        // The directory's own: servers make their URLs from it, and signatures cover URLs.
        host,
        // RFC 8555 §6.1 asks for both.
        "user-agent": "metacircular-acme",
        "accept-language": "en",
        ...request.headers,
      },
      ...(body === undefined ? {} : { body }),
      ...(signal === undefined ? {} : { signal }),
    });
    const nonce = response.headers.get("replay-nonce");
    // RFC 8555 §6.5.1: what isn't base64url is to be ignored.
    if (nonce !== null && /^[\w-]{1,500}$/.test(nonce)) {
      this.#nonces.push(nonce);
      if (this.#nonces.length > maxNonces) this.#nonces.shift();
    }
    return {
      status: response.status,
      headers: response.headers,
      body: await readBody(response.body),
      retryAfter: retryAfterSeconds(response.headers, this.#clock.now()),
    };
  }
}

/** Settles as `promise` does, or rejects when `signal` aborts first. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const stopped = Promise.withResolvers<never>();
  const abort = () =>
    stopped.reject(unavailable("The request to the ACME server was given up", { cause: signal.reason }));
  signal.addEventListener("abort", abort);
  if (signal.aborted) abort();
  try {
    return await Promise.race([promise, stopped.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

async function readBody(stream: ReadableStream<Uint8Array>): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    length += chunk.length;
    if (length > maxBodyBytes) throw tooLarge("An ACME server's answer", maxBodyBytes);
    chunks.push(chunk);
  }
  const body = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    body.set(chunk, at);
    at += chunk.length;
  }
  return body;
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return null;
  }
}
