import { LookupName } from "./lookup_name.ts";
import { NameTable } from "./name_table.ts";
import type { Zone } from "./zone.ts";

/** The zones that this server has authority for. */
export class ZoneDirectory {
  readonly #zones = new NameTable<Zone>();
  readonly #lookup = new LookupName();

  get size(): number {
    return this.#zones.size;
  }

  /** Adds the zone, or replaces the one of that name: from the next query on. */
  put(zone: Zone): void {
    zone.settle();
    this.#zones.put(zone);
  }

  remove(key: string): void {
    this.#zones.delete(key);
  }

  /** The zone of exactly that name. */
  get(key: string): Zone | undefined {
    return this.#zones.getByKey(key);
  }

  [Symbol.iterator](): IterableIterator<Zone> {
    return this.#zones[Symbol.iterator]();
  }

  /** The deepest zone at or above the name (RFC 1034 §4.3.2 step 2). */
  zoneFor(key: string): Zone | undefined {
    return this.zoneForName(this.#lookup.set(key));
  }

  /** As `zoneFor`. @param above 1 for the zones above the name only */
  zoneForName(name: LookupName, above: 0 | 1 = 0): Zone | undefined {
    for (let label: number = above; label <= name.labels; label++) {
      const zone = this.#zones.get(name, label);
      if (zone !== undefined) return zone;
    }
    return undefined;
  }
}
