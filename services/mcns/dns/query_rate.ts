import type { Counters } from "./counters.ts";

/** Every so often the counters are looked at, ms; the rate is that of the last minute, some seconds more or less. */
const everyMs = 10_000;
const samplesKept = 6;

/** How many queries a second there were lately. Dispose it. */
export class QueryRate implements Disposable {
  readonly #counters: Counters;
  readonly #now: () => number;
  readonly #samples: { at: number; queries: number }[] = [];
  readonly #timer: ReturnType<typeof setInterval>;

  /** @param now milliseconds, monotonic */
  constructor(counters: Counters, now: () => number) {
    this.#counters = counters;
    this.#now = now;
    this.sample();
    this.#timer = setInterval(() => this.sample(), everyMs);
  }

  /** Notes the counters; the timer does. */
  sample(): void {
    this.#samples.push({ at: this.#now(), queries: queriesOf(this.#counters) });
    if (this.#samples.length > samplesKept) this.#samples.shift();
  }

  /** Over the last minute, or since the start when that is later; 0 in the first instant. */
  get perSecond(): number {
    const first = this.#samples[0]!;
    const seconds = (this.#now() - first.at) / 1000;
    return seconds <= 0 ? 0 : (queriesOf(this.#counters) - first.queries) / seconds;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/** All queries since the start. */
export function queriesOf({ queriesUdp, queriesTcp, queriesTls, queriesHttps }: Counters): number {
  return queriesUdp + queriesTcp + queriesTls + queriesHttps;
}
