/**
 * Names in canonical order (RFC 4034 §6.1), kept up as names come and go: what a denial of existence is looked up in.
 */
import { labelsOfKey } from "./name.ts";

/**
 * Up to so many changes are put in one by one, 7 µs each among 100,000 keys; more are sorted and merged in, which copies
 * all keys (20 ms).
 */
const fewChanges = 256;

/** A set of keys in canonical order. Changes cost nothing until the order is asked for. */
export class OrderedNames {
  #keys: string[] = [];
  /** Beside each key, what it is ordered by. */
  #orders: string[] = [];
  /** By order: the key for one that came, null for one that went. */
  readonly #changes = new Map<string, string | null>();

  add(key: string): void {
    this.#changes.set(orderOf(key), key);
  }

  remove(key: string): void {
    this.#changes.set(orderOf(key), null);
  }

  copy(): OrderedNames {
    const copy = new OrderedNames();
    copy.#keys = this.#keys.slice();
    copy.#orders = this.#orders.slice();
    for (const [order, key] of this.#changes) copy.#changes.set(order, key);
    return copy;
  }

  /** How many, those that came or went since the last look not counted apart: 0 only when there never was one. */
  get size(): number {
    return this.#keys.length + this.#changes.size;
  }

  /** The keys in order, as they are now; not kept up afterwards. */
  get keys(): readonly string[] {
    this.settle();
    return this.#keys;
  }

  /** The index in `keys` of the last one that is `key` or before it; -1 when all come after it. */
  indexAtOrBefore(key: string): number {
    this.settle();
    const at = this.#firstFrom(orderOf(key));
    return this.#keys[at] === key ? at : at - 1;
  }

  #firstFrom(order: string): number {
    let low = 0, high = this.#orders.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#orders[middle]! < order) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Puts in what has changed; else the next look does it, which after a bulk load may take seconds. */
  settle(): void {
    if (this.#changes.size === 0) return;
    if (this.#changes.size <= fewChanges) this.#insertEach();
    else this.#merge();
    this.#changes.clear();
  }

  #insertEach(): void {
    for (const [order, key] of this.#changes) {
      const at = this.#firstFrom(order);
      const known = this.#orders[at] === order;
      if (key === null && known) {
        this.#orders.splice(at, 1);
        this.#keys.splice(at, 1);
      } else if (key !== null && !known) {
        this.#orders.splice(at, 0, order);
        this.#keys.splice(at, 0, key);
      }
    }
  }

  #merge(): void {
    const changes = [...this.#changes].sort(([a], [b]) => (a < b ? -1 : 1));
    const keys: string[] = [], orders: string[] = [];
    const push = (order: string, key: string) => {
      orders.push(order);
      keys.push(key);
    };
    let old = 0;
    for (const [order, key] of changes) {
      for (; old < this.#orders.length && this.#orders[old]! < order; old++) push(this.#orders[old]!, this.#keys[old]!);
      if (this.#orders[old] === order) old++;
      if (key !== null) push(order, key);
    }
    for (; old < this.#orders.length; old++) push(this.#orders[old]!, this.#keys[old]!);
    this.#keys = keys;
    this.#orders = orders;
  }
}

/**
 * A string that sorts with `<` where its key sorts canonically: the labels from the root down, each ended by a zero
 * octet, so that a label sorts before the longer one that it begins. Octets 0 and 1 inside a label become 1 1 and 1 2,
 * which keeps their order and the zero for the ends.
 */
export function orderOf(key: string): string {
  let order = "";
  for (const label of labelsOfKey(key).reverse()) order += escaped(label) + "\0";
  return order;
}

const escaped = (label: string): string => label.replaceAll("\x01", "\x01\x02").replaceAll("\0", "\x01\x01");
