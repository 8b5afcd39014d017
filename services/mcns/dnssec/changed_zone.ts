import { parentKey } from "../domain/name.ts";
import { orderOf } from "../domain/ordered_names.ts";
import { isMadeBySigning, types } from "../domain/rdata/record_type.ts";
import { type RecordSet, setOf, type Zone } from "../domain/zone.ts";

/** What a name is to somebody who signs. */
export type Standing =
  /** The zone's own: its sets are signed. */
  | "own"
  /** A zone cut: of its sets only DS is signed (RFC 4035 §2.2). */
  | "cut"
  /** Below a cut or a DNAME: glue and what is hidden there; not signed, not proven. */
  | "hidden"
  /** Without sets. */
  | "empty";

/** The sets without what signing makes. */
export function plainSets(sets: readonly RecordSet[]): RecordSet[] {
  return sets.filter(({ type }) => !isMadeBySigning(type)).map((set) =>
    set.signatures.length === 0 ? set : { ...set, signatures: [] }
  );
}

/** A zone as it will be after a change, without anything that signing makes. */
export class ChangedZone {
  /** As it is published now. */
  readonly before: Zone;
  /** Names that are published anew: those that change, the apex, and those that a cut or DNAME hides or lays open. */
  readonly names: ReadonlySet<string>;
  readonly #plain: ReadonlyMap<string, readonly RecordSet[]>;

  /**
   * @param plain unsigned sets of the names that change
   * @param again names that don't change, to be published anew all the same
   */
  constructor(before: Zone, plain: ReadonlyMap<string, readonly RecordSet[]>, again: Iterable<string> = []) {
    this.before = before;
    this.#plain = plain;
    const names = new Set([before.key, ...plain.keys(), ...again]);
    for (const [key, sets] of plain) {
      if (this.#hides(key, sets) !== this.#hides(key, before.setsAt(key))) {
        for (const below of namesBelow(before, key)) names.add(below);
      }
    }
    this.names = names;
  }

  get key(): string {
    return this.before.key;
  }

  /** The unsigned sets at a name. */
  setsAt(key: string): readonly RecordSet[] {
    return this.#plain.get(key) ?? plainSets(this.before.setsAt(key));
  }

  standing(key: string): Standing {
    let hidden = false;
    for (let at = key; at !== this.key && !hidden;) {
      at = parentKey(at);
      hidden = this.#hides(at, this.#lookAt(at));
    }
    const sets = this.#lookAt(key);
    if (!sets.some(({ type }) => !isMadeBySigning(type))) return "empty";
    if (hidden) return "hidden";
    return key !== this.key && setOf(sets, types.NS) !== undefined ? "cut" : "own";
  }

  /** Whether a name below that one is the zone's own or a cut: without sets of its own, it is an empty non-terminal then. */
  hasNamesBelow(key: string): boolean {
    const counts = (name: string) => {
      const standing = this.standing(name);
      return standing === "own" || standing === "cut";
    };
    for (const name of this.#plain.keys()) if (isBelow(name, key) && counts(name)) return true;
    for (const name of namesBelow(this.before, key)) if (counts(name)) return true;
    return false;
  }

  /** Sets of the name, maybe with what signing made before: for a look at plain types. */
  #lookAt(key: string): readonly RecordSet[] {
    return this.#plain.get(key) ?? this.before.setsAt(key);
  }

  #hides(key: string, sets: readonly RecordSet[]): boolean {
    return sets.some(({ type }) => type === types.DNAME || (type === types.NS && key !== this.key));
  }
}

function isBelow(name: string, key: string): boolean {
  return name.length > key.length && name.endsWith(key) && orderOf(name).startsWith(orderOf(key));
}

/** The names with sets below `key`, in canonical order: there they follow it. */
function* namesBelow(zone: Zone, key: string): IterableIterator<string> {
  const names = zone.canonicalNames();
  const order = orderOf(key);
  for (let at = firstAfter(names, order); at < names.length && orderOf(names[at]!).startsWith(order); at++) {
    yield names[at]!;
  }
}

/** The index of the first name that comes after `order` in canonical order. */
export function firstAfter(names: readonly string[], order: string): number {
  let low = 0, high = names.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (orderOf(names[middle]!) <= order) low = middle + 1;
    else high = middle;
  }
  return low;
}
