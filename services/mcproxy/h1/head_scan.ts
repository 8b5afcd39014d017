/**
 * The way that nearly every head goes: it came in one piece and is as it should be. One pass over its bytes checks each and
 * finds the fields; whatever is out of the ordinary is left to head.ts, which says what is wrong with it.
 * @module
 */
import { Buffer } from "node:buffer";
import type { Fields } from "../relay/message.ts";

/** Limits of one head. */
export interface HeadLimits {
  /** Start line and fields with their line ends, bytes. */
  maxBytes: number;
  maxFields: number;
}

/** Start line and fields. */
export interface Head extends Fields {
  readonly line: string;
}

/** A head, and where it ends: after its empty line. */
export interface ScannedHead {
  readonly head: Head;
  readonly end: number;
}

const colon = 58;
const carriageReturn = 13;
const lineFeed = 10;
const tab = 9;
const blank = 32;

/** What a byte is, as bits. */
const inToken = 1;
const isUpper = 2;
/** Controls, CR and LF: looked at one by one. */
const isControl = 4;

const kinds = new Uint8Array(256);
for (let byte = 0; byte < 32; byte++) if (byte !== tab) kinds[byte] = isControl;
kinds[127] = isControl;
// RFC 9110 §5.6.2.
for (const character of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz") kinds[character.charCodeAt(0)] = inToken;
for (const character of "ABCDEFGHIJKLMNOPQRSTUVWXYZ") kinds[character.charCodeAt(0)] = inToken | isUpper;

/** Start, first colon and end of each line; heads of more lines are head.ts's. */
const maxLines = 300;
const marks = new Int32Array(3 * maxLines);

/** Names as they are mostly written, and in lower case. */
const lowerCase = new Map(
  [
    ...["Accept", "Accept-Encoding", "Accept-Language", "Accept-Ranges", "Age", "Authorization", "Cache-Control"],
    ...[
      "Connection",
      "Content-Encoding",
      "Content-Length",
      "Content-Type",
      "Cookie",
      "Date",
      "ETag",
      "Expires",
      "Host",
    ],
    ...["If-Modified-Since", "If-None-Match", "Keep-Alive", "Last-Modified", "Location", "Origin", "Referer", "Server"],
    ...["Set-Cookie", "Strict-Transport-Security", "Transfer-Encoding", "Upgrade", "User-Agent", "Vary", "Via"],
  ].map((name) => [name, name.toLowerCase()]),
);

/** `this` is a Uint8Array: no Buffer has to be made. */
const { latin1Slice } = Buffer.prototype as unknown as {
  latin1Slice(this: Uint8Array, from: number, to: number): string;
};

/** Null when it isn't whole, or not well-formed, or beyond a limit. */
export function scanHead(bytes: Uint8Array, { maxBytes, maxFields }: HeadLimits): ScannedHead | null {
  const most = Math.min(bytes.length, maxBytes);
  const linesAtMost = Math.min(maxFields + 1, maxLines);
  let lines = 0;
  let start = 0;
  let firstColon = -1;
  for (let at = 0; at < most; at++) {
    const byte = bytes[at]!;
    if (byte === colon) {
      if (firstColon < 0) firstColon = at;
    } else if ((kinds[byte]! & isControl) !== 0) {
      if (byte !== carriageReturn || at + 1 >= most || bytes[at + 1] !== lineFeed) return null;
      if (at === start) return lines === 0 ? null : headOf(bytes, lines, at + 2);
      if (lines === linesAtMost) return null;
      marks[3 * lines] = start;
      marks[3 * lines + 1] = firstColon;
      marks[3 * lines + 2] = at;
      lines++;
      start = ++at + 1;
      firstColon = -1;
    }
  }
  return null;
}

function headOf(bytes: Uint8Array, lines: number, end: number): ScannedHead | null {
  const text = latin1Slice.call(bytes, 0, end - 4);
  const names: string[] = [];
  const shown: string[] = [];
  const values: string[] = [];
  for (let line = 1; line < lines; line++) {
    const start = marks[3 * line]!;
    const stop = marks[3 * line + 1]!;
    if (stop <= start) return null;
    let all = 0xff;
    let any = 0;
    for (let at = start; at < stop; at++) {
      const kind = kinds[bytes[at]!]!;
      all &= kind;
      any |= kind;
    }
    if ((all & inToken) === 0) return null;
    let from = stop + 1;
    let to = marks[3 * line + 2]!;
    while (from < to && isBlank(bytes[from]!)) from++;
    while (to > from && isBlank(bytes[to - 1]!)) to--;
    const name = text.slice(start, stop);
    shown.push(name);
    names.push((any & isUpper) === 0 ? name : lowerCase.get(name) ?? name.toLowerCase());
    values.push(text.slice(from, to));
  }
  return { head: { line: text.slice(0, marks[2]!), names, shown, values }, end };
}

function isBlank(byte: number): boolean {
  return byte === blank || byte === tab;
}
