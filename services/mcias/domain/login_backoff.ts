/**
 * How long somebody must wait after wrong passwords. A number of failures is
 * free; each further one doubles the wait, from one second to a ceiling. With
 * the default of 10 free failures and a ceiling of 15 minutes, a guesser has 21
 * tries in the first 17 minutes and four an hour from then on.
 *
 * Waiting attempts are refused unseen and don't lengthen the wait, so that a
 * guesser who keeps hammering locks nobody out for longer than the ceiling.
 * @module
 */

/** Failures of one account name or one address. */
export interface Failures {
  readonly count: number;
  /** ms since the epoch. */
  readonly lastAt: number;
  /** Attempts before it are refused; ms since the epoch. */
  readonly blockedUntil: number;
}

export interface BackoffRule {
  /** Failures without a wait. */
  readonly free: number;
  /** Longest wait, seconds. */
  readonly maxWaitSeconds: number;
  /** After so long without a failure all are forgotten, seconds. */
  readonly forgetSeconds: number;
}

/** The record after one more failure. */
export function afterFailure(before: Failures | undefined, rule: BackoffRule, now: number): Failures {
  const remembered = before !== undefined && now - before.lastAt < rule.forgetSeconds * 1000;
  const count = (remembered ? before.count : 0) + 1;
  // 2^31 s is beyond every ceiling; the exponent stays finite however often somebody fails.
  const waitSeconds = count <= rule.free ? 0 : Math.min(2 ** Math.min(count - rule.free - 1, 31), rule.maxWaitSeconds);
  return { count, lastAt: now, blockedUntil: now + waitSeconds * 1000 };
}

/**
 * Milliseconds to wait, 0 for none. When the clock was set back to before the
 * last failure there is no wait: it would last until the clock has caught up.
 */
export function waitMs(failures: Failures | undefined, now: number): number {
  if (failures === undefined || now < failures.lastAt) return 0;
  return Math.max(0, failures.blockedUntil - now);
}
