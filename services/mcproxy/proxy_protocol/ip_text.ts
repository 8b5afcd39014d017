/**
 * IP addresses between text and octets, one spelling for each.
 * @module
 */

const ipv4 = /^(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(\.(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}$/;
const group = /^[0-9a-fA-F]{1,4}$/;

/** 4 octets of dotted decimal without leading zeros (`010` is octal to some), or null. */
export function ipv4Octets(text: string): Uint8Array | null {
  return ipv4.test(text) ? Uint8Array.from(text.split("."), Number) : null;
}

/** 16 octets of an RFC 4291 §2.2 spelling, a dotted tail included, or null. No zone (`%eth0`). */
export function ipv6Octets(text: string): Uint8Array | null {
  if (text.length > 45) return null;
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const front = octetsOf(halves[0]!, halves.length === 1);
  const back = halves.length === 1 ? [] : octetsOf(halves[1]!, true);
  if (front === null || back === null) return null;
  const length = front.length + back.length;
  // "::" stands for at least one group.
  if (halves.length === 1 ? length !== 16 : length > 14) return null;
  const octets = new Uint8Array(16);
  octets.set(front);
  octets.set(back, 16 - back.length);
  return octets;
}

/** Groups between colons; the last may be an IPv4 address when they end the address. */
function octetsOf(text: string, ends: boolean): number[] | null {
  if (text === "") return [];
  const octets: number[] = [];
  const groups = text.split(":");
  for (const [index, each] of groups.entries()) {
    if (group.test(each)) {
      const value = parseInt(each, 16);
      octets.push(value >> 8, value & 0xff);
      continue;
    }
    const tail = ends && index === groups.length - 1 ? ipv4Octets(each) : null;
    if (tail === null) return null;
    octets.push(...tail);
  }
  return octets;
}

/** 4 or 16 octets of either family, or null. */
export function ipOctets(text: string): Uint8Array | null {
  return text.includes(":") ? ipv6Octets(text) : ipv4Octets(text);
}

/** Dotted decimal of 4 octets; of 16 the form of RFC 5952 (lower case, the longest run of zero groups as `::`). */
export function ipText(octets: Uint8Array): string {
  if (octets.length === 4) return octets.join(".");
  // RFC 5952 §5: an address known to hold an IPv4 one shows it.
  if (isMapped(octets)) return `::ffff:${octets.subarray(12).join(".")}`;
  const groups = Array.from({ length: 8 }, (_, index) => octets[2 * index]! << 8 | octets[2 * index + 1]!);
  let start = -1;
  let length = 1;
  for (let index = 0; index < 8; index++) {
    let run = 0;
    while (index + run < 8 && groups[index + run] === 0) run++;
    // The first of equally long runs (RFC 5952 §4.2.3); a single zero group is written out (§4.2.2).
    if (run > length) [start, length] = [index, run];
  }
  const hex = (part: number[]) => part.map((value) => value.toString(16)).join(":");
  return start < 0 ? hex(groups) : `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`;
}

/** An IPv4 address in ::ffff:0:0/96 (RFC 4291 §2.5.5.2). */
export function isMapped(octets: Uint8Array): boolean {
  if (octets.length !== 16 || octets[10] !== 0xff || octets[11] !== 0xff) return false;
  for (let index = 0; index < 10; index++) if (octets[index] !== 0) return false;
  return true;
}
