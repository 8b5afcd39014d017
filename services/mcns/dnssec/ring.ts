/**
 * A chain of denial after a change. NSEC and NSEC3 are rings of names, each pointing to the next; a change takes some
 * members out and puts some in, and only these and the ones before them get another pointer.
 */

/** The ring as it is published. */
export interface PublishedRing {
  has(member: string): boolean;
  /** The member that `member` points to. */
  nextOf(member: string): string;
  /** The last member before `key` in the ring, whether `key` is one or not; null in an empty ring. */
  before(key: string): string | null;
}

export class Ring {
  readonly #published: PublishedRing;
  readonly #orderOf: (member: string) => string;
  readonly #removed: ReadonlySet<string>;
  /** In order. */
  readonly #added: readonly { readonly member: string; readonly order: string }[];

  /** @param orderOf a string that sorts with `<` as members do */
  constructor(
    published: PublishedRing,
    orderOf: (member: string) => string,
    change: { removed: ReadonlySet<string>; added: Iterable<string> },
  ) {
    this.#published = published;
    this.#orderOf = orderOf;
    this.#removed = change.removed;
    this.#added = [...change.added].map((member) => ({ member, order: orderOf(member) }))
      .sort((a, b) => a.order < b.order ? -1 : 1);
  }

  /** The members whose pointer changes: those that were added, and the ones before what was added or removed. */
  relinked(): Set<string> {
    const members = new Set<string>();
    for (const { member } of this.#added) members.add(member);
    for (const key of [...members, ...this.#removed]) {
      const previous = this.#previous(key);
      if (previous !== null) members.add(previous);
    }
    return members;
  }

  /** What `member`, of the changed ring, points to: itself when it is alone. */
  next(member: string): string {
    const order = this.#orderOf(member);
    const added = this.#added[this.#firstAddedAfter(order)] ?? this.#added[0];
    // The pointer in front of it, or its own, leads to the next one that was there.
    const from = this.#published.has(member) ? member : this.#published.before(member);
    let kept: string | null = from === null ? null : this.#published.nextOf(from);
    for (let steps = 0; kept !== null && this.#removed.has(kept); steps++) {
      kept = steps > this.#removed.size ? null : this.#published.nextOf(kept);
    }
    if (kept === null || added === undefined) return kept ?? added?.member ?? member;
    return isFirstAfter(order, this.#orderOf(kept), added.order) ? kept : added.member;
  }

  /** The member before `key` in the changed ring; null when there is none but, maybe, itself. */
  #previous(key: string): string | null {
    const order = this.#orderOf(key);
    let at = this.#firstAddedAfter(order) - 1;
    if (this.#added[at]?.member === key) at--;
    const added = (this.#added[at] ?? this.#added.at(-1))?.member ?? null;
    let kept = this.#published.before(key);
    for (let steps = 0; kept !== null && this.#removed.has(kept); steps++) {
      kept = steps > this.#removed.size ? null : this.#published.before(kept);
    }
    if (kept === null || added === null) return kept ?? added;
    return isLastBefore(order, this.#orderOf(kept), this.#orderOf(added)) ? kept : added;
  }

  #firstAddedAfter(order: string): number {
    let low = 0, high = this.#added.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#added[middle]!.order <= order) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Going up the ring from `order`, whether `one` is met first. */
function isFirstAfter(order: string, one: string, other: string): boolean {
  const isAbove = one > order;
  return isAbove === other > order ? one <= other : isAbove;
}

/** Going down the ring from `order`, whether `one` is met first. */
function isLastBefore(order: string, one: string, other: string): boolean {
  const isBelow = one < order;
  return isBelow === other < order ? one >= other : isBelow;
}
