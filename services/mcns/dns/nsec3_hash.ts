import type { Nsec3Hash } from "../domain/denial_nsec3.ts";
import type { Nsec3Parameters } from "../domain/zone.ts";
import { sha1, sha1Octets } from "./sha1.ts";

/** Hashes kept: closest enclosers and wildcards come again and again; names that aren't there differ each time. */
const maxKept = 4096;

/** Letters of base32hex (RFC 4648 §7) in lower case: five bits each. */
const letters = "0123456789abcdefghijklmnopqrstuv";

/** A name or digest, the salt (255 octets at most) and SHA-1's padding. */
const input = new Uint8Array(640);
const digest = new Uint8Array(sha1Octets);

/**
 * The hash of a name (RFC 5155 §5) with SHA-1, the one algorithm there is, as the first label of the hashed owner. Each
 * iteration takes as long as the first hash: RFC 9276 asks for 0.
 */
export function nsec3Hash(key: string, { iterations, salt }: Nsec3Parameters): string {
  for (let i = 0; i < key.length; i++) input[i] = key.charCodeAt(i);
  let octets = key.length;
  for (let left = iterations; left >= 0; left--) {
    for (let i = 0; i < salt.length; i++) input[octets + i] = salt.charCodeAt(i);
    sha1(input, octets + salt.length, digest);
    input.set(digest);
    octets = sha1Octets;
  }
  let label = "";
  // 20 octets are 32 letters: every five octets make eight.
  for (let at = 0; at < sha1Octets; at += 5) {
    const high = digest[at]! << 12 | digest[at + 1]! << 4 | digest[at + 2]! >> 4;
    const low = (digest[at + 2]! & 15) << 16 | digest[at + 3]! << 8 | digest[at + 4]!;
    for (let shift = 15; shift >= 0; shift -= 5) label += letters[high >> shift & 31]!;
    for (let shift = 15; shift >= 0; shift -= 5) label += letters[low >> shift & 31]!;
  }
  return String.fromCharCode(label.length) + label;
}

/** `nsec3Hash` that keeps the last few thousand results. */
export function cachedNsec3Hash(): Nsec3Hash {
  const kept = new Map<string, string>();
  return (key, parameters) => {
    const id = `${parameters.iterations} ${parameters.salt} ${key}`;
    let label = kept.get(id);
    if (label === undefined) {
      label = nsec3Hash(key, parameters);
      if (kept.size >= maxKept) kept.clear();
      kept.set(id, label);
    }
    return label;
  };
}
