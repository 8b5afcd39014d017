/** Longest that a failure is remembered, seconds, and questions at once; RFC 9520 §3.2 wants at least one second and at most five minutes. */
const maxSeconds = 5;
const maxFailures = 10_000;

interface Failure {
  until: number;
  seconds: number;
}

/**
 * Questions that no upstream had an answer to. They aren't asked again for a second, and with each further failure
 * for twice as long, up to five seconds, so that upstreams in trouble are not hammered (RFC 9520). This is not an
 * answer kept: who asks meanwhile gets SERVFAIL without an upstream being asked, or a stale answer.
 */
export class FailureMemory {
  readonly #failures = new Map<string, Failure>();

  get size(): number {
    return this.#failures.size;
  }

  /** @param now milliseconds, monotonic */
  has(id: string, now: number): boolean {
    const failure = this.#failures.get(id);
    return failure !== undefined && failure.until > now;
  }

  add(id: string, now: number): void {
    const before = this.#failures.get(id);
    const seconds = before === undefined ? 1 : Math.min(before.seconds * 2, maxSeconds);
    this.#failures.delete(id);
    this.#failures.set(id, { until: now + seconds * 1000, seconds });
    if (this.#failures.size > maxFailures) this.#failures.delete(this.#failures.keys().next().value!);
  }

  remove(id: string): void {
    this.#failures.delete(id);
  }

  clear(): void {
    this.#failures.clear();
  }

  /** Forgets those that are over for so long that the next failure counts as the first. */
  sweep(now: number): void {
    for (const [id, { until }] of this.#failures) if (until + maxSeconds * 1000 <= now) this.#failures.delete(id);
  }
}
