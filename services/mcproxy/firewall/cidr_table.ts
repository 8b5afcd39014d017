/**
 * Which rules an address belongs to: the networks of all rules in one table of ranges.
 *
 * Networks are nested or apart, never crossing. So they can be laid out, sorted, as one line of ranges in each of which
 * the same rules hold; the sets of rules are few and shared. A look-up is one binary search, 17 steps for 100,000
 * networks, whether one rule has them or a hundred.
 * @module
 */
import { type Cidr, compareCidrs, compareWords, lastWords } from "../domain/cidr.ts";
import type { IpAddress } from "../domain/ip_address.ts";

/** A network and the number of the rule that names it. */
interface OwnedCidr {
  readonly cidr: Cidr;
  readonly owner: number;
}

/** Owners as bits: owner n is bit n % 32 of word n / 32. */
type OwnerSet = Uint32Array;

/** True when the set has the owner. */
export function hasOwner(set: OwnerSet, owner: number): boolean {
  return (set[owner >>> 5]! >>> (owner & 31) & 1) === 1;
}

/** See the module; never changes. */
export class CidrTable {
  readonly #ipv4: Ranges;
  readonly #ipv6: Ranges;

  /** @param networks those of each owner, by its number; fastest when each is sorted already */
  constructor(networks: readonly (readonly Cidr[])[]) {
    const owned = (family: 4 | 6) =>
      networks.flatMap((cidrs, owner) =>
        cidrs.filter(({ first }) => first.family === family).map((cidr): OwnedCidr => ({ cidr, owner }))
      ).sort((one, other) => compareCidrs(one.cidr, other.cidr));
    this.#ipv4 = new Ranges(owned(4), networks.length);
    this.#ipv6 = new Ranges(owned(6), networks.length);
  }

  /** The owners of all networks that hold the address; the set is shared, not to be changed. */
  find({ family, words }: IpAddress): OwnerSet {
    return (family === 4 ? this.#ipv4 : this.#ipv6).find(words);
  }
}

type Words = IpAddress["words"];

class Ranges {
  /** First address of each range, four words each, ascending; the first is 0. */
  readonly #starts: Uint32Array;
  /** The set that holds from there to before the next. */
  readonly #sets: Int32Array;
  readonly #owners: OwnerSet[];

  /** @param cidrs sorted */
  constructor(cidrs: readonly OwnedCidr[], owners: number) {
    const sets = new OwnerSets(owners);
    const line = new Line(cidrs.length);
    line.push([0, 0, 0, 0], 0);
    // The networks that hold the place on the line that has been reached, the widest first.
    const open: { last: Words; set: number }[] = [];
    const innermost = () => open.at(-1)?.set ?? 0;
    const closeBefore = (place: Words | null) => {
      while (open.length > 0 && (place === null || compareWords(open.at(-1)!.last, place) < 0)) {
        const { last } = open.pop()!;
        const next = successor(last);
        if (next !== null) line.push(next, innermost());
      }
    };
    for (const { cidr, owner } of cidrs) {
      closeBefore(cidr.first.words);
      const set = sets.with(innermost(), owner);
      open.push({ last: lastWords(cidr), set });
      line.push(cidr.first.words, set);
    }
    closeBefore(null);
    this.#starts = line.starts.slice(0, 4 * line.length);
    this.#sets = line.sets.slice(0, line.length);
    this.#owners = sets.all;
  }

  find(words: Words): OwnerSet {
    const starts = this.#starts;
    const [a, b, c, d] = words;
    let low = 0;
    let high = this.#sets.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      const at = 4 * middle;
      const isBehind = starts[at]! !== a
        ? starts[at]! > a
        : starts[at + 1]! !== b
        ? starts[at + 1]! > b
        : starts[at + 2]! !== c
        ? starts[at + 2]! > c
        : starts[at + 3]! > d;
      if (isBehind) high = middle - 1;
      else low = middle;
    }
    return this.#owners[this.#sets[low]!]!;
  }
}

/** The ranges under construction. */
class Line {
  readonly starts: Uint32Array;
  readonly sets: Int32Array;
  length = 0;

  /** Every network begins a range and ends one. */
  constructor(cidrs: number) {
    this.starts = new Uint32Array(4 * (2 * cidrs + 1));
    this.sets = new Int32Array(2 * cidrs + 1);
  }

  /** From `start` on it is `set`; where something else begins at the same place, the later call counts. */
  push(start: Words, set: number): void {
    if (this.length > 0) {
      const at = 4 * (this.length - 1);
      if (start.every((word, i) => word === this.starts[at + i])) this.length--;
    }
    if (this.length > 0 && this.sets[this.length - 1] === set) return;
    this.starts.set(start, 4 * this.length);
    this.sets[this.length++] = set;
  }
}

/** Each set of owners once; 0 is the empty one. */
class OwnerSets {
  readonly all: OwnerSet[];
  readonly #owners: number;
  readonly #grown = new Map<number, number>();

  constructor(owners: number) {
    this.#owners = owners;
    this.all = [new Uint32Array((owners + 31) >>> 5)];
  }

  /** The number of the set that has one owner more. */
  with(set: number, owner: number): number {
    if (hasOwner(this.all[set]!, owner)) return set;
    const key = set * this.#owners + owner;
    const known = this.#grown.get(key);
    if (known !== undefined) return known;
    const grown = this.all[set]!.slice();
    grown[owner >>> 5]! |= 1 << (owner & 31);
    this.#grown.set(key, this.all.length);
    return this.all.push(grown) - 1;
  }
}

/** The next address; null behind the last of IPv6. The one behind IPv4's last is never asked for. */
function successor(words: Words): Words | null {
  const next: [number, number, number, number] = [...words];
  for (let i = 3; i >= 0; i--) {
    next[i] = (words[i]! + 1) >>> 0;
    if (next[i] !== 0) return next;
  }
  return null;
}
