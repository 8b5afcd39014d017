/**
 * Many deadlines on one timer: setting one costs a field write, so every read may have its own.
 * @module
 */
import type { Clock } from "@lib/clock/mod.ts";

/** How often deadlines are looked at, ms; each fires at most two periods late and never early. */
const sweepMs = 100;

/** A deadline that can be set again and again; made by {@linkcode Deadlines.open}. */
export interface Deadline {
  /** Fires `ms` from now unless set again or cleared before. 0 means never. */
  set(ms: number): void;
  clear(): void;
  /** Clears it for good. */
  close(): void;
}

/** The deadlines of a program part; the timer runs only while there are any. */
export class Deadlines {
  readonly #open = new Set<{ at: number; expired: () => void }>();
  readonly #clock: Clock;
  #tick: number;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#tick = clock.monotonic();
  }

  /** @param expired called once per `set` that ran out */
  open(expired: () => void): Deadline {
    const entry = { at: Infinity, expired };
    if (this.#open.size === 0) this.#tick = this.#clock.monotonic();
    this.#open.add(entry);
    this.#timer ??= setInterval(() => this.#sweep(), sweepMs);
    return {
      // The tick may be one period old: adding the period keeps a deadline from firing early.
      set: (ms) => {
        entry.at = ms === 0 ? Infinity : this.#tick + ms + sweepMs;
      },
      clear: () => {
        entry.at = Infinity;
      },
      close: () => {
        entry.at = Infinity;
        this.#open.delete(entry);
        if (this.#open.size > 0) return;
        clearInterval(this.#timer);
        this.#timer = undefined;
      },
    };
  }

  #sweep(): void {
    this.#tick = this.#clock.monotonic();
    for (const entry of this.#open) {
      if (entry.at > this.#tick) continue;
      entry.at = Infinity;
      entry.expired();
    }
  }
}
