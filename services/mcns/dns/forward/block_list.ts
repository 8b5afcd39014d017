/**
 * Names that are answered as if they weren't there: a hash table with eight octets a name, so that a million names take
 * 16 MiB. Two names that share all 62 bits of the hash would be taken for one: for a million names, once in four million
 * million lookups.
 */
import { rootKey } from "../../domain/name.ts";

/** Of the second hash: set when the names below are meant as well. */
const subtreeBit = 1;

export class BlockList {
  #first = new Int32Array(16);
  /** Never 0 where a name is. */
  #second = new Int32Array(16);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** @param key the name; the root can't be blocked @param below whether all names below it are blocked too */
  add(key: string, below: boolean): void {
    if (key === rootKey) return;
    if (this.#size * 2 >= this.#first.length) this.#grow();
    let first = firstSeed, second = secondSeed;
    for (let i = key.length - 1; i >= 0; i--) {
      first = Math.imul(first ^ key.charCodeAt(i), firstPrime);
      second = Math.imul(second ^ key.charCodeAt(i), secondPrime);
    }
    this.#put(first, settle(second) | (below ? subtreeBit : 0));
  }

  /** Whether the name is on the list, or below one that is there with all names below it. */
  has(key: string): boolean {
    if (this.#size === 0) return false;
    const starts = labelStarts, end = key.length - 1;
    let labels = 0;
    for (let at = 0; at < end; at += key.charCodeAt(at) + 1) starts[labels++] = at;
    let first = firstSeed, second = secondSeed;
    // From the root down: the hash of a name goes on from its parent's.
    for (let i = end; i >= 0; i--) {
      first = Math.imul(first ^ key.charCodeAt(i), firstPrime);
      second = Math.imul(second ^ key.charCodeAt(i), secondPrime);
      if (i === end || starts[labels - 1] !== i) continue;
      labels--;
      const found = this.#second[this.#find(first, settle(second))]!;
      if (found !== 0 && (i === 0 || (found & subtreeBit) !== 0)) return true;
    }
    return false;
  }

  #put(first: number, second: number): void {
    const slot = this.#find(first, second);
    if (this.#second[slot] === 0) this.#size++;
    this.#first[slot] = first;
    this.#second[slot]! |= second;
  }

  /** The slot of that name, or the free one where it would go. */
  #find(first: number, second: number): number {
    const mask = this.#first.length - 1;
    for (let slot = (first ^ first >>> 15) & mask;; slot = (slot + 1) & mask) {
      const there = this.#second[slot]!;
      if (there === 0 || (this.#first[slot] === first && (there | subtreeBit) === (second | subtreeBit))) return slot;
    }
  }

  #grow(): void {
    const first = this.#first, second = this.#second;
    this.#first = new Int32Array(first.length * 2);
    this.#second = new Int32Array(first.length * 2);
    this.#size = 0;
    for (let slot = 0; slot < first.length; slot++) {
      if (second[slot] !== 0) this.#put(first[slot]!, second[slot]!);
    }
  }
}

/** Of the name being looked up; a name has 127 labels at most. */
const labelStarts = new Uint8Array(128);

// FNV-1a, and the same with another start and factor (that of Murmur's finish).
const firstSeed = 0x811c9dc5 | 0;
const firstPrime = 0x01000193;
const secondSeed = 0x9747b28c | 0;
const secondPrime = 0x85ebca6b | 0;

/** Mixed, as only the lower bits of a product depend on few octets; without the flag bit, and not 0. */
function settle(hash: number): number {
  hash = Math.imul(hash ^ hash >>> 13, 0xc2b2ae35 | 0);
  return (hash ^ hash >>> 16 | 2) & ~subtreeBit;
}
