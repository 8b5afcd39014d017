/**
 * What is open now, where it comes and goes thousands of times a second.
 * @module
 */

/** What a roster holds: an object that is in one roster at most. */
export interface Listed {
  /** Where it is in the roster, −1 when it isn't; the roster's own. */
  place: number;
}

/**
 * A set in no order, on one array.
 *
 * Why no Set: every few changes it makes itself a new table, and the old one keeps what it held and leads to the next.
 * An old table that has itself grown old keeps all of its successors, and the connections that were in them, from the
 * quick collections of garbage until there is a full one: a tenth of what a passthrough connection costs.
 */
export class Roster<Item extends Listed> {
  readonly #items: Item[] = [];

  get size(): number {
    return this.#items.length;
  }

  /** As they are now: the last takes the place of one that is deleted. */
  get items(): readonly Item[] {
    return this.#items;
  }

  add(item: Item): void {
    item.place = this.#items.length;
    this.#items.push(item);
  }

  /** Does nothing for what isn't in it. */
  delete(item: Item): void {
    const { place } = item;
    if (place < 0) return;
    item.place = -1;
    const last = this.#items.pop()!;
    if (last === item) return;
    this.#items[place] = last;
    last.place = place;
  }
}
