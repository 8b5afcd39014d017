/**
 * The names of a zone in memory: a hash table whose entries lie in pages.
 *
 * What a lookup costs in a large zone is its cache misses, most of all those of the address translation. So an entry lies
 * in one piece, key and sets together, in the page of 4 KiB that also has its slot: a lookup reads one number in the
 * directory, which is small, and one page. Objects and strings, with slots of their own, would be in five places.
 *
 *     directory   low bits of the hash → page
 *     page        octets used 4 | depth 4 | entries 4 | next page of the chain 4 | 128 slots of 4 | entries (zone_node.ts)
 *     slot        top 20 bits of the hash, 12 bits where in the page the entry is; 0 for none
 *
 * The directory doubles as pages are split (extendible hashing): a page of depth d has the names whose hashes have the
 * same d low bits, and when it is full those with bit d set go to a new page. Slots are probed one after the other from the
 * one that the hash's top bits tell. Pages have no gaps: a removal moves up what is behind it. Pages don't merge again.
 */
import { extendHash, hashOfKey, LookupName, mixed } from "./lookup_name.ts";
import type { Octets } from "./octets.ts";
import { packedOctets, putU16, putU32, u16, writeSets } from "./packed_sets.ts";
import type { RecordSet } from "./record_set.ts";
import { afterKey, beforeKey, Node } from "./zone_node.ts";

const pageOctets = 4096;
const pageWords = pageOctets / 4;
/** The only page of a small zone: it doubles until it is a whole one. */
const firstOctets = 1024;

/** In a page's header, as words. */
const used = 0, depth = 1, entries = 2, next = 3, firstSlot = 4;

const slotCount = 128;
/** So that probing finds a free slot soon; small entries fill a page to three quarters of its slots. */
const maxEntries = 112;
const homeBits = 7;
const offsetBits = 12;
const offsetMask = (1 << offsetBits) - 1;
const firstEntry = (firstSlot + slotCount) * 4;

/** A larger entry lies in an array of its own, and the page has its key alone: few in a page would split unevenly. */
const maxEntryOctets = 512;
const isLarge = 0x8000;

/**
 * Directory entries per page, at most. Names that somebody chose for their like hashes can't blow it up: where a page would
 * have to be split further, it gets a chain of pages.
 */
const maxSpread = 16;

export class NodeTable {
  /** The key that all keys end with; entries are without it. */
  readonly #zone: Octets;
  readonly #zoneHash: number;
  #bytes = new Uint8Array(firstOctets);
  /** The same memory. */
  #words = new Int32Array(this.#bytes.buffer);
  /** Where pages start, in words. Its length is a power of two. */
  #directory = new Int32Array(1);
  #pages = 1;
  #size = 0;
  /** By key. */
  readonly #large = new Map<string, Uint8Array>();

  /** @param zone key at or below which all names are */
  constructor(zone: Octets) {
    this.#zone = zone;
    this.#zoneHash = hashOfKey(zone);
    this.#words[used] = firstEntry;
  }

  get size(): number {
    return this.#size;
  }

  /** What stands under the suffix of `name` that starts with that label, and is at or below the zone. */
  get(name: LookupName, label: number): Node | undefined {
    const slot = this.#slotOf(name, label);
    return slot < 0 ? undefined : this.#nodeAt(this.#entryAt(slot));
  }

