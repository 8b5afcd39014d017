/**
 * Bounds what a peer may make an endpoint do for nothing. Each kind of cheap frame has a token bucket, so that an
 * honest connection may live for days and a flood ends within its burst.
 * @module
 */
import type { Http2Limits, Rate } from "./limits.ts";

/** The kinds, in the order of their buckets. */
export const floodKinds = [
  "resets",
  "pings",
  "settings",
  "ignored",
  "emptyData",
  "windowUpdates",
  "crumbs",
] as const;

export type FloodKind = typeof floodKinds[number];

/** Index of each kind; numbers, because some are looked up per frame. */
export const flood = {
  resets: 0,
  pings: 1,
  settings: 2,
  ignored: 3,
  emptyData: 4,
  windowUpdates: 5,
  crumbs: 6,
} as const;

/** The buckets of one connection. Time is given by the caller, ms, and may stand still within one turn. */
export class FloodGuard {
  readonly #rates: readonly Rate[];
  readonly #tokens: Float64Array;
  readonly #filledAt: Float64Array;

  constructor(limits: Pick<Http2Limits, FloodKind>, now: number) {
    this.#rates = floodKinds.map((kind) => limits[kind]);
    this.#tokens = Float64Array.from(this.#rates, (rate) => rate.burst);
    this.#filledAt = new Float64Array(floodKinds.length).fill(now);
  }

  /** Takes `cost` tokens; false when there weren't as many, which is a flood. */
  spend(kind: number, now: number, cost = 1): boolean {
    let tokens = this.#tokens[kind]!;
    if (tokens < cost) {
      // Refilled only when it has run dry: most connections never get there.
      const rate = this.#rates[kind]!;
      tokens = Math.min(rate.burst, tokens + (now - this.#filledAt[kind]!) * rate.perSecond / 1000);
      this.#filledAt[kind] = now;
      if (tokens < cost) {
        this.#tokens[kind] = tokens;
        return false;
      }
    }
    this.#tokens[kind] = tokens - cost;
    return true;
  }

  /** Gives tokens for something the peer paid for otherwise; never above the burst. */
  earn(kind: number, tokens: number): void {
    this.#tokens[kind] = Math.min(this.#rates[kind]!.burst, this.#tokens[kind]! + tokens);
  }
}
