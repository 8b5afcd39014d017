/** Names as text (RFC 1035 §5.1) and as keys (name.ts). */
import { quote } from "@lib/errors/mod.ts";
import { lowerCase, type Octets } from "./octets.ts";

/** Octets of a whole name on the wire, and of one label (RFC 1035 §2.3.4). */
export const maxNameOctets = 255;
export const maxLabelOctets = 63;

/** The key of the root. */
export const rootKey = "\0";

const dot = 0x2e, hyphen = 0x2d, backslash = 0x5c, star = 0x2a;

/** 1 for the octets of the usual labels in lower case, `/` (RFC 2317 §4) among them. */
const isPlain = new Uint8Array(256);
for (const character of "abcdefghijklmnopqrstuvwxyz0123456789-_/") isPlain[character.charCodeAt(0)] = 1;

/**
 * The quick way for the usual name: plain labels in lower case, put below `origin` unless the text ends with a dot. Null
 * for anything else, right or wrong: `readKey` takes that.
 */
export function plainKey(text: string, origin: Octets = rootKey): Octets | null {
  const { length } = text;
  let key = "", start = 0;
  for (let i = 0; i <= length; i++) {
    const code = i < length ? text.charCodeAt(i) : dot;
    if (code === dot) {
      if (i === start) {
        if (i < length || i === 0) return null;
        return key.length < maxNameOctets ? key + rootKey : null;
      }
      if (i - start > maxLabelOctets || text.charCodeAt(start) === hyphen || text.charCodeAt(i - 1) === hyphen) {
        return null;
      }
      key += String.fromCharCode(i - start) + text.slice(start, i);
      start = i + 1;
    } else if (isPlain[code] !== 1) return null;
  }
  return key.length + origin.length <= maxNameOctets ? key + origin : null;
}

export interface NameReading {
  /** Key of the name that relative ones stand below, and that `@` stands for. Default: none, all are absolute. */
  readonly origin?: Octets | undefined;
  /** Takes every printable character as it is, and `*` and `-` anywhere: for mailboxes and for names made by others. */
  readonly anyCharacters?: boolean;
  /** Keeps capitals. Default: folded. */
  readonly keepCase?: boolean;
}

/**
 * Reads any name, `.` for the root. Usual labels are letters, digits, `-`, `_` and `/`, without `-` at either end, and
 * `*` alone as the first; other octets are written as `\!` or `\033`. Throws what `fail` makes of the message.
 */
export function readKey(text: string, fail: (message: string) => Error, reading: NameReading = {}): Octets {
  const { origin, anyCharacters = false, keepCase = false } = reading;
  if (text === ".") return rootKey;
  if (text === "@" && origin !== undefined) return origin;
  if (text === "") throw fail(`must be a domain name, got ${quote(text)}`);
  let key = "", label = "", labelAt = 0, escapes = 0;
  const endLabel = (end: number) => {
    if (label.length > maxLabelOctets) {
      throw fail(`a label has at most ${maxLabelOctets} octets, got ${label.length} in ${quote(text)}`);
    }
    const asWritten = text.slice(labelAt, end);
    if (label === "" || (!anyCharacters && escapes === 0 && !isUsual(asWritten, labelAt === 0))) {
      throw fail(unusualLabel(text));
    }
    key += String.fromCharCode(label.length) + label;
    if (key.length >= maxNameOctets + maxLabelOctets) throw fail(tooLong(key.length + 1, text));
    label = "";
    labelAt = end + 1;
    escapes = 0;
  };
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === dot) endLabel(at);
    else if (code === backslash) {
      const octet = readEscape(text, at);
      if (octet === null) throw fail(`write an octet as a backslash and three digits up to 255, got ${quote(text)}`);
      label += String.fromCharCode(octet);
      at += escapeLength(text, at) - 1;
      escapes++;
    } else if (code > 0x7f) throw fail(`write non-ASCII labels in their xn-- form, got ${quote(text)}`);
    else if (anyCharacters ? code <= 0x20 || code === 0x7f : !isUsualCode(code)) throw fail(unusualLabel(text));
    else label += text[at]!;
  }
  const isAbsolute = labelAt === text.length;
  if (!isAbsolute) endLabel(text.length);
  key += isAbsolute ? rootKey : origin ?? rootKey;
  if (key.length > maxNameOctets) throw fail(tooLong(key.length, text));
  return keepCase ? key : lowerCase(key);
}

const tooLong = (octets: number, text: string): string =>
  `a name has at most ${maxNameOctets} octets, got ${octets} in ${quote(text)}`;

const isUsualCode = (code: number): boolean => isPlain[code] === 1 || (code >= 0x41 && code <= 0x5a) || code === star;

/** Of a label without escapes, all of whose octets are usual ones. */
function isUsual(label: string, isFirst: boolean): boolean {
  if (label.includes("*")) return isFirst && label === "*";
  return !label.startsWith("-") && !label.endsWith("-");
}

const unusualLabel = (text: string): string =>
  `labels are letters, digits, "-" and "_", not "-" at either end; ` +
  `any other character is written with a backslash before it, got ${quote(text)}`;

/** The octet of the escape that starts at `at`: `\.` or `\046`. Null when it is cut short, not ASCII or above 255. */
export function readEscape(text: string, at: number): number | null {
  const code = text.charCodeAt(at + 1);
  if (code >= 0x30 && code <= 0x39) {
    const digits = text.slice(at + 1, at + 4);
    const octet = /^[0-9]{3}$/.test(digits) ? Number(digits) : 256;
    return octet <= 255 ? octet : null;
  }
  return code <= 0x7f ? code : null; // NaN at the end of the text
}

/** Characters of the escape at `at`, which `readEscape` has taken. */
export function escapeLength(text: string, at: number): number {
  const code = text.charCodeAt(at + 1);
  return code >= 0x30 && code <= 0x39 ? 4 : 2;
}

/**
 * Presentation form of a key without the final dot, `.` for the root. What `readKey` doesn't take as it is has a
 * backslash before it, or is `\DDD` where it is not printable; so every name reads back as itself.
 */
export function textOfKey(key: Octets): string {
  if (key === rootKey) return ".";
  let text = "";
  for (let at = 0; key.charCodeAt(at) > 0;) {
    const end = at + 1 + key.charCodeAt(at);
    if (at > 0) text += ".";
    let from = at + 1;
    for (let i = from; i < end; i++) {
      const code = key.charCodeAt(i);
      const isInside = i > at + 1 && i < end - 1;
      if (code === star ? at === 0 && end === 2 : isUsualCode(code) && (code !== hyphen || isInside)) continue;
      const isPrintable = code > 0x20 && code < 0x7f;
      text += key.slice(from, i) + "\\" + (isPrintable ? key[i]! : String(code).padStart(3, "0"));
      from = i + 1;
    }
    text += key.slice(from, end);
    at = end;
  }
  return text;
}
