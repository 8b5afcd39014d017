/**
 * What an X.509 certificate says, in the words of our error messages.
 * @module
 */
import type { X509Certificate } from "node:crypto";

/**
 * The names a certificate is valid for: DNS names in lower case, then IP addresses, as in its subjectAltName.
 * The common name doesn't count (RFC 9525 §2).
 */
export function certificateNames(certificate: X509Certificate): string[] {
  return namesOf(certificate.subjectAltName ?? "");
}

/** Reads the text form of a subjectAltName as node:crypto writes it: `DNS:a.test, IP Address:127.0.0.1`. */
export function namesOf(subjectAltName: string): string[] {
  const names: string[] = [];
  for (const part of subjectAltName.split(", ")) {
    const colon = part.indexOf(":");
    const kind = part.slice(0, colon);
    const value = part.slice(colon + 1);
    if (kind === "DNS") names.push(value.toLowerCase());
    else if (kind === "IP Address") names.push(value);
  }
  return names;
}

/** `"a.test", "127.0.0.1"`, or "no names". */
export function listNames(names: readonly string[]): string {
  return names.length === 0 ? "no names" : names.map((name) => JSON.stringify(name)).join(", ");
}

/** RFC 3339 without milliseconds: certificates have none. */
export function dateText(date: Date): string {
  return date.toISOString().replace(".000Z", "Z");
}
