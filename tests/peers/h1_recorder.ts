/**
 * A backend that answers every request with 200 and keeps what it received, octet by octet.
 * @module
 */
import { RawBackend, type RawConnection } from "../../services/mcproxy/testing/raw.ts";

/** One whole request as it lay on the connection; all text is Latin-1. */
export interface SeenRequest {
  /** Start line and fields, with the empty line. */
  readonly head: string;
  /** As it was sent: chunked ones with their framing. */
  readonly rawBody: string;
  /** Without framing. */
  readonly body: string;
}

/** What came since the last `take`. */
export interface Seen {
  readonly requests: readonly SeenRequest[];
  /** Requests that never became whole: what there was of each. */
  readonly cut: readonly string[];
  /** What is no request, by this backend's reading. */
  readonly broken: readonly string[];
}

type Read = { kind: "whole"; request: SeenRequest; end: number } | { kind: "part" } | { kind: "broken" };

/** Reads the request that begins at `at`; plain and strict, as the simplest backend would. */
export function readRequest(text: string, at: number): Read {
  const headEnd = text.indexOf("\r\n\r\n", at);
  if (headEnd < 0) return { kind: "part" };
  const bodyAt = headEnd + 4;
  const head = text.slice(at, bodyAt);
  const length = /^content-length:[ \t]*(\d+)[ \t]*\r$/im.exec(head)?.[1];
  const whole = (body: string, end: number): Read => ({
    kind: "whole",
    request: { head, rawBody: text.slice(bodyAt, end), body },
    end,
  });
  if (!/^transfer-encoding:.*chunked[ \t]*\r$/im.test(head)) {
    const end = bodyAt + Number(length ?? 0);
    return text.length < end ? { kind: "part" } : whole(text.slice(bodyAt, end), end);
  }
  let body = "";
  for (let next = bodyAt;;) {
    const lineEnd = text.indexOf("\r\n", next);
    if (lineEnd < 0) return { kind: "part" };
    const size = /^[0-9a-fA-F]{1,8}(?=;|$)/.exec(text.slice(next, lineEnd))?.[0];
    if (size === undefined) return { kind: "broken" };
    const dataAt = lineEnd + 2;
    const dataEnd = dataAt + parseInt(size, 16);
    if (dataEnd === dataAt) {
      const trailersEnd = text.indexOf("\r\n\r\n", lineEnd);
      return trailersEnd < 0 ? { kind: "part" } : whole(body, trailersEnd + 4);
    }
    if (text.length < dataEnd + 2) return { kind: "part" };
    if (text.slice(dataEnd, dataEnd + 2) !== "\r\n") return { kind: "broken" };
    body += text.slice(dataAt, dataEnd);
    next = dataEnd + 2;
  }
}

/** See the module. */
export class RecordingBackend implements AsyncDisposable {
  readonly #backend: RawBackend;
  /** What is there of requests that aren't whole yet. */
  readonly #parts = new Map<RawConnection, string>();
  #requests: SeenRequest[] = [];
  #cut: string[] = [];
  #broken: string[] = [];

  constructor() {
    this.#backend = new RawBackend((connection) => this.#serve(connection));
  }

  get port(): number {
    return this.#backend.port;
  }

