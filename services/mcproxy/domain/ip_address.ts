/**
 * IP addresses as numbers, for comparing and looking up.
 * @module
 */

/**
 * Four words of 32 bits, unsigned, the highest first. IPv4 has its 32 bits in the last and zeros before them, and so has
 * an IPv4-mapped IPv6 address (::ffff:192.0.2.1, RFC 4291 §2.5.5.2): a dual-stack socket must not make two clients of one.
 */
export interface IpAddress {
  readonly family: 4 | 6;
  readonly words: readonly [number, number, number, number];
}

const dot = 46;
const colon = 58;
const zero = 48;

/**
 * Reads an address without brackets, port or zone.
 * @returns null for anything else: leading zeros ("010.0.0.1" is octal to some readers), missing parts, a zone id
 */
export function parseIp(text: string): IpAddress | null {
  const last = text.length <= 45 ? parseIpv4(text, 0) : -1;
  if (last >= 0) return { family: 4, words: [0, 0, 0, last] };
  return text.length <= 45 ? parseIpv6(text) : null;
}

/** The dotted form from `at` to the end, as a number; -1 when it isn't one. */
function parseIpv4(text: string, at: number): number {
  let value = 0;
  let part = -1;
  let parts = 0;
  for (let i = at; i <= text.length; i++) {
    const code = i === text.length ? dot : text.charCodeAt(i);
    if (code === dot) {
      if (part < 0 || ++parts > 4) return -1;
      value = value * 256 + part;
      part = -1;
      continue;
    }
    const digit = code - zero;
    if (digit < 0 || digit > 9 || part === 0) return -1;
    part = part < 0 ? digit : part * 10 + digit;
    if (part > 255) return -1;
  }
  return parts === 4 ? value : -1;
}

/** RFC 4291 §2.2, all three forms. */
function parseIpv6(text: string): IpAddress | null {
  const groups: number[] = [];
  // Where "::" stands, as a number of groups before it.
  let gap = -1;
  let i = 0;
  if (text.startsWith("::")) {
    gap = 0;
    i = 2;
  }
  while (i < text.length) {
    let group = 0;
    let digits = 0;
    let end = i;
    for (; end < text.length; end++) {
      const digit = hexDigit(text.charCodeAt(end));
      if (digit < 0) break;
      group = group * 16 + digit;
      if (++digits > 4) return null;
    }
    if (text.charCodeAt(end) === dot) {
      const embedded = parseIpv4(text, i);
      if (embedded < 0) return null;
      groups.push(embedded >>> 16, embedded & 0xffff);
      break;
    }
    if (digits === 0) return null;
    groups.push(group);
    if (end === text.length) break;
    if (text.charCodeAt(end) !== colon) return null;
    i = end + 1;
    if (text.charCodeAt(i) === colon) {
      if (gap >= 0) return null;
      gap = groups.length;
      i++;
    } else if (i === text.length) return null;
  }
  // "::" stands for one group of zeros at least.
  if (gap < 0 ? groups.length !== 8 : groups.length > 7) return null;
  if (gap >= 0) groups.splice(gap, 0, ...new Array<number>(8 - groups.length).fill(0));
  const word = (n: number) => groups[2 * n]! * 65536 + groups[2 * n + 1]!;
  return unmapped([word(0), word(1), word(2), word(3)]);
}

function unmapped(words: [number, number, number, number]): IpAddress {
  return words[0] === 0 && words[1] === 0 && words[2] === 0xffff
    ? { family: 4, words: [0, 0, 0, words[3]] }
    : { family: 6, words };
}

function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

/** The form of RFC 5952: lower case, no leading zeros, the longest run of zero groups as "::". */
export function formatIp({ family, words }: IpAddress): string {
  if (family === 4) return [24, 16, 8, 0].map((shift) => words[3] >>> shift & 255).join(".");
  const groups = words.flatMap((word) => [word >>> 16, word & 0xffff]);
  let best = 0;
  let bestLength = 1;
  for (let i = 0, start = 0; i < 8; i++) {
    if (groups[i] !== 0) start = i + 1;
    else if (i + 1 - start > bestLength) {
      best = start;
      bestLength = i + 1 - start;
    }
  }
  const hex = (part: number[]) => part.map((group) => group.toString(16)).join(":");
  return bestLength === 1 ? hex(groups) : `${hex(groups.slice(0, best))}::${hex(groups.slice(best + bestLength))}`;
}
