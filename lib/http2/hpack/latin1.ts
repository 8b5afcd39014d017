/**
 * Octets and text, one character for each octet.
 * @module
 */
import { Buffer } from "node:buffer";

// Buffer's own Latin-1 decoder, which its types leave out: half the time of toString("latin1").
const { latin1Slice } = Buffer.prototype as unknown as {
  latin1Slice(this: Uint8Array, from: number, to: number): string;
};
const { fromCharCode } = String;

/** Below this many octets four characters at a time are faster than a call out of the engine. */
const shortBytes = 12;

/** Text of `bytes[from, to)`. */
export function latin1(bytes: Uint8Array, from: number, to: number): string {
  if (to - from > shortBytes) return latin1Slice.call(bytes, from, to);
  let text = "";
  let at = from;
  for (; at + 4 <= to; at += 4) text += fromCharCode(bytes[at]!, bytes[at + 1]!, bytes[at + 2]!, bytes[at + 3]!);
  for (; at < to; at++) text += fromCharCode(bytes[at]!);
  return text;
}

/** Writes text at `target[at]`, cutting each character to an octet; returns the index after it. */
export function writeLatin1(text: string, target: Uint8Array, at: number): number {
  for (let index = 0; index < text.length; index++) target[at++] = text.charCodeAt(index);
  return at;
}

/**
 * The same text with memory of its own. A slice of a message's head keeps the whole head; the engine makes slices
 * from 13 characters on.
 */
export function ownText(text: string): string {
  if (text.length < 13) return text;
  const bytes = Buffer.allocUnsafe(text.length);
  writeLatin1(text, bytes, 0);
  return latin1(bytes, 0, text.length);
}
