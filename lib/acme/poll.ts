/**
 * Waiting for a server's resource to settle (RFC 8555 §7.5.1).
 * @module
 */
import type { Clock } from "@lib/clock/mod.ts";
import { PlatformError, unavailable } from "@lib/errors/mod.ts";

export interface PollLimits {
  /** Before the second look, doubled with every look, where the server doesn't say (Retry-After), ms. */
  firstMs: number;
  /** Longest wait between looks where the server doesn't say, ms. */
  mostMs: number;
  /** Shortest wait, whatever the server says, ms. */
  leastMs: number;
  /** For all looks at one resource together, ms. */
  allMs: number;
}

/** A second, then two, then four, then every eight for five minutes. CAs check from several places, within seconds mostly. */
export const defaultPollLimits: PollLimits = { firstMs: 1000, mostMs: 8000, leastMs: 250, allMs: 300_000 };

/** Resolves after `ms`; rejects when aborted. */
export type Wait = (ms: number, signal?: AbortSignal) => Promise<void>;

export interface Polling {
  limits: PollLimits;
  clock: Clock;
  wait: Wait;
}

/** Looks that may fail in a row before the waiting does. */
const maxFailures = 3;

/**
 * Looks until `look` gives a value.
 * @param look null when it hasn't settled, with the server's Retry-After in seconds
 * @throws PlatformError `unavailable` after `limits.allMs`, or when the server wants a longer wait than is left; what
 *   `look` throws, `unavailable` only when it does so three times in a row
 */
export async function poll<T>(
  what: string,
  { limits, clock, wait }: Polling,
  look: () => Promise<{ value: T | null; retryAfter: number | null }>,
  signal?: AbortSignal,
): Promise<T> {
  const end = clock.monotonic() + limits.allMs;
  let failures = 0;
  for (let patience = limits.firstMs;; patience = Math.min(2 * patience, limits.mostMs)) {
    let retryAfter: number | null = null;
    try {
      const { value, retryAfter: said } = await look();
      if (value !== null) return value;
      failures = 0;
      retryAfter = said;
    } catch (error) {
      const passing = error instanceof PlatformError && error.code === "unavailable" && !signal?.aborted;
      if (!passing || ++failures >= maxFailures) throw error;
      retryAfter = error.retryAfterSeconds ?? null;
    }
    const ms = Math.max(limits.leastMs, retryAfter === null ? patience : retryAfter * 1000);
    if (clock.monotonic() + ms > end) {
      throw unavailable(`${what} was not ready within ${limits.allMs} ms`, {
        ...(retryAfter === null ? {} : { retryAfterSeconds: retryAfter }),
      });
    }
    await wait(ms, signal);
  }
}

/** By the system's timers. */
export const systemWait: Wait = (ms, signal) =>
  new Promise((resolve, reject) => {
    const settle = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", aborted);
    };
    const aborted = () => {
      settle();
      reject(unavailable("Waiting for the ACME server was cancelled", { cause: signal?.reason }));
    };
    const timer = setTimeout(() => {
      settle();
      resolve();
    }, ms);
    signal?.addEventListener("abort", aborted);
    if (signal?.aborted) aborted();
  });
