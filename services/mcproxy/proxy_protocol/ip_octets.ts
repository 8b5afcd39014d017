/**
 * IP addresses between text and a header's octets. IPv4-mapped IPv6 addresses read as the IPv4 ones that they stand
 * for, so that a client has one address, whatever socket it came by.
 * @module
 */
import { formatIp, type IpAddress, parseIp } from "../domain/ip_address.ts";

/** The one spelling (dotted decimal, RFC 5952) of the address in 4 or 16 octets. */
export function ipText(octets: Uint8Array): string {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  const word = (n: number) => view.getUint32(4 * n);
  if (octets.length === 4) return ipv4Text(word(0));
  const words: IpAddress["words"] = [word(0), word(1), word(2), word(3)];
  const isMapped = words[0] === 0 && words[1] === 0 && words[2] === 0xffff;
  return isMapped ? ipv4Text(words[3]) : formatIp({ family: 6, words });
}

function ipv4Text(word: number): string {
  return formatIp({ family: 4, words: [0, 0, 0, word] });
}

/** The octets, 4 or 16, of an address in any spelling; null for what is none. */
export function ipOctets(text: string): Uint8Array | null {
  const address = parseIp(text);
  if (address === null) return null;
  const octets = new Uint8Array(16);
  const view = new DataView(octets.buffer);
  for (const [index, word] of address.words.entries()) view.setUint32(4 * index, word);
  return address.family === 4 ? octets.subarray(12) : octets;
}
