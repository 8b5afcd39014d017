import type { Clock } from "@lib/clock/mod.ts";
import type { Upstream } from "./upstream.ts";

/** "order": as configured. "fastest": by smoothed round trip. */
export type Strategy = "order" | "fastest";

/** How old the measurement of an upstream may get before it is taken anew, ms, where the fastest is asked. */
const measureEveryMs = 10_000;

/**
 * The upstreams in the order in which to ask: first those that reply, then those that refuse, then those that are
 * down, which are only asked when there is no other.
 */
export function askingOrder(upstreams: readonly Upstream[], strategy: Strategy): Upstream[] {
  const rank = ({ health }: Upstream) => health.isDown ? 3 : health.isRefusing ? 2 : health.isSure ? 0 : 1;
  const ranked = upstreams.map((upstream) => ({ upstream, rank: rank(upstream), ms: upstream.health.srttMs }));
  if (strategy === "fastest") {
    return ranked.sort((a, b) => a.rank - b.rank || a.ms - b.ms).map(({ upstream }) => upstream);
  }
  // One lost packet doesn't change who comes first: only the strategy "fastest" is so quick to leave.
  const settled = ranked.map(({ upstream, rank }) => ({ upstream, rank: rank < 2 ? 0 : rank }));
  return settled.sort((a, b) => a.rank - b.rank).map(({ upstream }) => upstream);
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
