/**
 * Compression of responses, where the route asks for it.
 * @module
 */
import { constants, createGzip, type Gzip } from "node:zlib";
import type { BodySource } from "./body.ts";
import { fieldValue } from "./fields.ts";
import { type Fields, type RequestHead, type ResponseHead, streamedBody } from "./message.ts";
import { filtered, withField } from "./rewriting.ts";

/** Text, and what is text in all but name. Events are left out: they must not wait for company. */
const compressible =
  /^(?:text\/(?!event-stream)[\w.+-]+|application\/(?:json|javascript|xml|wasm|manifest\+json|[\w.-]+\+(?:json|xml))|image\/svg\+xml)(?:\s*;|$)/i;
/** Smaller bodies fit into one packet as they are. */
const minBytes = 1024;

/**
 * Whether this response is to be compressed for this client. Never a part of something (206, Content-Range: the ranges
 * are those of the other form), nothing encoded already, nothing with `Cache-Control: no-transform` (RFC 9111 §5.2.2.6).
 */
export function isCompressed(request: RequestHead, response: ResponseHead): boolean {
  return isEligible(response) && acceptsGzip(request.fields) && request.method !== "HEAD" &&
    response.length.kind !== "none" && !(response.length.kind === "length" && response.length.bytes < minBytes);
}

/** Whether the answer depends on Accept-Encoding, which a cache has to know whatever this client got (RFC 9110 §12.5.5). */
function isEligible({ status, fields }: ResponseHead): boolean {
  if (status !== 200 && status !== 203 && (status < 400 || status > 599)) return false;
  if (!compressible.test(fieldValue(fields, "content-type") ?? "")) return false;
  if (fields.names.includes("content-encoding") || fields.names.includes("content-range")) return false;
  return !fields.names.some((name, index) =>
    name === "cache-control" && /(?:^|[\s,])no-transform(?:[\s,]|$)/i.test(fields.values[index]!)
  );
}

/** RFC 9110 §12.5.3: named, or "*", and not with a weight of 0. */
function acceptsGzip({ names, values }: Fields): boolean {
  let star = false;
  for (let index = 0; index < names.length; index++) {
    if (names[index] !== "accept-encoding") continue;
    for (const one of values[index]!.toLowerCase().split(",")) {
      const [coding, ...parameters] = one.split(";").map((part) => part.trim());
      const isRefused = parameters.some((parameter) => /^q=0(?:\.0{0,3})?$/.test(parameter));
      if (coding === "gzip" || coding === "x-gzip") return !isRefused;
      if (coding === "*") star = !isRefused;
    }
  }
  return star;
}

/** The head of a compressed response. */
export function compressedHead(response: ResponseHead): ResponseHead {
  let fields = filtered(response.fields, (name) => name !== "content-length" && name !== "accept-ranges");
  // RFC 9110 §8.8.3: what was byte for byte the same no longer is; the meaning is.
  fields = {
    ...fields,
    values: fields.values.map((value, index) =>
      fields.names[index] === "etag" && value.startsWith('"') ? `W/${value}` : value
    ),
  };
  return varying({ ...response, length: streamedBody, fields: withField(fields, "content-encoding", "gzip") });
}

/** Adds Accept-Encoding to Vary on whatever may come compressed to somebody else. */
export function varyingHead(response: ResponseHead): ResponseHead {
  return isEligible(response) ? varying(response) : response;
}

function varying(response: ResponseHead): ResponseHead {
  const { names, values } = response.fields;
  const has = names.some((name, index) =>
    name === "vary" && /(?:^|[\s,])(?:accept-encoding|\*)(?:[\s,]|$)/i.test(values[index]!)
  );
  return has ? response : { ...response, fields: withField(response.fields, "vary", "accept-encoding") };
}

/**
 * A body as gzip (RFC 1952). Bytes wait for company only as long as more are at hand: then they leave with a sync flush,
 * so that a text that is written line by line is read line by line. (That is why not CompressionStream: it can't flush.)
 * Whoever makes one closes it, whatever became of the body.
 */
export class GzipBody implements BodySource {
  readonly ended = false;
  readonly hasMargins = false;
  // Level 4: 6 gains a few percent of size for half as much time again, on a thread that others wait for.
  readonly #gzip: Gzip = createGzip({ level: 4 });
  readonly #out: Uint8Array[] = [];
  #waited: Promise<Uint8Array | null> | null = null;
  #unflushed = false;
  #state: "reading" | "ending" | "over" = "reading";

  constructor(readonly from: BodySource) {
    this.#gzip.on("data", (bytes: Uint8Array) => this.#out.push(bytes));
  }

  get trailers(): Fields | null {
    return this.from.trailers;
  }

  async read(): Promise<Uint8Array | null> {
    for (;;) {
      const bytes = this.#out.shift();
      if (bytes !== undefined) return bytes;
      if (this.#state === "over") return null;
      if (this.#state === "ending") await this.#end();
      else await this.#more();
    }
  }

  async #more(): Promise<void> {
    const next = this.#waited ?? this.from.read();
    if (next instanceof Promise && this.#unflushed) {
      this.#waited = next;
      next.catch(() => {});
      this.#unflushed = false;
      return await new Promise((resolve) => this.#gzip.flush(constants.Z_SYNC_FLUSH, () => resolve()));
    }
    this.#waited = null;
    const bytes = await next;
    if (bytes === null || this.from.ended) this.#state = "ending";
    if (bytes === null) return;
    this.#unflushed = true;
    await new Promise<void>((resolve) => this.#gzip.write(bytes, () => resolve()));
  }

  #end(): Promise<void> {
    this.#state = "over";
    return new Promise((resolve) => this.#gzip.once("end", resolve).end());
  }

  release(): void {
    this.from.release();
  }

  /** Lets go of the engine: its 220 KiB aren't the collector's, and stay for good where the body didn't reach its end. */
  close(): void {
    this.#state = "over";
    this.#gzip.destroy();
  }
}
