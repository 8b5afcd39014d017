/**
 * A name being looked up: the octets of its key with a hash for each of its suffixes, computed once, so that the tables
 * of zones and names are asked about it and all its ancestors without making a string.
 */
import { maxNameOctets } from "./name.ts";
import type { Octets } from "./octets.ts";

/** Labels of the longest name: 127 of one octet each, and the root. */
const maxLabels = 128;

/** Reused for one name after the other: `set`, or fill `octets` and call `seal`. */
export class LookupName {
  /** The key's octets (name.ts): lower case, the root's zero included. What follows after `length` is left over. */
  readonly octets: Uint8Array = new Uint8Array(maxNameOctets);
  length = 0;
  /** Without the root. */
  labels = 0;
  /** Where each label starts; at index `labels` the root. */
  readonly starts: Uint8Array = new Uint8Array(maxLabels);
  /** Of the suffix that starts with that label. */
  readonly hashes: Int32Array = new Int32Array(maxLabels);

  /** Takes the octets of a key. */
  set(key: string): this {
    for (let i = 0; i < key.length; i++) this.octets[i] = key.charCodeAt(i);
    return this.seal();
  }

  /** After `octets` have been filled with a whole name: finds the labels and computes the hashes. */
  seal(): this {
    const { octets, starts, hashes } = this;
    let at = 0, labels = 0;
    for (; octets[at]! > 0; at += octets[at]! + 1) starts[labels++] = at;
    starts[labels] = at;
    this.length = at + 1;
    this.labels = labels;
    let hash = firstHash;
    for (let label = labels, i = at; label >= 0; label--) {
      for (const start = starts[label]!; i >= start; i--) hash = Math.imul(hash ^ octets[i]!, hashPrime);
      hashes[label] = hash;
    }
    return this;
  }

  /** The key of the suffix that starts with that label: 0 for the whole name. */
  key(label = 0): string {
    let key = "";
    for (let i = this.starts[label]!; i < this.length; i++) key += characters[this.octets[i]!]!;
    return key;
  }

  /** Whether `octets` begin with the key of the suffix that starts with that label. */
  begins(octets: Octets, label: number): boolean {
    const start = this.starts[label]!, length = this.length - start, own = this.octets;
    if (octets.length < length) return false;
    for (let i = 0; i < length; i++) if (octets.charCodeAt(i) !== own[start + i]) return false;
    return true;
  }
}

/** The hash of a key, as a LookupName has it for its whole name: FNV-1a over the octets from the last to the first. */
export function hashOfKey(key: string): number {
  let hash = firstHash;
  for (let i = key.length - 1; i >= 0; i--) hash = Math.imul(hash ^ key.charCodeAt(i), hashPrime);
  return hash;
}

/** The hash of a key whose end has that hash, and whose beginning is in `bytes` from `start` to before `end`. */
export function extendHash(hash: number, bytes: Uint8Array, start: number, end: number): number {
  for (let i = end - 1; i >= start; i--) hash = Math.imul(hash ^ bytes[i]!, hashPrime);
  return hash;
}

/** MurmurHash3's last step: makes all bits count in all bits. FNV's low ones depend on few of the octets. */
export function mixed(hash: number): number {
  hash = Math.imul(hash ^ hash >>> 16, 0x85ebca6b);
  hash = Math.imul(hash ^ hash >>> 13, 0xc2b2ae35);
  return hash ^ hash >>> 16;
}

const firstHash = 0x811c9dc5 | 0;
const hashPrime = 0x01000193;
const characters = Array.from({ length: 256 }, (_, octet) => String.fromCharCode(octet));