  getByKey(key: string): Node | undefined {
    return key.endsWith(this.#zone) ? this.get(lookedUp.set(key), 0) : undefined;
  }

  /** Adds the name, or replaces its sets. What was known of names below it stays. */
  put(key: string, sets: readonly RecordSet[]): void {
    const below = this.getByKey(key)?.below ?? 0;
    this.delete(key);
    const keyOctets = key.length - this.#zone.length;
    const fixed = beforeKey + keyOctets + afterKey;
    const octets = fixed + packedOctets(sets);
    const hash = mixed(hashOfKey(key));
    if (octets > maxEntryOctets) {
      const own = new Uint8Array(octets);
      writeEntry(own, 0, 0, key, keyOctets, below, sets);
      this.#large.set(key, own);
      const at = this.#reserve(hash, fixed);
      writeEntry(this.#bytes, at, fixed | isLarge, key, keyOctets, 0, []);
    } else {
      const at = this.#reserve(hash, octets);
      writeEntry(this.#bytes, at, octets, key, keyOctets, below, sets);
    }
    this.#size++;
  }

  /** Whether there was one. */
  delete(key: string): boolean {
    const slot = key.endsWith(this.#zone) ? this.#slotOf(lookedUp.set(key), 0) : -1;
    if (slot < 0) return false;
    const at = this.#entryAt(slot);
    if ((u16(this.#bytes, at) & isLarge) !== 0) this.#large.delete(key);
    this.#clearSlot(slot);
    this.#closeGap(slot & -pageWords, at);
    this.#size--;
    return true;
  }

  /** A table of its own with the same names: some ms for 100,000, as its memory is copied as it is. */
  copy(): NodeTable {
    const copy = new NodeTable(this.#zone);
    copy.#bytes = new Uint8Array(this.#bytes.length);
    copy.#bytes.set(this.#bytes.subarray(0, this.#pages * pageOctets));
    copy.#words = new Int32Array(copy.#bytes.buffer);
    copy.#directory = this.#directory.slice();
    copy.#pages = this.#pages;
    copy.#size = this.#size;
    // Their counts of names below are written in place.
    for (const [key, own] of this.#large) copy.#large.set(key, own.slice());
    return copy;
  }

  /** In no order. Not to be changed meanwhile. */
  *[Symbol.iterator](): IterableIterator<Node> {
    for (let page = 0; page < this.#pages; page++) {
      const start = page * pageOctets, end = start + this.#words[page * pageWords + used]!;
      for (let at = start + firstEntry; at < end; at += u16(this.#bytes, at) & ~isLarge) yield this.#nodeAt(at);
    }
  }

  /** Which word is the name's slot; -1 when it isn't there. */
  #slotOf(name: LookupName, label: number): number {
    const words = this.#words, hash = mixed(name.hashes[label]!);
    let page = this.#pageOf(hash);
    do {
      for (let home = hash >>> 32 - homeBits;; home = home + 1 & slotCount - 1) {
        const slot = page + firstSlot + home, word = words[slot]!;
        if (word === 0) break;
        if ((word ^ hash) >>> offsetBits === 0 && this.#isAt(name, label, this.#entryAt(slot))) return slot;
      }
      page = words[page + next]!;
    } while (page > 0);
    return -1;
  }

  #isAt(name: LookupName, label: number, at: number): boolean {
    const bytes = this.#bytes, own = name.octets, start = name.starts[label]!;
    const length = name.length - this.#zone.length - start;
    if (bytes[at + 2] !== length) return false;
    for (let i = 0; i < length; i++) if (bytes[at + beforeKey + i] !== own[start + i]) return false;
    return true;
  }

  #pageOf(hash: number): number {
    return this.#directory[hash & this.#directory.length - 1]!;
  }

  /** Where the entry of a slot starts, in octets. */
  #entryAt(slot: number): number {
    return (slot & -pageWords) * 4 + (this.#words[slot]! & offsetMask);
  }

  #nodeAt(at: number): Node {
    const octets = u16(this.#bytes, at);
    if ((octets & isLarge) === 0) return new Node(this.#bytes, at, at + octets, this.#zone);
    const { key } = new Node(this.#bytes, at, at, this.#zone);
    const own = this.#large.get(key)!;
    return new Node(own, 0, own.length, this.#zone);
  }

  /** Gives the name a slot and its entry so many octets, splitting pages until there is room; returns where. */
  #reserve(hash: number, octets: number): number {
    for (;;) {
      let page = this.#pageOf(hash);
      for (;;) {
        const end = Math.min(page * 4 + pageOctets, this.#bytes.length);
        const hasRoom = page * 4 + this.#words[page + used]! + octets <= end;
        if (hasRoom && this.#words[page + entries]! < maxEntries) return this.#take(page, hash, octets);
        if (this.#words[page + next] === 0) break;
        page = this.#words[page + next]!;
      }
      if (this.#bytes.length < pageOctets) this.#grow();
      else if (!this.#split(page, hash)) this.#words[page + next] = this.#addPage();
    }
  }

  #take(page: number, hash: number, octets: number): number {
    const words = this.#words, offset = words[page + used]!;
    let home = hash >>> 32 - homeBits;
    while (words[page + firstSlot + home] !== 0) home = home + 1 & slotCount - 1;
    words[page + firstSlot + home] = hash & ~offsetMask | offset;
    words[page + used] = offset + octets;
    words[page + entries]!++;
    return page * 4 + offset;
  }

  /** Moves half of a page's names to a new page; false when it may not be split. */
  #split(page: number, hash: number): boolean {
    const bit = 1 << this.#words[page + depth]!;
    if (this.#pageOf(hash) !== page) return false; // the end of a chain
    if (bit === this.#directory.length && !this.#doubleDirectory()) return false;
    const other = this.#addPage();
    this.#words[page + depth]!++;
    this.#words[other + depth] = this.#words[page + depth]!;
    const directory = this.#directory;
    for (let i = hash & bit - 1 | bit; i < directory.length; i += bit * 2) directory[i] = other;

    const start = page * 4, moved = this.#bytes.slice(start, start + this.#words[page + used]!);
    this.#words.fill(0, page + firstSlot, page + firstSlot + slotCount);
    this.#words[page + entries] = 0;
    this.#words[page + used] = firstEntry;
    for (let at = firstEntry; at < moved.length;) {
      const octets = u16(moved, at) & ~isLarge, keyEnd = at + beforeKey + moved[at + 2]!;
      const itsHash = mixed(extendHash(this.#zoneHash, moved, at + beforeKey, keyEnd));
      const to = this.#take(this.#pageOf(itsHash), itsHash, octets);
      this.#bytes.set(moved.subarray(at, at + octets), to);
      at += octets;
    }
    return true;
  }

  #doubleDirectory(): boolean {
    const old = this.#directory;
    if (old.length * 2 > this.#pages * maxSpread) return false;
    this.#directory = new Int32Array(old.length * 2);
    this.#directory.set(old);
    this.#directory.set(old, old.length);
    return true;
  }

  /** An empty page, where it starts in words. */
  #addPage(): number {
    const page = this.#pages++ * pageWords;
    if ((page + pageWords) * 4 > this.#bytes.length) this.#grow();
    this.#words[page + used] = firstEntry;
    return page;
  }

  /** Pages not used yet are not the machine's memory, so doubling costs none. */
  #grow(): void {
    const larger = new Uint8Array(this.#bytes.length * 2);
    larger.set(this.#bytes);
    this.#bytes = larger;
    this.#words = new Int32Array(larger.buffer);
  }

  /** Frees the slot; those behind it that would not be found any more move up. */
  #clearSlot(slot: number): void {
    const words = this.#words, base = (slot & -pageWords) + firstSlot;
    let hole = slot - base;
    for (let at = hole + 1 & slotCount - 1; words[base + at] !== 0; at = at + 1 & slotCount - 1) {
      // One that is found from its home slot without passing the hole stays where it is.
      const home = words[base + at]! >>> 32 - homeBits;
      if ((at - home & slotCount - 1) < (at - hole & slotCount - 1)) continue;
      words[base + hole] = words[base + at]!;
      hole = at;
    }
    words[base + hole] = 0;
  }

  /** Moves the page's entries behind the one at `at` over it. */
  #closeGap(page: number, at: number): void {
    const words = this.#words, octets = u16(this.#bytes, at) & ~isLarge, offset = at - page * 4;
    this.#bytes.copyWithin(at, at + octets, page * 4 + words[page + used]!);
    words[page + used]! -= octets;
    words[page + entries]!--;
    for (let slot = page + firstSlot; slot < page + firstSlot + slotCount; slot++) {
      if ((words[slot]! & offsetMask) > offset) words[slot]! -= octets;
    }
  }
}

/** For keys: in use only while a table is asked. A table's own would be most of a small zone's memory. */
const lookedUp = new LookupName();

function writeEntry(
  bytes: Uint8Array,
  at: number,
  octets: number,
  key: Octets,
  keyOctets: number,
  below: number,
  sets: readonly RecordSet[],
): void {
  putU16(bytes, at, octets);
  bytes[at + 2] = keyOctets;
  for (let i = 0; i < keyOctets; i++) bytes[at + beforeKey + i] = key.charCodeAt(i);
  putU32(bytes, at + beforeKey + keyOctets, below);
  writeSets(bytes, at + beforeKey + keyOctets + afterKey, sets);
}
