/** When a secondary asks its primaries next, and until when it may answer (RFC 1035 §3.3.13). */
import type { SoaTimes } from "./soa.ts";

/** A zone without any content tries again after this, doubled with each failure up to the maximum. */
const firstRetrySeconds = 5;
const maxFirstRetrySeconds = 600;

/** No zone is asked for more often, whatever its SOA says: a refresh of 0 would be a loop. */
const minSeconds = 1;

/** The longest that a timer can be set for is 2^31 - 1 ms, 24.8 days. */
const maxSeconds = 2_147_483;

/** Zones of one primary, all with its refresh, drift apart by up to a tenth instead of coming at once. */
const jitter = 0.1;

/**
 * Seconds until the next try.
 * @param soa of the content that is here; null for none
 * @param failures tries in a row that failed; 0 after one that did not
 * @param random from 0 to below 1
 */
export function nextTrySeconds(soa: SoaTimes | null, failures: number, random: number): number {
  const seconds = soa === null
    ? Math.min(firstRetrySeconds * 2 ** Math.min(failures - 1, 10), maxFirstRetrySeconds)
    : failures > 0
    ? soa.retry
    : soa.refresh;
  return Math.min(Math.max(seconds, minSeconds), maxSeconds) * (1 - jitter * random);
}

/** From when on a zone that was in step at `checkedAt` (ms since the epoch) isn't answered any more. */
export function expiryOf(soa: SoaTimes, checkedAt: number): number {
  // RFC 1912 §2.2: an expire below the refresh would take the zone away between two tries that both went well.
  return checkedAt + Math.max(soa.expire, soa.refresh + soa.retry, minSeconds) * 1000;
}
