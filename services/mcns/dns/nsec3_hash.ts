import { createHash } from "node:crypto";
import type { Nsec3Hash } from "../domain/denial_nsec3.ts";
import { toBytes } from "../domain/octets.ts";
import type { Nsec3Parameters } from "../domain/zone.ts";

/** Hashes kept: closest enclosers and wildcards come again and again; names that aren't there differ each time. */
const maxKept = 4096;

/** Letters of base32hex (RFC 4648 §7) in lower case: five bits each. */
const letters = "0123456789abcdefghijklmnopqrstuv";

/** The hash of a name (RFC 5155 §5) with SHA-1, the one algorithm there is, as the first label of the hashed owner. */
export function nsec3Hash(key: string, { iterations, salt }: Nsec3Parameters): string {
  const saltOctets = toBytes(salt);
  let digest: Uint8Array = createHash("sha1").update(toBytes(key)).update(saltOctets).digest();
  for (let i = 0; i < iterations; i++) digest = createHash("sha1").update(digest).update(saltOctets).digest();
  let label = "";
  // 20 octets are 32 letters: every five octets make eight.
  for (let at = 0; at < digest.length; at += 5) {
    const high = digest[at]! << 12 | digest[at + 1]! << 4 | digest[at + 2]! >> 4;
    const low = (digest[at + 2]! & 15) << 16 | digest[at + 3]! << 8 | digest[at + 4]!;
    for (const half of [high, low]) for (let shift = 15; shift >= 0; shift -= 5) label += letters[half >> shift & 31];
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
