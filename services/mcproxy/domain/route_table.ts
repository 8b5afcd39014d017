/**
 * The routes in memory, by listener and name: what every new connection asks.
 * @module
 */
import { type Route, routeKey } from "./route.ts";

/** Look-up of things that belong to a route; replaced entry by entry, read without awaiting anything. */
export class RouteTable<Entry extends { readonly route: Route }> {
  readonly #entries = new Map<string, Entry>();

  /** The entry for the exact name, lower case. */
  find(listener: string, hostname: string): Entry | undefined {
    return this.#entries.get(routeKey(listener, hostname));
  }

  /** Adds or replaces. */
  set(entry: Entry): void {
    this.#entries.set(routeKey(entry.route.listener, entry.route.hostname), entry);
  }

  delete(listener: string, hostname: string): boolean {
    return this.#entries.delete(routeKey(listener, hostname));
  }

  get size(): number {
    return this.#entries.size;
  }

  /** All entries, in no particular order. */
  values(): IterableIterator<Entry> {
    return this.#entries.values();
  }
}
