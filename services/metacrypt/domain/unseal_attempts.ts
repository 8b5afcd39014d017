/**
 * How often somebody may try a seal password: token buckets, one per source and one for all.
 * @module
 */
import type { Clock } from "@lib/clock/mod.ts";
import { rateLimited } from "@lib/errors/mod.ts";

interface Bucket {
  /** Attempts left; a fraction grows back with time. */
  left: number;
  /** Monotonic ms at which `left` was right. */
  at: number;
}

/** Sizes of the buckets. */
export interface AttemptLimits {
  /** Attempts that one source may make at once; default 5. */
  perSource: number;
  /** Seconds until one of a source's attempts comes back; default 30: 2,880 guesses a day. */
  sourceSeconds: number;
  /** Attempts that all sources together may make at once; default 20. */
  all: number;
  /** Seconds until one of those comes back; default 6: 14,400 guesses a day, whatever number of sources. */
  allSeconds: number;
}

const defaults: AttemptLimits = { perSource: 5, sourceSeconds: 30, all: 20, allSeconds: 6 };
/** Sources remembered; beyond it the fullest knowledge is dropped and the common bucket still holds. */
const maxSources = 1000;

/** Counts attempts, successful ones too, since the last start of the program. */
export class UnsealAttempts {
  readonly #clock: Clock;
  readonly #limits: AttemptLimits;
  readonly #sources = new Map<string, Bucket>();
  readonly #all: Bucket;

  constructor(clock: Clock, limits: Partial<AttemptLimits> = {}) {
    this.#clock = clock;
    this.#limits = { ...defaults, ...limits };
    this.#all = { left: this.#limits.all, at: clock.monotonic() };
  }

  /**
   * Takes one attempt of `source` (an address without its port).
   * @throws rate_limited with the seconds after which the next one is allowed
   */
  take(source: string): void {
    const { perSource, sourceSeconds, all, allSeconds } = this.#limits;
    const own = this.#sources.get(source) ?? { left: perSource, at: this.#clock.monotonic() };
    this.#refill(own, perSource, sourceSeconds);
    this.#refill(this.#all, all, allSeconds);
    if (this.#sources.size >= maxSources && !this.#sources.has(source)) this.#sources.clear();
    this.#sources.set(source, own);
    const wait = Math.max((1 - own.left) * sourceSeconds, (1 - this.#all.left) * allSeconds);
    if (wait > 1e-6) {
      // A millionth off, so that rounding in the refill adds no second.
      const seconds = Math.ceil(wait - 1e-6);
      throw rateLimited(`Too many attempts to unseal; the next one is allowed in ${seconds} s`, seconds);
    }
    own.left--;
    this.#all.left--;
  }

  #refill(bucket: Bucket, most: number, seconds: number): void {
    const now = this.#clock.monotonic();
    bucket.left = Math.min(most, bucket.left + (now - bucket.at) / 1000 / seconds);
    bucket.at = now;
  }
}
