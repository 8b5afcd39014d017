import type { Upstream } from "./upstream.ts";
import type { Resolution } from "./upstream_reply.ts";

/** Before an upstream that hasn't replied is asked the same again, ms: a slow one would only be given more to do. */
const repeatMs = 500;

/** An answer; null when it replied, but with none; "silent" when it didn't reply; "busy" when it wasn't asked. */
export type Outcome = Resolution | "silent" | "busy" | null;

export interface HedgedQuestion {
  /** Whom to ask, in this order. */
  order: readonly Upstream[];
  /** To be asked along with the first; null for none. */
  beside: Upstream | null;
  /** Never rejects. */
  ask(upstream: Upstream, isRetry: boolean): Promise<Outcome>;
  deadlineMs: number;
}

/**
 * Asks one upstream after the other until there is an answer; null when none had one within the deadline.
 *
 * The next is asked when the one before said that it has no answer or didn't reply at all, and already when it takes
 * twice as long as it usually does: then whichever answers first counts. So a dead upstream costs its usual time once or
 * thrice (after that it is known to be down), not its time-out. When all have been asked, those that haven't replied are
 * asked a second time.
 *
 * Slower ones are not called off: whether they reply at all is what their health is judged by.
 */
export function askHedged({ order, beside, ask, deadlineMs }: HedgedQuestion): Promise<Resolution | null> {
  const { promise, resolve } = Promise.withResolvers<Resolution | null>();
  const first = order.filter((upstream) => upstream !== beside || upstream === order[0]);
  const again = [...order];
  const replied = new Set<Upstream>();
  const timedOut = new Set<Upstream>();
  let pending = 0;
  let isOver = false;
  let patience: ReturnType<typeof setTimeout> | undefined;
  const deadline = setTimeout(() => end(null), deadlineMs);

  function end(resolution: Resolution | null): void {
    isOver = true;
    clearTimeout(deadline);
    clearTimeout(patience);
    resolve(resolution);
  }

  /** @param patienceMs when to go on; 0: at its reply only */
  function start(upstream: Upstream, patienceMs: number): void {
    pending++;
    let isOverdue = false;
    if (patienceMs > 0) {
      patience = setTimeout(() => {
        isOverdue = true;
        upstream.health.overdue++;
        next();
      }, patienceMs);
    }
    ask(upstream, timedOut.has(upstream)).then((outcome) => {
      pending--;
      if (isOverdue) upstream.health.overdue--;
      if (isOver) return;
      if (outcome === "silent") timedOut.add(upstream);
      else if (outcome === null) replied.add(upstream);
      else if (outcome !== "busy") return end(outcome);
      next();
    });
  }

  /** Starts the next attempt; ends when there is none, and none is under way. */
  function next(): void {
    clearTimeout(patience);
    let upstream = first.shift();
    while (upstream === undefined && again.length > 0) {
      const candidate = again.shift()!;
      if (!replied.has(candidate)) upstream = candidate;
    }
    if (upstream === undefined) {
      if (pending === 0) end(null);
      return;
    }
    const { patienceMs } = upstream;
    start(upstream, first.length > 0 ? patienceMs : again.length > 0 ? Math.max(repeatMs, patienceMs) : 0);
  }

  next();
  if (beside !== null && !isOver) start(beside, 0);
  return promise;
}
