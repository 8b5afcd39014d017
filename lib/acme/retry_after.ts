/**
 * Retry-After (RFC 9110 §10.2.3).
 * @module
 */

/**
 * Seconds from now, never negative, rounded up; null when there is none or it can't be read.
 * @param now ms since the epoch
 */
export function retryAfterSeconds(headers: Headers, now: number): number | null {
  const text = headers.get("retry-after")?.trim() ?? "";
  if (/^\d{1,9}$/.test(text)) return Number(text);
  const at = /^[A-Z][a-z]{2}, \d{2} /.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(at) ? null : Math.max(0, Math.ceil((at - now) / 1000));
}
