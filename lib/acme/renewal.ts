/**
 * When to renew a certificate: when its CA says (ARI, RFC 9773), otherwise at two thirds of its life.
 * @module
 */
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { parseCertificate } from "@lib/pki/mod.ts";

/** A CA's answer for one certificate. */
export interface RenewalWindow {
  readonly start: Date;
  readonly end: Date;
  /** A page that says why, where the CA has reason to hurry; "" otherwise. */
  readonly explanationUrl: string;
}

export interface Renewal {
  /** When to order the next one; may have passed: then at once. */
  readonly at: Date;
  /** When to ask again, because the CA may change its mind (it revokes a batch, it moves load). */
  readonly askAgainAt: Date;
  readonly explanationUrl: string;
  /** Whether the CA said so. */
  readonly byCa: boolean;
}

/** RFC 9773 §4.3: without Retry-After, and at most and at least, seconds. */
export const askAgainSeconds = { default: 6 * 3600, min: 60, max: 24 * 3600 } as const;

/**
 * RFC 9773 §4.1: base64url of the authority key identifier, a dot, base64url of the serial number's DER contents; null
 * for a certificate without an authority key identifier.
 */
export function renewalId(chainPem: string): string | null {
  const certificate = new x509.X509Certificate(parseCertificate(chainPem).pem);
  const identifier = certificate.getExtension(x509.AuthorityKeyIdentifierExtension)?.keyId;
  if (identifier === undefined) return null;
  const text = (hex: string) => Uint8Array.fromHex(hex).toBase64({ alphabet: "base64url", omitPadding: true });
  // DER writes a leading zero where the first bit is set: without it the number would be negative.
  const serial = certificate.serialNumber.replace(/^(00)+(?=..)/, "");
  return `${text(identifier)}.${text(parseInt(serial.slice(0, 2), 16) >= 0x80 ? `00${serial}` : serial)}`;
}

/** Null when it isn't what RFC 9773 §4.2 says. */
export function readWindow(value: unknown): RenewalWindow | null {
  const { suggestedWindow, explanationURL } = (value ?? {}) as Record<string, unknown>;
  const { start, end } = (suggestedWindow ?? {}) as Record<string, unknown>;
  const [from, to] = [new Date(String(start)), new Date(String(end))];
  // An end at or before the start is malformed (§4.2); so is what isn't a date.
  if (!(to.getTime() > from.getTime())) return null;
  return { start: from, end: to, explanationUrl: typeof explanationURL === "string" ? explanationURL : "" };
}

/**
 * A point in the window, uniform over certificates and the same for each of them at every call: so that certificates
 * got together aren't renewed together, and asking again doesn't move the day (RFC 9773 §4.2 asks for uniform chance).
 */
export async function renewalInWindow(chainPem: string, { start, end }: RenewalWindow): Promise<Date> {
  const span = end.getTime() - start.getTime();
  return new Date(start.getTime() + Math.floor(span * await fraction(chainPem)));
}

/**
 * At two thirds of the certificate's life, minus up to a twentieth of it by chance: for 90 days 55.5 to 60 days after
 * its beginning, for 24 hours 14.8 to 16 hours.
 */
export async function renewalByAge(chainPem: string): Promise<Date> {
  const { notBefore, notAfter } = parseCertificate(chainPem);
  const life = notAfter.getTime() - notBefore.getTime();
  return new Date(notBefore.getTime() + Math.floor(life * (2 / 3 - await fraction(chainPem) / 20)));
}

/** 0 to 1, from the certificate's own digest. */
async function fraction(chainPem: string): Promise<number> {
  const der = new x509.X509Certificate(parseCertificate(chainPem).pem).rawData;
  return new DataView(await crypto.subtle.digest("SHA-256", der)).getUint32(0) / 2 ** 32;
}