  async #serve(connection: RawConnection): Promise<void> {
    const { conn } = connection;
    const buffer = new Uint8Array(65536);
    let held = "";
    let continued = false;
    try {
      for (;;) {
        const count = await conn.read(buffer);
        if (count === null) return;
        for (const octet of buffer.subarray(0, count)) held += String.fromCharCode(octet);
        for (;;) {
          const read = readRequest(held, 0);
          if (read.kind === "broken") {
            this.#broken.push(held);
            held = "";
            return;
          }
          if (read.kind === "part") break;
          held = held.slice(read.end);
          continued = false;
          this.#requests.push(read.request);
          const { head } = read.request;
          const isLast = /^connection:.*close/im.test(head) || /^[^\r]* HTTP\/1\.0\r/.test(head);
          await connection.send(
            `HTTP/1.1 200 OK\r\nContent-Length: 0\r\n${isLast ? "Connection: close\r\n" : ""}\r\n`,
          );
          if (isLast) return;
        }
        if (held === "") this.#parts.delete(connection);
        else this.#parts.set(connection, held);
        if (!continued && held.includes("\r\n\r\n") && /^expect:[ \t]*100-continue/im.test(held)) {
          continued = true;
          await connection.send("HTTP/1.1 100 Continue\r\n\r\n");
        }
      }
    } finally {
      this.#parts.delete(connection);
      if (held !== "") this.#cut.push(held);
    }
  }

  /** What came since the last call, once no request is under way; one that doesn't end within `patienceMs` counts as cut. */
  async take(patienceMs: number): Promise<Seen> {
    const end = performance.now() + patienceMs;
    do {
      // What the proxy has sent before it closed lies in our sockets by now.
      await new Promise((resolve) => setTimeout(resolve, 10));
    } while (this.#parts.size > 0 && performance.now() < end);
    const seen = { requests: this.#requests, cut: [...this.#cut, ...this.#parts.values()], broken: this.#broken };
    this.#requests = [];
    this.#cut = [];
    this.#broken = [];
    return seen;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#backend[Symbol.asyncDispose]();
  }
}

const fieldLine = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+): ?([\t\x20-\x7e\x80-\xff]*)$/;

/**
 * Why two readers could frame a request differently, or null. Stricter than RFC 9112: what isn't written in the one
 * plain way counts as ambiguous, whether or not a backend is known that reads it otherwise.
 */
export function ambiguity({ head, rawBody }: SeenRequest): string | null {
  const lines = head.slice(0, -4).split("\r\n");
  const [line = "", ...fields] = lines;
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+ [\x21-\x7e]+ HTTP\/1\.1$/.test(line)) return `start line ${JSON.stringify(line)}`;
  const lengths: string[] = [];
  const codings: string[] = [];
  let hosts = 0;
  for (const each of fields) {
    const match = fieldLine.exec(each);
    if (match === null) return `field line ${JSON.stringify(each)}`;
    const name = match[1]!.toLowerCase().replaceAll("_", "-");
    if (name === "content-length") lengths.push(each);
    if (name === "transfer-encoding") codings.push(each);
    if (name === "host") hosts++;
  }
  if (hosts !== 1) return `${hosts} Host fields`;
  if (lengths.length + codings.length > 1) return [...lengths, ...codings].join(", ");
  if (lengths[0] !== undefined) {
    const length = /^Content-Length: (0|[1-9]\d*)$/.exec(lengths[0])?.[1];
    return length === undefined ? lengths[0] : Number(length) === rawBody.length ? null : "a body of another length";
  }
  if (codings[0] === undefined) return rawBody === "" ? null : "a body without framing";
  if (codings[0] !== "Transfer-Encoding: chunked") return codings[0];
  return chunkAmbiguity(rawBody);
}

function chunkAmbiguity(rawBody: string): string | null {
  for (let at = 0;;) {
    const size = /^(0|[1-9a-f][0-9a-f]*)\r\n/.exec(rawBody.slice(at, at + 20))?.[1];
    if (size === undefined) return `chunk line ${JSON.stringify(rawBody.slice(at, at + 20))}`;
    const dataAt = at + size.length + 2;
    const bytes = parseInt(size, 16);
    if (bytes === 0) {
      const trailers = rawBody.slice(dataAt).split("\r\n");
      if (trailers.splice(-2).join("") !== "") return "no empty line after the trailers";
      const odd = trailers.find((each) =>
        !fieldLine.test(each) || /^(content[-_]length|transfer[-_]enc|host)/i.test(each)
      );
      return odd === undefined ? null : `trailer ${JSON.stringify(odd)}`;
    }
    if (rawBody.slice(dataAt + bytes, dataAt + bytes + 2) !== "\r\n") return "a chunk without CRLF behind it";
    at = dataAt + bytes + 2;
  }
}
