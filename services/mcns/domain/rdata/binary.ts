/** Fields that hold octets as hexadecimal, base64 or base32. */
import { fromHex, type Octets, toHex } from "../octets.ts";
import type { Field } from "./field.ts";

export interface Limits {
  /** Fewest octets. Default 1. */
  readonly min?: number;
}

function rest(name: string, kind: string, read: (text: string) => Octets | null, write: (octets: Octets) => string) {
  return ({ min = 1 }: Limits = {}): Field => ({
    name,
    parse(tokens) {
      const text = tokens.rest(name);
      const octets = read(text);
      if (octets === null) throw tokens.wrong(name, `is ${kind}`, text);
      if (octets.length < min) {
        throw tokens.fail(`${tokens.subject}'s ${name} has at least ${min} octets, got ${octets.length}`);
      }
      return octets;
    },
    end: (data, at) => data.length - at >= min ? data.length : `its ${name} is missing`,
    format: (data, at, end) => write(data.slice(at, end)),
  });
}

/** All that is left, in hexadecimal; spaces may stand anywhere in it. Written in capitals. */
export const hexRest = (name: string, limits?: Limits): Field =>
  rest(name, "hexadecimal, two digits for each octet", fromHex, upperHex)(limits);

/** All that is left, in base64; spaces may stand anywhere in it. */
export const base64Rest = (name: string, limits?: Limits): Field =>
  rest(name, "base64", fromBase64, (octets) => btoa(octets))(limits);

export const upperHex = (octets: Octets): string => toHex(octets).toUpperCase();

/** Reads base64 with its padding (RFC 4648 §4); null for anything else. */
export function fromBase64(text: string): Octets | null {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return null;
  try {
    return atob(text);
  } catch {
    return null;
  }
}

/** Octets behind a length octet, in hexadecimal; `-` for none (NSEC3's salt, RFC 5155 §3.3). */
export function sizedHex(name: string): Field {
  const read = (text: string) => text === "-" ? "" : text === "" ? null : fromHex(text);
  return sized(name, 0, "is hexadecimal, or - for none", read, (octets) => upperHex(octets) || "-");
}

/** Octets behind a length octet, in base32hex without padding (NSEC3's next owner, RFC 5155 §3.3). */
export function sizedBase32(name: string): Field {
  return sized(name, 1, "is base32 without padding", fromBase32, toBase32);
}

function sized(
  name: string,
  min: number,
  form: string,
  read: (text: string) => Octets | null,
  write: (octets: Octets) => string,
): Field {
  return {
    name,
    layout: "s",
    parse(tokens) {
      const text = tokens.word(name);
      const octets = read(text);
      if (octets === null || octets.length < min || octets.length > 255) {
        throw tokens.wrong(name, form, text);
      }
      return String.fromCharCode(octets.length) + octets;
    },
    end(data, at) {
      const length = data.charCodeAt(at);
      return length >= min && at + 1 + length <= data.length ? at + 1 + length : `its ${name} is cut short`;
    },
    format: (data, at, end) => write(data.slice(at + 1, end)),
  };
}

const base32Digits = "0123456789ABCDEFGHIJKLMNOPQRSTUV";

/** base32hex without padding, in capitals (RFC 4648 §7). */
export function toBase32(octets: Octets): string {
  let text = "", bits = 0, held = 0;
  for (let i = 0; i < octets.length; i++) {
    held = held << 8 | octets.charCodeAt(i);
    for (bits += 8; bits >= 5;) text += base32Digits[held >> (bits -= 5) & 31]!;
    held &= (1 << bits) - 1;
  }
  return bits > 0 ? text + base32Digits[held << (5 - bits) & 31]! : text;
}

/** Reads base32hex without padding in any case; null for anything else. */
export function fromBase32(text: string): Octets | null {
  let octets = "", bits = 0, held = 0;
  for (const digit of text.toUpperCase()) {
    const value = base32Digits.indexOf(digit);
    if (value < 0) return null;
    held = held << 5 | value;
    bits += 5;
    if (bits >= 8) octets += String.fromCharCode(held >> (bits -= 8) & 0xff);
    held &= (1 << bits) - 1;
  }
  // Left-over bits are less than a digit, and zero: an octet string has one spelling.
  return bits < 5 && held === 0 ? octets : null;
}
