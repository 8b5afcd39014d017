/**
 * Many deadlines on one timer: setting one costs a field write, so every read may have its own.
 * @module
 */
import type { Clock } from "@lib/clock/mod.ts";
import { type Listed, Roster } from "./roster.ts";

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
  readonly #open = new Roster<OpenDeadline>();
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
    if (this.#open.size === 0) this.tick = this.#clock.monotonic();
    const deadline = new OpenDeadline(this, expired);
    this.#open.add(deadline);
    this.#timer ??= setInterval(() => this.#sweep(), sweepMs);
    return deadline;
  }

  close(deadline: OpenDeadline): void {
    this.#open.delete(deadline);
    if (this.#open.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #sweep(): void {
    this.tick = this.#clock.monotonic();
    // What one does when it expires may close others.
    const due = this.#open.items.filter(({ at }) => at <= this.tick);
    for (const deadline of due) {
      if (deadline.at > this.tick) continue;
      deadline.at = Infinity;
      deadline.expired();
    }
  }
}

/** One object without closures: every request has several. */
class OpenDeadline implements Deadline, Listed {
  place = -1;
  at = Infinity;

  constructor(readonly all: Deadlines, readonly expired: () => void) {}

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
