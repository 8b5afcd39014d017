import { parentKey, rootKey } from "./name.ts";
import type { Zone } from "./zone.ts";

/** The zones that this server has authority for. */
export class ZoneDirectory {
  readonly #zones = new Map<string, Zone>();

  get size(): number {
    return this.#zones.size;
  }

  /** Adds the zone, or replaces the one of that name: from the next query on. */
  put(zone: Zone): void {
    this.#zones.set(zone.name.key, zone);
  }

  remove(key: string): void {
    this.#zones.delete(key);
  }

  /** The zone of exactly that name. */
  get(key: string): Zone | undefined {
    return this.#zones.get(key);
  }

  [Symbol.iterator](): IterableIterator<Zone> {
    return this.#zones.values();
  }

  /** The deepest zone at or above the name (RFC 1034 §4.3.2 step 2). */
  zoneFor(key: string): Zone | undefined {
    for (let at = key;; at = parentKey(at)) {
      const zone = this.#zones.get(at);
      if (zone !== undefined || at === rootKey) return zone;
    }
  }
}
