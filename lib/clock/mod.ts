/**
 * Time as an argument: what needs the hour takes a `Clock`, so that a test can set it.
 * @module
 */

/** Tells the time. */
export interface Clock {
  /** Milliseconds since the Unix epoch, by the wall clock; may jump. */
  now(): number;
  /** Milliseconds since an arbitrary start; never goes back. */
  monotonic(): number;
}

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};

/** A clock that moves only when told to. */
export class FakeClock implements Clock {
  #now: number;
  #monotonic = 0;

  /** @param now milliseconds since the epoch at which it stands; default 2026-01-01T00:00:00Z */
  constructor(now: number = Date.UTC(2026, 0, 1)) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  /** Moves both times on by `ms`. */
  advance(ms: number): void {
    this.#now += ms;
    this.#monotonic += ms;
  }

  /** Sets the wall clock, backwards too; the monotonic time stays. */
  set(now: number): void {
    this.#now = now;
  }
}

/** RFC 3339 with milliseconds, UTC. */
export function rfc3339(ms: number): string {
  return new Date(ms).toISOString();
}
