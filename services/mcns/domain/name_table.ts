import { hashOfKey, type LookupName } from "./lookup_name.ts";
import type { Octets } from "./octets.ts";
import { nameEnd } from "./rdata/names.ts";

/** What a table holds: each under its own name. */
export interface Named {
  /** Begins with the name's key, which ends itself by the root's zero. Only what follows the key may change while in a table. */
  readonly octets: Octets;
}

const firstSlots = 8;

/**
 * A hash table of objects by name that is asked with octets off the wire, without a string being made of them; a third of
 * a Map's memory. Open addressing with linear probing, at most two thirds full; a removal moves those behind it up, so that
 * nothing is left of it.
 */
export class NameTable<T extends Named> {
  #slots: (T | undefined)[] = new Array<T | undefined>(firstSlots).fill(undefined);
  /** Beside each slot: most of what doesn't match is told by its hash. */
  #hashes = new Int32Array(firstSlots);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** What stands under the suffix of `name` that starts with that label. */
  get(name: LookupName, label: number): T | undefined {
    const hash = name.hashes[label]!, slots = this.#slots, hashes = this.#hashes;
    const mask = slots.length - 1;
    for (let at = spread(hash) & mask;; at = (at + 1) & mask) {
      const found = slots[at];
      if (found === undefined) return undefined;
      if (hashes[at] === hash && name.begins(found.octets, label)) return found;
    }
  }

  getByKey(key: string): T | undefined {
    return this.#slots[this.#slotOf(key, hashOfKey(key))];
  }

  /** Adds it, or replaces the one of the same name. */
  put(value: T): void {
    if (this.#size * 3 >= this.#slots.length * 2) this.#grow();
    const key = value.octets.slice(0, nameEnd(value.octets, 0));
    const hash = hashOfKey(key);
    const at = this.#slotOf(key, hash);
    if (this.#slots[at] === undefined) this.#size++;
    this.#slots[at] = value;
    this.#hashes[at] = hash;
  }

  /** Whether there was one. */
  delete(key: string): boolean {
    const slots = this.#slots, hashes = this.#hashes, mask = slots.length - 1;
    let hole = this.#slotOf(key, hashOfKey(key));
    if (slots[hole] === undefined) return false;
    this.#size--;
    for (let at = (hole + 1) & mask; slots[at] !== undefined; at = (at + 1) & mask) {
      // One that is found from its home slot without passing the hole stays where it is.
      const home = spread(hashes[at]!) & mask;
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      slots[hole] = slots[at];
      hashes[hole] = hashes[at]!;
      hole = at;
    }
    slots[hole] = undefined;
    return true;
  }

  /** In no order. Not to be changed meanwhile. */
  *[Symbol.iterator](): IterableIterator<T> {
    for (const value of this.#slots) if (value !== undefined) yield value;
  }

  /** Where the key is, or where it would go. */
  #slotOf(key: string, hash: number): number {
    const mask = this.#slots.length - 1;
    for (let at = spread(hash) & mask;; at = (at + 1) & mask) {
      const found = this.#slots[at];
      if (found === undefined || (this.#hashes[at] === hash && found.octets.startsWith(key))) return at;
    }
  }

  #grow(): void {
    const slots = this.#slots, hashes = this.#hashes;
    const larger = new Array<T | undefined>(slots.length * 2).fill(undefined);
    const itsHashes = new Int32Array(larger.length);
    const mask = larger.length - 1;
    for (let from = 0; from < slots.length; from++) {
      const value = slots[from];
      if (value === undefined) continue;
      const hash = hashes[from]!;
      let at = spread(hash) & mask;
      while (larger[at] !== undefined) at = (at + 1) & mask;
      larger[at] = value;
      itsHashes[at] = hash;
    }
    this.#slots = larger;
    this.#hashes = itsHashes;
  }
}

/** FNV's low bits depend on few of the octets: names of a row would stand next to each other. */
const spread = (hash: number): number => hash ^ hash >>> 15;
