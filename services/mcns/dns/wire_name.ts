/**
 * Names on the wire (RFC 1035 §3.1, §4.1.4). Strict: labels up to 63 octets, 255 in all,
 * pointers only to before where the current run of labels began, never into the header. So each pointer goes
 * further back than the last, and reading ends.
 */
import type { LookupName } from "../domain/lookup_name.ts";
import { maxLabelOctets, maxNameOctets, rootKey } from "../domain/name.ts";
import { headerOctets } from "./codes.ts";

export interface ReadName {
  /** Wire form without pointers, one character per octet. */
  readonly name: string;
  /** Where reading goes on. */
  readonly next: number;
}

const asSent = Array.from({ length: 256 }, (_, octet) => String.fromCharCode(octet));
const folded = asSent.map((character) => /[A-Z]/.test(character) ? character.toLowerCase() : character);

/**
 * Reads the name at `at`; null when it is malformed or runs past `end`.
 * @param keepCase false gives the key of domain/name.ts; true keeps the octets as sent
 */
export function readName(packet: Uint8Array, at: number, end: number, keepCase = false): ReadName | null {
  const letters = keepCase ? asSent : folded;
  let name = "";
  let next = -1;
  let runStart = at;
  for (;;) {
    if (at >= end) return null;
    const length = packet[at]!;
    if (length === 0) return { name: name + rootKey, next: next < 0 ? at + 1 : next };
    if (length >= 0xc0) {
      if (at + 1 >= end) return null;
      const target = (length & 0x3f) << 8 | packet[at + 1]!;
      if (target >= runStart || target < headerOctets) return null;
      if (next < 0) next = at + 2;
      at = runStart = target;
      continue;
    }
    // 0x40 and 0x80 are no label types that anybody may send (RFC 6891 §5).
    if (length > maxLabelOctets) return null;
    const labelEnd = at + 1 + length;
    if (labelEnd >= end || name.length + length + 2 > maxNameOctets) return null;
    // A length octet is below "A", so folding leaves it alone.
    for (; at < labelEnd; at++) name += letters[packet[at]!]!;
  }
}

const lowerCase = Uint8Array.from({ length: 256 }, (_, octet) => octet >= 0x41 && octet <= 0x5a ? octet + 0x20 : octet);

/**
 * Reads a question's name at `at` into `name`, folded; returns where reading goes on, -1 when it is malformed or runs past
 * the packet's end. A pointer is malformed: before the question there is nothing to point at.
 */
export function readQuestionName(packet: Uint8Array, at: number, name: LookupName): number {
  const { octets } = name, end = packet.length;
  let filled = 0;
  for (;;) {
    if (at >= end) return -1;
    const length = packet[at++]!;
    if (length === 0) break;
    if (length > maxLabelOctets || at + length >= end || filled + length + 2 > maxNameOctets) return -1;
    octets[filled++] = length;
    for (const labelEnd = at + length; at < labelEnd; at++) octets[filled++] = lowerCase[packet[at]!]!;
  }
  octets[filled] = 0;
  name.seal();
  return at;
}

/** Octets of a name or any other one-character-per-octet string. */
export function octetsOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
