/**
 * The routes in memory, by listener and name: what every new connection asks.
 * @module
 */
import { wildcardOf } from "./hostname.ts";
import type { Route } from "./route.ts";
import { isBelow } from "./route_path.ts";

/** What a table holds. */
interface Routed {
  readonly route: Route;
}

/** All routes of one name on one listener. */
export interface Host<Entry extends Routed> {
  /** The route of "/": its mode and certificate are the name's. */
  readonly root: Entry;
  /** The others, the longest path first. */
  readonly below: readonly Entry[];
}

/** Look-up of things that belong to a route; replaced host by host, read without awaiting anything. */
export class RouteTable<Entry extends Routed> {
  readonly #listeners = new Map<string, Map<string, Host<Entry>>>();
  #size = 0;

  /** The routes for a name in lower case: exact, then the wildcard one label above, then "*". "" asks for "*" alone. */
  find(listener: string, hostname: string): Host<Entry> | undefined {
    const hosts = this.#listeners.get(listener);
    if (hosts === undefined) return undefined;
    const exact = hosts.get(hostname);
    if (exact !== undefined) return exact;
    const wildcard = wildcardOf(hostname);
    return (wildcard === null ? undefined : hosts.get(wildcard)) ?? hosts.get("*");
  }

  /** The routes of exactly that name, a wildcard too. */
  get(listener: string, hostname: string): Host<Entry> | undefined {
    return this.#listeners.get(listener)?.get(hostname);
  }

  /** Makes these the routes of their name. One of them must be for "/". */
  set(entries: readonly Entry[]): void {
    const root = entries.find(({ route }) => route.path === "/");
    if (root === undefined) throw new TypeError("a name's routes need one for /");
    const below = entries.filter((entry) => entry !== root)
      .sort((a, b) => b.route.path.length - a.route.path.length);
    const { listener, hostname } = root.route;
    let hosts = this.#listeners.get(listener);
    if (hosts === undefined) this.#listeners.set(listener, hosts = new Map());
    this.#size += entries.length - sizeOf(hosts.get(hostname));
    hosts.set(hostname, { root, below });
  }

  delete(listener: string, hostname: string): boolean {
    const hosts = this.#listeners.get(listener);
    const host = hosts?.get(hostname);
    if (host === undefined) return false;
    this.#size -= sizeOf(host);
    hosts!.delete(hostname);
    if (hosts!.size === 0) this.#listeners.delete(listener);
    return true;
  }

  /** Routes, all paths counted. */
  get size(): number {
    return this.#size;
  }

  /** All entries, in no particular order. */
  *values(): IterableIterator<Entry> {
    for (const hosts of this.#listeners.values()) {
      for (const { root, below } of hosts.values()) {
        yield root;
        yield* below;
      }
    }
  }
}

/** The route of a host that a request's path goes to. @param path without its query, normalised (route_path.ts) */
export function routeFor<Entry extends Routed>(host: Host<Entry>, path: string): Entry {
  for (const entry of host.below) if (isBelow(path, entry.route.path)) return entry;
  return host.root;
}

function sizeOf(host: Host<Routed> | undefined): number {
  return host === undefined ? 0 : 1 + host.below.length;
}
