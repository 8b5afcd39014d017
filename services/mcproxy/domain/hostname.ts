/**
 * Host names as SNI, the Host field and certificates carry them.
 * @module
 */
import { invalid, quote } from "@lib/errors/mod.ts";

const label = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?";
const hostnamePattern = new RegExp(`^${label}(?:\\.${label})*$`);
const allDigits = /^[\d.]+$/;

/**
 * Checks a name that clients may ask for: letters, digits, hyphens and underscores in labels of at most 63
 * characters, 253 in all, no trailing dot, no address (RFC 6066 §3 has no addresses in SNI).
 * @returns the name in lower case
 * @throws PlatformError `invalid` on `field`
 */
export function parseHostname(text: string, field = "hostname"): string {
  const name = text.toLowerCase();
  if (!isHostname(name)) {
    throw invalid(field, `must be a DNS name such as "hello.example.org", got ${quote(text)}`);
  }
  return name;
}

/**
 * Checks a route's name: as `parseHostname`, or `*.example.org` for every name one label below, or `*` for whatever no
 * other route of the listener takes.
 * @throws PlatformError `invalid` on `field`
 */
export function parseRouteName(text: string, field = "hostname"): string {
  if (text === "*") return text;
  if (text.startsWith("*.") && isHostname(text.slice(2).toLowerCase())) return text.toLowerCase();
  if (text.startsWith("*.") || !isHostname(text.toLowerCase())) {
    throw invalid(
      field,
      `must be a DNS name such as "hello.example.org", "*.example.org" or "*", got ${quote(text)}`,
    );
  }
  return text.toLowerCase();
}

/** The wildcard name that stands for `hostname`: `*.example.org` for `a.example.org`; null for a name of one label. */
export function wildcardOf(hostname: string): string | null {
  const dot = hostname.indexOf(".");
  return dot < 0 ? null : `*${hostname.slice(dot)}`;
}

/** True for a lower-case DNS name that SNI may carry. */
export function isHostname(name: string): boolean {
  return name.length <= 253 && hostnamePattern.test(name) && !allDigits.test(name);
}

/**
 * True when a certificate's DNS name covers `hostname`; a wildcard stands for exactly one leftmost label (RFC 9525 §6.3).
 */
export function nameCovers(certificateName: string, hostname: string): boolean {
  const name = certificateName.toLowerCase();
  if (!name.startsWith("*.")) return name === hostname;
  const dot = hostname.indexOf(".");
  return dot > 0 && hostname.slice(dot) === name.slice(1);
}
