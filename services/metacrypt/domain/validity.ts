/**
 * How long a certificate is valid.
 * @module
 */
import { conflict, invalid } from "@lib/errors/mod.ts";

/** Shortest validity handed out, seconds: below it a certificate ends before it is installed. */
const minTtlSeconds = 60;
/** Certificates begin a minute ago, for peers whose clocks are behind. */
const backdateMs = 60_000;

/** What bounds a certificate's validity. Times in ms since the epoch. */
export interface ValidityBounds {
  now: number;
  /** Asked for; 0 = `maxTtlSeconds`. */
  ttlSeconds: number;
  maxTtlSeconds: number;
  issuerNotBefore: number;
  issuerNotAfter: number;
}

/**
 * Begin and end, in whole seconds; cut to the issuer's end, since nothing outlives its issuer.
 * @throws invalid("ttl_seconds") below 60 or above the setting; conflict when the issuer has less than 60 s left
 */
export function validityWithin(bounds: ValidityBounds): { notBefore: Date; notAfter: Date } {
  const { now, maxTtlSeconds, issuerNotBefore, issuerNotAfter } = bounds;
  const ttl = bounds.ttlSeconds === 0 ? maxTtlSeconds : bounds.ttlSeconds;
  if (ttl < minTtlSeconds || ttl > maxTtlSeconds) {
    throw invalid("ttl_seconds", `a validity has ${minTtlSeconds} to ${maxTtlSeconds} seconds: ${ttl}`);
  }
  const end = Math.min(now + ttl * 1000, issuerNotAfter);
  if (end < now + minTtlSeconds * 1000) {
    const until = new Date(issuerNotAfter).toISOString();
    throw conflict(`Cannot issue: the issuer's own certificate is valid until ${until}`, {
      hint: "Request and import a new issuer: metacrypt issuer request, metacrypt issuer import.",
    });
  }
  const begin = Math.max(now - backdateMs, issuerNotBefore);
  return { notBefore: wholeSecond(begin), notAfter: wholeSecond(end) };
}

/** X.509 times have no fraction of a second (RFC 5280 §4.1.2.5). */
function wholeSecond(ms: number): Date {
  return new Date(Math.floor(ms / 1000) * 1000);
}
