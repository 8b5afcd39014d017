/**
 * IP addresses as text and octets. One spelling per address, so that the same
 * address isn't stored twice in two ways.
 */

/**
 * Four octets of strict dotted decimal (no leading zeros: `010` is octal to some), or null. Read character by character:
 * it runs for every stored record at start and for every client that may have names forwarded.
 */
export function parseIpv4(text: string): Uint8Array | null {
  const octets = new Uint8Array(4);
  let part = 0, digits = 0, value = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x2e && digits > 0 && part < 3) {
      octets[part++] = value;
      digits = value = 0;
    } else if (code >= 0x30 && code <= 0x39 && (digits === 0 || value > 0)) {
      value = value * 10 + code - 0x30;
      digits++;
      if (value > 255) return null;
    } else return null;
  }
  if (part < 3 || digits === 0) return null;
  octets[3] = value;
  return octets;
}

/** Sixteen octets of any RFC 4291 §2.2 spelling (`::`, dotted tail), or null. No zone id (`%eth0`). */
export function parseIpv6(text: string): Uint8Array | null {
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const head = groupsOf(halves[0]!, halves.length === 1);
  const tail = halves.length === 2 ? groupsOf(halves[1]!, true) : [];
  if (head === null || tail === null) return null;
  const missing = 8 - head.length - tail.length;
  // "::" stands for at least one group; without it all eight must be there.
  if (halves.length === 2 ? missing < 1 : missing !== 0) return null;
  const groups = [...head, ...new Array<number>(missing).fill(0), ...tail];
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}

/** The groups of one side of `::`; a dotted IPv4 address may end the last side and counts as two. */
function groupsOf(text: string, last: boolean): number[] | null {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [i, part] of parts.entries()) {
    if (last && i === parts.length - 1 && part.includes(".")) {
      const v4 = parseIpv4(part);
      if (v4 === null) return null;
      groups.push(v4[0]! << 8 | v4[1]!, v4[2]! << 8 | v4[3]!);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      groups.push(parseInt(part, 16));
    } else return null;
  }
  return groups;
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
