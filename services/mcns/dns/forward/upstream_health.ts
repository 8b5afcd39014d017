import type { Clock } from "@lib/clock/mod.ts";

/** Failures in a row after which an upstream is down: one or two are lost packets. */
const failuresToDown = 3;
/** How long it is then left alone before the next probe, doubled with every further failure. */
const firstBackOffMs = 1000;
/** While all are down, stale answers are given without asking: that much longer than need be. */
const maxBackOffMs = 16_000;

/** Weight of the newest round trip in the smoothed one (RFC 6298 §2). */
const newestShare = 1 / 8;

/** How long an upstream that refuses comes last, ms. */
const refusingMs = 60_000;

/** How an upstream has done lately. */
export class UpstreamHealth {
  /** Since start. */
  queries = 0;
  /** Queries without any reply, since start. */
  failures = 0;
  /** Smoothed round trip, ms; 0 when it never replied. */
  srttMs = 0;
  /** Queries that have been without a reply for so long that another upstream was asked. */
  overdue = 0;
  /** Of the last query, ms monotonic. */
  askedAt = -Infinity;
  readonly #clock: Clock;
  #failuresInARow = 0;
  #setBackUntil = -Infinity;
  #refusingUntil = -Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** No client's query waits for it. */
  get isDown(): boolean {
    return this.#failuresInARow >= failuresToDown;
  }

  /** Whether it is down and may be tried again. */
  get isProbeDue(): boolean {
    return this.isDown && this.#setBackUntil <= this.#clock.monotonic();
  }

  /** Whether the last query got a reply. */
  get isSure(): boolean {
    return this.#failuresInARow === 0;
  }

  /** Whether it refused lately to resolve for us. */
  get isRefusing(): boolean {
    return this.#refusingUntil > this.#clock.monotonic();
  }

  asked(): void {
    this.queries++;
    this.askedAt = this.#clock.monotonic();
  }

  /** @param roundTripMs from the query to its reply */
  replied(roundTripMs: number, isRefusal: boolean): void {
    this.#failuresInARow = 0;
    this.#setBackUntil = -Infinity;
    this.#refusingUntil = isRefusal ? this.#clock.monotonic() + refusingMs : -Infinity;
    this.srttMs = this.srttMs === 0 ? roundTripMs : this.srttMs + (roundTripMs - this.srttMs) * newestShare;
  }

  failed(): void {
    this.failures++;
    this.#failuresInARow++;
    const beyond = this.#failuresInARow - failuresToDown;
    // 2 ** 4 seconds is the maximum already.
    const backOffMs = Math.min(firstBackOffMs * 2 ** Math.min(beyond, 4), maxBackOffMs);
    if (beyond >= 0) this.#setBackUntil = this.#clock.monotonic() + backOffMs;
  }
}
