/** Keys for signed messages (TSIG, RFC 8945): their names, algorithms and secrets. */
import { invalid, quote } from "@lib/errors/mod.ts";
import { DomainName } from "./name.ts";

/** RFC 8945 §6, without MD5 and the truncated forms. SHA-1 is for old peers only: see `parseTsigAlgorithm`. */
export const tsigAlgorithms = ["hmac-sha256", "hmac-sha384", "hmac-sha512", "hmac-sha224", "hmac-sha1"] as const;
export type TsigAlgorithm = typeof tsigAlgorithms[number];

/** Octets of the MAC, which are those of the hash: what a new secret has (RFC 8945 §8 asks for at least that). */
export const macOctets: Readonly<Record<TsigAlgorithm, number>> = {
  "hmac-sha1": 20,
  "hmac-sha224": 28,
  "hmac-sha256": 32,
  "hmac-sha384": 48,
  "hmac-sha512": 64,
};

/** A secret that both sides know, under a name that both sides use. */
export interface TsigKey {
  /** Key of the name (name.ts). */
  readonly name: string;
  readonly algorithm: TsigAlgorithm;
  readonly secret: Uint8Array;
}

/** Shorter ones can be found by trying: 128 bits is the least that RFC 8945 §8 leaves room for. */
const minSecretOctets = 16;
/** Longer than any hash's block; more adds nothing. */
const maxSecretOctets = 256;

/**
 * Reads "hmac-sha256" in any case; "" is that. Throws Invalid on `field`; for hmac-sha1 too, unless `allowSha1`: it is
 * for peers that know nothing better.
 */
export function parseTsigAlgorithm(text: string, allowSha1 = false, field = "algorithm"): TsigAlgorithm {
  const lower = text.toLowerCase();
  if (lower === "") return "hmac-sha256";
  const algorithm = tsigAlgorithms.find((one) => one === lower);
  if (algorithm !== undefined && (algorithm !== "hmac-sha1" || allowSha1)) return algorithm;
  const known = tsigAlgorithms.filter((one) => one !== "hmac-sha1" || allowSha1).join(", ");
  throw invalid(field, `must be one of ${known}, got ${quote(text)}`);
}

/** Reads a key's name, as both sides write it into their messages. Throws Invalid on `field`. */
export function parseTsigName(text: string, field = "name"): DomainName {
  const name = DomainName.parse(text, field);
  if (name.labels[0] === "*") throw invalid(field, `a key's name can't be a wildcard, got ${quote(text)}`);
  return name;
}

/** Reads a secret in Base64, from 16 to 256 octets. Throws Invalid on `field`, never showing the secret. */
export function parseTsigSecret(base64: string, field = "secret"): Uint8Array {
  let octets: string;
  try {
    octets = atob(base64.trim());
  } catch {
    throw invalid(field, "must be Base64, as tsig-keygen and keymgr write it");
  }
  if (octets.length < minSecretOctets || octets.length > maxSecretOctets) {
    throw invalid(field, `must have ${minSecretOctets} to ${maxSecretOctets} octets, got ${octets.length}`);
  }
  return Uint8Array.from(octets, (character) => character.charCodeAt(0));
}
