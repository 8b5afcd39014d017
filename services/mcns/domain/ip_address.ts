/**
 * IP addresses as text and octets. One spelling per address, so that the same
 * address isn't stored twice in two ways.
 */

const colon = 0x3a, dot = 0x2e;

/** Four octets of strict dotted decimal (no leading zeros: `010` is octal to some), or null. */
export function parseIpv4(text: string): Uint8Array | null {
  const address = ipv4Number(text);
  return address < 0
    ? null
    : Uint8Array.of(address >>> 24, address >>> 16 & 0xff, address >>> 8 & 0xff, address & 0xff);
}

/**
 * As `parseIpv4`, the address as a number of 32 bits; -1 for what is none. Read character by character: it runs for every
 * stored record at start and for every client that may have names forwarded.
 */
export function ipv4Number(text: string): number {
  let address = 0, dots = 0, digits = 0, value = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === dot && digits > 0 && dots < 3) {
      address = address << 8 | value;
      dots++;
      digits = value = 0;
    } else if (code >= 0x30 && code <= 0x39 && (digits === 0 || value > 0)) {
      value = value * 10 + code - 0x30;
      digits++;
      if (value > 255) return -1;
    } else return -1;
  }
  return dots === 3 && digits > 0 ? (address << 8 | value) >>> 0 : -1;
}

/** Sixteen octets of any RFC 4291 §2.2 spelling (`::`, dotted tail), or null. No zone id (`%eth0`). */
export function parseIpv6(text: string): Uint8Array | null {
  const octets = new Uint8Array(16);
  let count = 0, gapAt = -1, i = 0;
  if (text.charCodeAt(0) === colon) {
    if (text.charCodeAt(1) !== colon) return null;
    gapAt = 0;
    i = 2;
  }
  while (i < text.length) {
    const start = i;
    let group = 0;
    for (; i < text.length; i++) {
      const digit = hexDigit(text.charCodeAt(i));
      if (digit < 0) break;
      group = group << 4 | digit;
    }
    if (text.charCodeAt(i) === dot) {
      // An IPv4 address may stand for the last two groups.
      const v4 = count <= 12 ? parseIpv4(text.slice(start)) : null;
      if (v4 === null) return null;
      octets.set(v4, count);
      count += 4;
      break;
    }
    if (i === start || i - start > 4 || count === 16) return null;
    octets[count++] = group >> 8;
    octets[count++] = group & 0xff;
    if (i === text.length) break;
    if (text.charCodeAt(i++) !== colon || i === text.length) return null;
    if (text.charCodeAt(i) === colon) {
      if (gapAt >= 0) return null;
      gapAt = count;
      i++;
    }
  }
  if (gapAt < 0) return count === 16 ? octets : null;
  // "::" stands for at least one group.
  if (count === 16) return null;
  const tailAt = 16 - (count - gapAt);
  octets.copyWithin(tailAt, gapAt, count);
  return octets.fill(0, gapAt, tailAt);
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

/** Dotted decimal. */
export function formatIpv4(octets: Uint8Array): string {
  return octets.join(".");
}

/** RFC 5952: lower case, no leading zeros, the longest run of two or more zero groups as `::`. */
export function formatIpv6(octets: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => octets[2 * i]! << 8 | octets[2 * i + 1]!);
  // RFC 5952 §5: addresses known to hold an IPv4 address show it.
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return `::ffff:${formatIpv4(octets.subarray(12))}`;
  }
  let start = -1, length = 1;
  for (let i = 0; i < 8; i++) {
    let run = 0;
    while (i + run < 8 && groups[i + run] === 0) run++;
    if (run > length) [start, length] = [i, run]; // the first of equally long ones (§4.2.3)
  }
  const hex = (part: number[]) => part.map((group) => group.toString(16)).join(":");
  return start < 0 ? hex(groups) : `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`;
}
