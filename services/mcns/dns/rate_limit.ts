/**
 * Response rate limiting: a flood with a forged sender's address makes us answer somebody who never asked. Real resolvers
 * keep an answer for its TTL, so the same kind of reply to the same network more than a few times a second is such a flood.
 *
 * Replies are counted by client network (/24, /56) and kind. Over the limit every second one goes out truncated and
 * without records, so that a real client there can come back over TCP; the others not at all.
 */
import type { Clock } from "@lib/clock/mod.ts";

/** What counts as the same: answers by name and type, denials and referrals by zone, errors all together. */
export const responseClasses = { answer: 1, denial: 2, referral: 3, error: 4 } as const;
export type ResponseClass = typeof responseClasses[keyof typeof responseClasses];

export const verdicts = { send: 0, truncate: 1, drop: 2 } as const;
export type Verdict = typeof verdicts[keyof typeof verdicts];

/** Counters kept, a power of two: 1.3 MB. Two that fall together share one, or rather the later one takes it over. */
const slots = 65_536;

/** After a pause a client may have as many replies at once as in so many seconds. */
const burstSeconds = 2;

export class RateLimit {
  readonly #perMs: number;
  readonly #burst: number;
  readonly #clock: Clock;
  /** What each slot counts, the replies that it may still send, since when, and how many were over the limit. */
  readonly #tags = new Int32Array(slots);
  readonly #tokens = new Float32Array(slots);
  readonly #times = new Float64Array(slots);
  readonly #over = new Uint8Array(slots);

  /** @param perSecond replies of one kind to one network, at least 1 */
  constructor(perSecond: number, clock: Clock) {
    this.#perMs = perSecond / 1000;
    this.#burst = perSecond * burstSeconds;
    this.#clock = clock;
  }

  /**
   * Counts a reply.
   * @param network hash of the client's network
   * @param subject hash of the name and type, or of the zone; 0 for errors
   */
  check(network: number, kind: ResponseClass, subject: number): Verdict {
    const now = this.#clock.monotonic();
    let tag = Math.imul(
      Math.imul(network, 31) ^ Math.imul(subject, 0x9e3779b1) ^ Math.imul(kind, 0xc2b2ae35),
      0x85ebca6b,
    );
    tag ^= tag >>> 15;
    const slot = tag & slots - 1;
    let tokens = this.#burst;
    if (this.#tags[slot] === tag) {
      tokens = Math.min(tokens, this.#tokens[slot]! + (now - this.#times[slot]!) * this.#perMs);
    } else {
      this.#tags[slot] = tag;
      this.#over[slot] = 0;
    }
    this.#times[slot] = now;
    if (tokens >= 1) {
      this.#tokens[slot] = tokens - 1;
      this.#over[slot] = 0;
      return verdicts.send;
    }
    this.#tokens[slot] = tokens;
    this.#over[slot]!++;
    return (this.#over[slot]! & 1) === 1 ? verdicts.truncate : verdicts.drop;
  }
}
