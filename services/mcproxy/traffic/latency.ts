/**
 * How long answers took, in buckets that are there from the start: counting one costs a search among 60 numbers and
 * allocates nothing.
 * @module
 */

/** Bounds within a factor of ten: the preferred numbers R10 (ISO 3), each 26 % above the one before. */
const steps = [1, 1.25, 1.6, 2, 2.5, 3.15, 4, 5, 6.3, 8];

/** Upper bounds in ms, ascending: from 0.1 ms, less than which no backend is reached in, to 80 s. */
export const latencyBounds: Float64Array = Float64Array.from(
  [0.1, 1, 10, 100, 1000, 10_000].flatMap((unit) => steps.map((step) => Number((unit * step).toPrecision(3)))),
);

/** Those that are given to Prometheus: three for a factor of ten tell what alarms need, and 61 for each route would not be stored for long. */
export const shownBounds: readonly number[] = [...latencyBounds].filter((_, i) => [0, 4, 7].includes(i % steps.length));

/** See the module. */
export class LatencyHistogram {
  /** Observations. */
  total = 0;
  /** Of all observations, ms. */
  sumMs = 0;
  /** By bound, and above the last; made with the first one: routes that only pass bytes on need none. */
  #counts: Float64Array | null = null;

  observe(ms: number): void {
    const counts = this.#counts ??= new Float64Array(latencyBounds.length + 1);
    let low = 0;
    let high = latencyBounds.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (ms <= latencyBounds[middle]!) high = middle;
      else low = middle + 1;
    }
    counts[low]!++;
    this.total++;
    this.sumMs += ms;
  }

  /**
   * The time in ms that `part` of all stayed within, at most 26 % too large or too small; 0 without any, and 80 s for
   * what took longer.
   * @param part 0 to 1: 0.99 for the slowest of a hundred
   */
  quantile(part: number): number {
    if (this.#counts === null) return 0;
    const wanted = part * this.total;
    let seen = 0;
    for (let i = 0; i < latencyBounds.length; i++) {
      const count = this.#counts[i]!;
      if (count > 0 && seen + count >= wanted) {
        const from = i === 0 ? 0 : latencyBounds[i - 1]!;
        return from + (latencyBounds[i]! - from) * Math.max(0, wanted - seen) / count;
      }
      seen += count;
    }
    return latencyBounds.at(-1)!;
  }

  /** How many stayed within each of `shownBounds`. */
  cumulative(): number[] {
    const sums: number[] = [];
    let seen = 0;
    for (let i = 0, shown = 0; i < latencyBounds.length; i++) {
      seen += this.#counts?.[i] ?? 0;
      if (latencyBounds[i] !== shownBounds[shown]) continue;
      sums.push(seen);
      shown++;
    }
    return sums;
  }
}
