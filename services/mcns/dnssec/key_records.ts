/** The records that are made of a public key: DNSKEY, its tag, DS and the copies for the parent (RFC 4034 §2, §5, RFC 7344). */
import { createHash } from "node:crypto";
import { type KeyRole, signsKeys } from "../domain/key_rollover.ts";
import { fromBytes, type Octets, toBytes, u16At, u16Octets } from "../domain/octets.ts";

/** RFC 4034 §2.1.1: a key for a zone; and the "secure entry point" that the parent's DS names. */
const zoneKeyFlag = 0x0100, entryPointFlag = 0x0001;

/** Digest types of DS records. SHA-256 is the one that every parent takes; SHA-384 some ask for (RFC 8624 §3.3). */
export const digestTypes = { 2: "sha256", 4: "sha384" } as const;
export type DigestType = keyof typeof digestTypes;

/** A DNSKEY record's data; also a CDNSKEY's. */
export function dnskeyData(role: KeyRole, algorithm: number, publicKey: Octets): Octets {
  // The 3 is the protocol, always (RFC 4034 §2.1.2).
  return u16Octets(zoneKeyFlag | (signsKeys(role) ? entryPointFlag : 0)) + String.fromCharCode(3, algorithm) +
    publicKey;
}

/** The number that signatures and DS records name a key by; not unique (RFC 4034 appendix B). */
export function keyTag(dnskey: Octets): number {
  let sum = 0;
  for (let at = 0; at < dnskey.length; at += 2) sum += dnskey.charCodeAt(at) << 8 | (dnskey.charCodeAt(at + 1) || 0);
  return (sum + (sum >>> 16)) & 0xffff;
}

/** A DS record's data (RFC 4034 §5.1.4); also a CDS's. */
export function dsData(zoneKey: string, dnskey: Octets, digestType: DigestType): Octets {
  const digest = createHash(digestTypes[digestType]).update(toBytes(zoneKey + dnskey)).digest();
  return u16Octets(keyTag(dnskey)) + String.fromCharCode(dnskey.charCodeAt(3), digestType) + fromBytes(digest);
}

/** Whether the DS record's data names that key, by whichever digest we know. */
export function namesKey(ds: Octets, zoneKey: string, dnskey: Octets): boolean {
  const digestType = ds.charCodeAt(3);
  if (digestType !== 2 && digestType !== 4) {
    return u16At(ds, 0) === keyTag(dnskey) && ds.charCodeAt(2) === dnskey.charCodeAt(3);
  }
  return ds === dsData(zoneKey, dnskey, digestType);
}

/** What asks the parent to remove the DS records (RFC 8078 §4). */
export const deleteCds: Octets = "\0\0\0\0\0";
export const deleteCdnskey: Octets = "\0\0\x03\0\0";
