/** Owners of NSEC3 records: a hash in base32hex (RFC 4648 §7, lower case) as the first label, the zone's name below it. */
import type { Octets } from "../domain/octets.ts";

const digits = "0123456789abcdefghijklmnopqrstuv";

/** The label of 20 octets: 32 letters, so that labels sort as their hashes do (RFC 5155 §1.3). */
export const hashLabelLetters = 32;

/** The hash in an owner's first label. */
export function hashOfOwner(owner: string): Octets {
  let octets = "", bits = 0, value = 0;
  for (const letter of owner.slice(1, 1 + hashLabelLetters)) {
    value = value << 5 | digits.indexOf(letter);
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      octets += String.fromCharCode(value >> bits & 0xff);
      value &= (1 << bits) - 1;
    }
  }
  return octets;
}

/** The owner of a hash in that zone. */
export function ownerOfHash(hash: Octets, zone: string): string {
  let label = "", bits = 0, value = 0;
  for (let i = 0; i < hash.length; i++) {
    value = value << 8 | hash.charCodeAt(i);
    for (bits += 8; bits >= 5;) {
      bits -= 5;
      label += digits[value >> bits & 31];
    }
    value &= (1 << bits) - 1;
  }
  return String.fromCharCode(label.length) + label + zone;
}

/** The owner with the hash one below; of the lowest, the highest. */
export function ownerBelow(owner: string): string {
  let at = hashLabelLetters;
  // Borrow: "0" becomes "v", and the letter before it goes down.
  while (at > 0 && owner[at] === "0") at--;
  const borrowed = "v".repeat(hashLabelLetters - at);
  const lowered = at === 0 ? "" : digits[digits.indexOf(owner[at]!) - 1]!;
  return owner[0] + owner.slice(1, Math.max(at, 1)) + lowered + borrowed + owner.slice(1 + hashLabelLetters);
}
