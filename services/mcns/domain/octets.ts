/**
 * Octets as strings, one character (U+0000 to U+00FF) per octet: the form of name keys and record data in memory. Such a
 * string compares with `===`, sorts with `<` in the order of its octets, is a Map's key, and takes a third of the
 * memory of a Uint8Array of its own.
 */

/** One character per octet. */
export type Octets = string;

/** Copies the octets into an array of their own. */
export function toBytes(octets: Octets): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(octets.length);
  for (let i = 0; i < octets.length; i++) bytes[i] = octets.charCodeAt(i);
  return bytes;
}

/** Reads the octets of `bytes` from `start` (default 0) to before `end` (default: all). */
export function fromBytes(bytes: Uint8Array, start = 0, end = bytes.length): Octets {
  const length = end - start;
  if (length > 0 && length < longPiece) {
    const codes = pieces[length] ??= new Array<number>(length).fill(0);
    for (let i = 0; i < length; i++) codes[i] = bytes[start + i]!;
    return String.fromCharCode.apply(null, codes);
  }
  let octets = "";
  // In pieces: an argument list has an upper limit. `apply` takes the array as it is, ten times as fast as spreading it.
  for (let at = start; at < end; at += 4096) {
    const piece: ArrayLike<number> = bytes.subarray(at, Math.min(at + 4096, end));
    octets += String.fromCharCode.apply(null, piece as number[]);
  }
  return octets;
}

/** Below this a reused list of numbers, one for each length, is twice as fast as a view made anew. */
const longPiece = 512;
const pieces: number[][] = [];

/** A 16-bit number in network order. */
export function u16Octets(value: number): Octets {
  return String.fromCharCode(value >> 8 & 0xff, value & 0xff);
}

/** A 32-bit number in network order. */
export function u32Octets(value: number): Octets {
  return String.fromCharCode(value >>> 24, value >>> 16 & 0xff, value >>> 8 & 0xff, value & 0xff);
}

/** Reads a 16-bit number at `at`. */
export function u16At(octets: Octets, at: number): number {
  return octets.charCodeAt(at) << 8 | octets.charCodeAt(at + 1);
}

/** Reads a 32-bit number at `at`, unsigned. */
export function u32At(octets: Octets, at: number): number {
  return (u16At(octets, at) << 16 | u16At(octets, at + 2)) >>> 0;
}

const utf8 = new TextEncoder();

/** The UTF-8 octets of a text; itself when it is all ASCII. */
export function utf8Octets(text: string): Octets {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return fromBytes(utf8.encode(text));
  return text;
}

/** Folds A to Z and leaves all other octets alone, as names compare (RFC 4343 §3). */
export function lowerCase(octets: Octets): Octets {
  for (let i = 0; i < octets.length; i++) {
    const code = octets.charCodeAt(i);
    if (code >= 0x41 && code <= 0x5a) return octets.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
  }
  return octets;
}

const hexDigits = /^([0-9a-f]{2})*$/i;

/** Lower case hexadecimal. */
export function toHex(octets: Octets): string {
  let hex = "";
  for (let i = 0; i < octets.length; i++) hex += octets.charCodeAt(i).toString(16).padStart(2, "0");
  return hex;
}

/** Reads hexadecimal of even length in any case; null for anything else. */
export function fromHex(hex: string): Octets | null {
  if (!hexDigits.test(hex)) return null;
  let octets = "";
  for (let i = 0; i < hex.length; i += 2) octets += String.fromCharCode(parseInt(hex.slice(i, i + 2), 16));
  return octets;
}
