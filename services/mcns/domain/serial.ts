/** A zone's serial number reads as a date, `YYYYMMDDNN`, and only ever grows. */

/**
 * The serial after `current` for a change at `at` (ms since the epoch, UTC day).
 * The first change of a day gives `…00`. After `…99` the count runs on into the next day's numbers, and a clock set
 * back changes nothing: it is always more than `current`, so that secondaries see every change (RFC 1982).
 */
export function nextSerial(current: number, at: number): number {
  const day = new Date(at);
  const today = (day.getUTCFullYear() * 10_000 + (day.getUTCMonth() + 1) * 100 + day.getUTCDate()) * 100;
  return Math.max(today, current + 1);
}
