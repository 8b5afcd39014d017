/**
 * What has passed in each piece of the last minutes, for the pages' pictures: the counters of all routes, looked at
 * every few seconds.
 * @module
 */
import type { ListenerCounters, RouteCounters } from "./counters.ts";

/** Length of a piece, ms, and how many are kept: five minutes. */
export const pieceMs = 2500;
export const pieceCount = 120;

/** What passed in one piece of time. */
export interface TrafficPiece {
  /** Its end, ms since the epoch. */
  readonly at: number;
  /** Responses below 500, and from 500 on. */
  readonly answered: number;
  readonly failed: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Connections closed before a route took them. */
  readonly refused: number;
  /** Open at its end. */
  readonly connections: number;
}

export interface HistorySources {
  routes(): Iterable<{ readonly counters: RouteCounters }>;
  listeners(): Iterable<{ readonly door: { readonly counters: ListenerCounters } }>;
  /** Open now. */
  connections(): number;
  /** Milliseconds since the epoch. */
  now(): number;
}

interface Totals {
  answered: number;
  failed: number;
  bytesIn: number;
  bytesOut: number;
}

/** See the module. */
export class TrafficHistory implements Disposable {
  readonly #sources: HistorySources;
  readonly #pieces: TrafficPiece[] = [];
  #routes = new Map<RouteCounters, Totals>();
  #listeners = new Map<ListenerCounters, number>();
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(sources: HistorySources) {
    this.#sources = sources;
    this.#timer = setInterval(() => this.look(), pieceMs);
  }

  /** Oldest first; at most `pieceCount`, fewer after a start. */
  get pieces(): readonly TrafficPiece[] {
    return this.#pieces;
  }

  /** Ends a piece; called by itself every `pieceMs`. */
  look(): void {
    const { routes, listeners, connections, now } = this.#sources;
    const sums: Totals = { answered: 0, failed: 0, bytesIn: 0, bytesOut: 0 };
    // Routes come and go, so differences are taken one by one; what a route did between two looks goes with it.
    const routesNow = new Map<RouteCounters, Totals>();
    for (const { counters } of routes()) {
      const totals = totalsOf(counters);
      const before = this.#routes.get(counters);
      for (const key of ["answered", "failed", "bytesIn", "bytesOut"] as const) {
        sums[key] += totals[key] - (before?.[key] ?? 0);
      }
      routesNow.set(counters, totals);
    }
    this.#routes = routesNow;
    const listenersNow = new Map<ListenerCounters, number>();
    let refused = 0;
    for (const { door: { counters } } of listeners()) {
      const total = counters.refused.values().reduce((sum, count) => sum + count, 0);
      refused += total - (this.#listeners.get(counters) ?? 0);
      listenersNow.set(counters, total);
    }
    this.#listeners = listenersNow;
    this.#pieces.push({ at: now(), ...sums, refused, connections: connections() });
    if (this.#pieces.length > pieceCount) this.#pieces.shift();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

function totalsOf(counters: RouteCounters): Totals {
  let answered = 0;
  let failed = 0;
  for (const [name, count] of counters.responses()) {
    if (name < "5") answered += count;
    else failed += count;
  }
  return { answered, failed, bytesIn: counters.bytesIn, bytesOut: counters.bytesOut };
}
