import type { Clock } from "@lib/clock/mod.ts";
import type { Upstream } from "./upstream.ts";

/** "order": as configured. "fastest": by smoothed round trip. */
export type Strategy = "order" | "fastest";

/** How old the measurement of an upstream may get before it is taken anew, ms, where the fastest is asked. */
const measureEveryMs = 10_000;

/**
 * The upstreams in the order in which to ask: first those that reply, then those that should have replied by now to another
 * question, then those that refuse, then those that are down, which are only asked when there is no other. By the strategy
 * "fastest", those that have lost the last packet are behind too, and those that never replied behind them.
 */
export function askingOrder(upstreams: readonly Upstream[], strategy: Strategy): Upstream[] {
  const isFastest = strategy === "fastest";
  const rank = ({ health: { isDown, isRefusing, isSure, overdue } }: Upstream) =>
    isDown ? 3 : isRefusing ? 2 : overdue > 0 || (isFastest && !isSure) ? 1 : 0;
  const ms = ({ health: { srttMs } }: Upstream) => !isFastest ? 0 : srttMs === 0 ? Number.MAX_VALUE : srttMs;
  return upstreams.map((upstream) => ({ upstream, rank: rank(upstream), ms: ms(upstream) }))
    .sort((a, b) => a.rank - b.rank || a.ms - b.ms).map(({ upstream }) => upstream);
}

/**
 * Beside the first of the order: one that hasn't been asked for so long that it may be the fastest by now. It gets the
 * same question at the same time, so nobody waits for the measurement. Null when all are measured.
 */
export function unmeasured(order: readonly Upstream[], clock: Clock): Upstream | null {
  const before = clock.monotonic() - measureEveryMs;
  let longest: Upstream | null = null;
  for (const upstream of order.slice(1)) {
    const { isDown, isRefusing, askedAt } = upstream.health;
    if (isDown || isRefusing || askedAt > before) continue;
    if (longest === null || askedAt < longest.health.askedAt) longest = upstream;
  }
  return longest;
}
