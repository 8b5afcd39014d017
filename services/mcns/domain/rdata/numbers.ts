/** Fields that hold numbers and times. */
import { type Octets, u16At, u16Octets, u32At, u32Octets } from "../octets.ts";
import { type Field, fixedEnd } from "./field.ts";

/** Digits only, at most ten of them; -1 for anything else. */
export function readNumber(text: string): number {
  if (text === "" || text.length > 10) return -1;
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/** An unsigned number of 1, 2 or 4 octets in network order. */
export function numberAt(data: Octets, at: number, octets: 1 | 2 | 4): number {
  return octets === 1 ? data.charCodeAt(at) : octets === 2 ? u16At(data, at) : u32At(data, at);
}

export function numberOctets(value: number, octets: 1 | 2 | 4): Octets {
  return octets === 1 ? String.fromCharCode(value) : octets === 2 ? u16Octets(value) : u32Octets(value);
}

/** An unsigned number of 1, 2 or 4 octets. */
export function number(name: string, octets: 1 | 2 | 4): Field {
  const max = 2 ** (8 * octets) - 1;
  return {
    name,
    layout: octets,
    parse(tokens) {
      const text = tokens.word(name);
      const value = readNumber(text);
      if (value < 0 || value > max) throw tokens.wrong(name, `is a number from 0 to ${max}`, text);
      return numberOctets(value, octets);
    },
    end: (data, at) => fixedEnd(name, data, at, octets),
    format: (data, at) => String(numberAt(data, at, octets)),
  };
}

/** A number that may be written as one of the names; written out as a number. */
export function namedNumber(name: string, octets: 1 | 2, names: Readonly<Record<string, number>>): Field {
  const plain = number(name, octets);
  return {
    ...plain,
    parse(tokens) {
      const named = Object.entries(names).find(([one]) => one === tokens.peek()?.text.toUpperCase());
      if (named === undefined) return plain.parse(tokens);
      tokens.next(name);
      return numberOctets(named[1], octets);
    },
  };
}

const unitSeconds: Readonly<Record<string, number>> = { w: 604_800, d: 86_400, h: 3600, m: 60, s: 1 };

/** Seconds of `3600`, `1h` or `1h30m` (BIND's TTL units); null for anything else or beyond 32 bits. */
export function readDuration(text: string): number | null {
  const plain = readNumber(text);
  if (plain >= 0) return plain <= 0xffff_ffff ? plain : null;
  if (text.length > 40 || !/^([0-9]{1,10}[wdhms])+$/i.test(text)) return null;
  let seconds = 0;
  for (const [, count, unit] of text.toLowerCase().matchAll(/([0-9]+)([a-z])/g)) {
    seconds += Number(count) * unitSeconds[unit!]!;
  }
  return seconds <= 0xffff_ffff ? seconds : null;
}

/** Seconds of 32 bits. */
export function duration(name: string): Field {
  return {
    ...number(name, 4),
    parse(tokens) {
      const text = tokens.word(name);
      const seconds = readDuration(text);
      if (seconds === null) throw tokens.wrong(name, "is seconds, or a time like 1h30m", text);
      return u32Octets(seconds);
    },
  };
}

/**
 * A point in time, seconds since 1970 modulo 2³², written `YYYYMMDDHHmmSS` in UTC (RFC 4034 §3.2); plain seconds are read
 * too. Written times are those from 1970 to 2106.
 */
export function time(name: string): Field {
  return {
    ...number(name, 4),
    parse(tokens) {
      const text = tokens.word(name);
      const seconds = readTime(text);
      if (seconds === null) throw tokens.wrong(name, "is a UTC time like 20260131120000", text);
      return u32Octets(seconds);
    },
    format: (data, at) => new Date(u32At(data, at) * 1000).toISOString().slice(0, 19).replaceAll(/[T:-]/g, ""),
  };
}

function readTime(text: string): number | null {
  const plain = readNumber(text);
  if (plain >= 0) return plain <= 0xffff_ffff ? plain : null;
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(text);
  if (match === null) return null;
  const iso = match[1] + "-" + match[2] + "-" + match[3] + "T" + match[4] + ":" + match[5] + ":" + match[6];
  const milliseconds = Date.parse(iso + ".000Z");
  // Date.parse takes 24:00 and, in some engines, 31 February: only what is written back the same is a time.
  if (Number.isNaN(milliseconds) || !new Date(milliseconds).toISOString().startsWith(iso)) return null;
  return ((milliseconds / 1000) % 2 ** 32 + 2 ** 32) % 2 ** 32;
}
