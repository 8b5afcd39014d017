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
  /** In no order; each knows its place. */
  readonly #open: OpenDeadline[] = [];
  readonly #clock: Clock;
  /** When they were last looked at, by the monotonic clock. */
  tick: number;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.tick = clock.monotonic();
  }

  /** @param expired called once per `set` that ran out */
  open(expired: () => void): Deadline {
    if (this.#open.length === 0) this.tick = this.#clock.monotonic();
    const deadline = new OpenDeadline(this, this.#open.length, expired);
    this.#open.push(deadline);
    this.#timer ??= setInterval(() => this.#sweep(), sweepMs);
    return deadline;
  }

  close(deadline: OpenDeadline): void {
    if (this.#open[deadline.place] !== deadline) return;
    const last = this.#open.pop()!;
    if (last !== deadline) {
      last.place = deadline.place;
      this.#open[last.place] = last;
    }
    deadline.place = -1;
    if (this.#open.length > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #sweep(): void {
    this.tick = this.#clock.monotonic();
    // What one does when it expires may close others.
    const due = this.#open.filter(({ at }) => at <= this.tick);
    for (const deadline of due) {
      if (deadline.at > this.tick) continue;
      deadline.at = Infinity;
      deadline.expired();
    }
  }
}

/** One object without closures: every request has several. */
class OpenDeadline implements Deadline {
  at = Infinity;

  /** @param place its index among the open ones, −1 when it is closed */
  constructor(readonly all: Deadlines, public place: number, readonly expired: () => void) {}

  set(ms: number): void {
    // The tick may be one period old: adding the period keeps a deadline from firing early.
    this.at = ms === 0 ? Infinity : this.all.tick + ms + sweepMs;
  }

  clear(): void {
    this.at = Infinity;
  }

  close(): void {
    this.at = Infinity;
    this.all.close(this);
  }
}
