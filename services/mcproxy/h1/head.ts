/**
 * Heads of HTTP/1.1 messages: start line and fields (RFC 9112 §2–5), read strictly.
 *
 * Every line ends with CRLF and nothing else; no folded lines; no control
 * characters; names are tokens. What two readers could understand differently
 * is refused: that difference is what request smuggling is made of.
 * @module
 */
import { Buffer } from "node:buffer";
import type { ByteStream } from "../stream/byte_stream.ts";
import { HttpFault } from "../relay/fault.ts";
import { type Head, type HeadLimits, scanHead } from "./head_scan.ts";

export type { Head, HeadLimits } from "./head_scan.ts";

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
// RFC 9110 §5.5: CR, LF and NUL in a value are an attack; the other controls have no use either. HTAB and CRLF may stand.
// deno-lint-ignore no-control-regex -- control characters are exactly what is refused
const control = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)/;
const lineFeed = 10;
const carriageReturn = 13;

/** True for a method, a field name, or another RFC 9110 §5.6.2 token. */
export function isToken(text: string): boolean {
  return token.test(text);
}

/**
 * Reads one head; what follows it goes back to the stream.
 * @param started called at the first byte, when the stream is no longer idle
 * @returns null when the peer ended before the first byte
 * @throws HttpFault 400 for bad form or an end inside the head, 431 beyond a limit; whatever the stream rejects with
 */
export function readHead(stream: ByteStream, limits: HeadLimits, started?: () => void): Promise<Head | null> {
  const next = stream.read();
  return (next instanceof Promise ? next : Promise.resolve(next)).then((chunk) => {
    if (chunk === null) return null;
    started?.();
    const scanned = scanHead(chunk, limits);
    if (scanned === null) return readPieces(chunk, stream, limits);
    if (scanned.end < chunk.length) stream.unread(chunk.subarray(scanned.end));
    return scanned.head;
  });
}

/** A head that comes in pieces, or is out of the ordinary. */
async function readPieces(first: Uint8Array, stream: ByteStream, limits: HeadLimits): Promise<Head> {
  const scan = new HeadScan(limits);
  let held: Buffer | null = null;
  let length = 0;
  for (let chunk: Uint8Array | null = first; chunk !== null; chunk = await stream.read()) {
    let bytes: Buffer;
    if (held === null) {
      bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    } else {
      if (held.length < length + chunk.length) held = grown(held, length, chunk.length);
      held.set(chunk, length);
      bytes = held.subarray(0, length + chunk.length);
    }
    const end = scan.feed(bytes);
    if (end >= 0) {
      stream.unread(bytes.subarray(end));
      return parseHead(bytes.toString("latin1", scan.start, end - 4));
    }
    // The chunk is valid until the next read only.
    if (held === null) held = grown(bytes, bytes.length, 0);
    length = bytes.length;
  }
  throw new HttpFault(400, "the message ends inside its head");
}

/** Finds the end of a head in bytes that arrive piecemeal, looking at each byte once. */
class HeadScan {
  /** Where the start line begins: after an empty line that some clients send after a body (RFC 9112 §2.2). */
  start = 0;
  #next = 0;
  #line = 0;
  #lines = 0;

  constructor(readonly limits: HeadLimits) {}

  /** @returns the index after the empty line, or −1 when more is needed */
  feed(bytes: Buffer): number {
    const { maxBytes, maxFields } = this.limits;
    for (;;) {
      const at = bytes.indexOf(lineFeed, this.#next);
      if (at < 0) break;
      if (at - this.start >= maxBytes) throw new HttpFault(431, `head larger than ${maxBytes} bytes`);
      if (at === 0 || bytes[at - 1] !== carriageReturn) throw new HttpFault(400, "line feed without carriage return");
      this.#next = at + 1;
      if (at - 1 === this.#line) {
        if (this.#lines > 0) return at + 1;
        if (this.start > 0) throw new HttpFault(400, "empty lines before the start line");
        this.start = at + 1;
      } else if (++this.#lines > maxFields + 1) {
        throw new HttpFault(431, `more than ${maxFields} fields`);
      }
      this.#line = at + 1;
    }
    if (bytes.length - this.start >= maxBytes) throw new HttpFault(431, `head larger than ${maxBytes} bytes`);
    this.#next = bytes.length;
    return -1;
  }
}

function grown(bytes: Buffer, length: number, more: number): Buffer {
  const larger = Buffer.allocUnsafe(Math.max(4096, 2 * (length + more)));
  larger.set(bytes.subarray(0, length));
  return larger;
}

/**
 * Parses a head without its empty line.
 * @throws HttpFault 400
 */
export function parseHead(text: string): Head {
  if (control.test(text)) throw new HttpFault(400, "control character in the head");
  const lines = text.split("\r\n");
  const names: string[] = [];
  const shown: string[] = [];
  const values: string[] = [];
  for (let index = 1; index < lines.length; index++) parseField(lines[index]!, names, shown, values);
  return { line: lines[0]!, names, shown, values };
}

/** Parses one field line and adds it to the three lists. */
export function parseField(line: string, names: string[], shown: string[], values: string[]): void {
  const first = line.charCodeAt(0);
  // RFC 9112 §5.2: a server refuses obs-fold or unfolds it; unfolding is what proxies have disagreed on.
  if (first === 32 || first === 9) throw new HttpFault(400, "folded field line");
  const colon = line.indexOf(":");
  if (colon < 0) throw new HttpFault(400, "field line without a colon");
  const name = line.slice(0, colon);
  // RFC 9112 §5.1: blanks between the name and the colon are refused with 400.
  if (!token.test(name)) throw new HttpFault(400, "field name is not a token");
  names.push(name.toLowerCase());
  shown.push(name);
  values.push(withoutBlanks(line, colon + 1));
}

/** `String.trim` would also take U+00A0 away, which is a byte of the value (obs-text). */
function withoutBlanks(line: string, from: number): string {
  let start = from;
  let end = line.length;
  while (start < end && isBlank(line.charCodeAt(start))) start++;
  while (end > start && isBlank(line.charCodeAt(end - 1))) end--;
  return line.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9;
}
