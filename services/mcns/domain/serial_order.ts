/** Serials of others (RFC 1982): they wrap around, so that "newer" is a question of distance. */
import { type Octets, u32At } from "./octets.ts";

/**
 * Whether serial `a` is newer than `b`: less than half the number circle ahead of it (RFC 1982 §3.2). Two that lie
 * exactly half of it apart have no order: then it is false both ways.
 */
export function isNewerSerial(a: number, b: number): boolean {
  const ahead = (a - b) >>> 0;
  return ahead > 0 && ahead < 0x8000_0000;
}

/** The serial in an SOA's data, without reading the rest: four times of 32 bits follow it (RFC 1035 §3.3.13). */
export function serialOfSoa(data: Octets): number {
  return u32At(data, data.length - 20);
}
