/**
 * Networks as operators write them.
 * @module
 */
import { invalid, quote } from "@lib/errors/mod.ts";
import { formatIp, type IpAddress, parseIp } from "./ip_address.ts";

/** A network: the bits of `first` behind `bits` are zero. */
export interface Cidr {
  readonly first: IpAddress;
  /** Length of the prefix: 0–32 for IPv4, 0–128 for IPv6. */
  readonly bits: number;
}

/**
 * Reads "192.0.2.0/24", "2001:db8::/32", or an address alone, which stands for itself. A network inside ::ffff:0:0/96 is
 * the IPv4 network that it maps, since such clients count as IPv4 ones.
 * @throws PlatformError `invalid` on `field`; bits behind the prefix are refused with the network that was probably meant
 */
export function parseCidr(text: string, field = "cidrs"): Cidr {
  const [addressText = "", bitsText, ...rest] = text.split("/");
  if (addressText.includes("%")) {
    throw invalid(field, `must have no zone id, got ${quote(text)}`, {
      hint: "Leave %interface away: a rule is for an address, whatever the interface",
    });
  }
  const address = parseIp(addressText);
  if (address === null || rest.length > 0) {
    throw invalid(
      field,
      `must be an address or a network such as "192.0.2.0/24" or "2001:db8::/32", got ${quote(text)}`,
    );
  }
  // A mapped address is written with 128 bits, and counts with 32.
  const mapped = address.family === 4 && addressText.includes(":");
  const width = address.family === 4 && !mapped ? 32 : 128;
  if (bitsText === undefined) return { first: address, bits: address.family === 4 ? 32 : 128 };
  const written = /^(0|[1-9]\d{0,2})$/.test(bitsText) ? Number(bitsText) : -1;
  const least = mapped ? 96 : 0;
  if (written < least || written > width) {
    throw invalid(field, `must have a prefix length from ${least} to ${width}, got ${quote(text)}`);
  }
  const bits = written - least;
  const first = masked(address, bits);
  if (first.words.some((word, i) => word !== address.words[i])) {
    throw invalid(field, `must have no bits set behind the prefix, got ${quote(text)}`, {
      hint: `Write ${formatCidr({ first, bits })} for the network, or ${formatIp(address)} for that address alone`,
    });
  }
  return { first, bits };
}

/** The one spelling of a network; an address alone has no "/". */
export function formatCidr({ first, bits }: Cidr): string {
  const text = formatIp(first);
  return bits === (first.family === 4 ? 32 : 128) ? text : `${text}/${bits}`;
}

/** The last address of the network, as words. */
export function lastWords({ first: { family, words }, bits }: Cidr): [number, number, number, number] {
  const depth = family === 4 ? bits + 96 : bits;
  const last = (n: 0 | 1 | 2 | 3) => (words[n] | ~maskWord(depth, n)) >>> 0;
  return [last(0), last(1), last(2), last(3)];
}

/** By first address, the wider before the narrower; for networks of one family. */
export function compareCidrs(one: Cidr, other: Cidr): number {
  return compareWords(one.first.words, other.first.words) || one.bits - other.bits;
}

/** By number. */
export function compareWords(one: IpAddress["words"], other: IpAddress["words"]): number {
  return one[0] - other[0] || one[1] - other[1] || one[2] - other[2] || one[3] - other[3];
}

function masked({ family, words }: IpAddress, bits: number): IpAddress {
  const depth = family === 4 ? bits + 96 : bits;
  const kept = (n: 0 | 1 | 2 | 3) => (words[n] & maskWord(depth, n)) >>> 0;
  return { family, words: [kept(0), kept(1), kept(2), kept(3)] };
}

/** Word `n` of a mask of `depth` ones. */
function maskWord(depth: number, n: number): number {
  const ones = Math.min(32, Math.max(0, depth - 32 * n));
  return ones === 0 ? 0 : -1 << (32 - ones);
}
