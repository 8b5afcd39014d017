/** Signatures over record sets: what is signed, how it is written, whether one that is there will do (RFC 4034 §3, §6). */
import { hashOfKey } from "../domain/lookup_name.ts";
import { type Octets, toBytes, u16At, u16Octets, u32At, u32Octets } from "../domain/octets.ts";
import type { SignatureTimes } from "../domain/signing_policy.ts";
import type { RecordSet } from "../domain/zone.ts";
import type { SigningKey } from "./signing_key.ts";

/** A set that is to be signed, and by whom. */
export interface SigningJob {
  readonly owner: string;
  readonly set: RecordSet;
  readonly key: SigningKey;
}

/** Yields the RRSIG data of a job, here and now. */
export interface SetSigner {
  sign(job: SigningJob): Octets;
}

/** Class IN. */
const classIn = "\0\x01";

/**
 * An RRSIG record's data up to the signature (RFC 4034 §3.1).
 * @param at ms since the epoch
 */
export function signatureHead(
  { owner, set, key }: SigningJob,
  zone: string,
  times: SignatureTimes,
  at: number,
): Octets {
  const now = Math.floor(at / 1000);
  const expiration = now + times.lifetime - jitterOf(owner, set.type, times.jitter);
  return u16Octets(set.type) + String.fromCharCode(key.algorithm, labelsToSign(owner)) + u32Octets(set.ttlSeconds) +
    u32Octets(expiration) + u32Octets(now - times.headStart) + u16Octets(key.tag) + zone;
}

/** What a signature with that head is made over: the head, then the set's records in canonical form (RFC 4034 §3.1.8.1). */
export function signedOctets({ owner, set }: SigningJob, head: Octets): Uint8Array<ArrayBuffer> {
  const front = owner + u16Octets(set.type) + classIn + u32Octets(set.ttlSeconds);
  let octets = head;
  for (const data of set.data) octets += front + u16Octets(data.length) + data;
  return toBytes(octets);
}

/** Labels of the owner without the root and a wildcard's `*` (RFC 4034 §3.1.3). */
function labelsToSign(owner: string): number {
  let labels = 0;
  for (let at = owner.startsWith("\x01*") ? 2 : 0; owner.charCodeAt(at) > 0; at += owner.charCodeAt(at) + 1) labels++;
  return labels;
}

/** Seconds from 0 to `jitter`, spread evenly over the sets of a zone and always the same for one. */
function jitterOf(owner: string, type: number, jitter: number): number {
  return ((hashOfKey(owner) ^ Math.imul(type, 0x9e3779b1)) >>> 0) % (jitter + 1);
}

/** Signs in the caller's turn. */
export function signNow(zone: string, times: SignatureTimes, at: number): SetSigner {
  return {
    sign(job) {
      const head = signatureHead(job, zone, times, at);
      return head + job.key.sign(signedOctets(job, head));
    },
  };
}

/** The end of a signature, seconds since the epoch. */
export function expirationOf(signature: Octets): number {
  return u32At(signature, 8);
}

/** Whether the signature, of whatever set, names that key. */
export function isBy(signature: Octets, { algorithm, tag }: SigningKey): boolean {
  return signature.charCodeAt(2) === algorithm && u16At(signature, 16) === tag;
}

/**
 * Whether the signatures that the set bears are those that it should: one by each of `keys`, of its TTL, begun, and with
 * more than the time for refreshing left.
 */
export function isWellSigned(set: RecordSet, keys: readonly SigningKey[], times: SignatureTimes, at: number): boolean {
  const { signatures, ttlSeconds } = set;
  if (signatures.length !== keys.length) return false;
  const now = at / 1000;
  const isGood = (signature: Octets) =>
    expirationOf(signature) - now > times.refresh && u32At(signature, 12) <= now && u32At(signature, 4) === ttlSeconds;
  return keys.every((key) => signatures.some((signature) => isBy(signature, key) && isGood(signature)));
}

/** Whether two sets hold the same records, whoever signed them. */
export function sameRecords(one: RecordSet, other: RecordSet): boolean {
  return one.type === other.type && one.ttlSeconds === other.ttlSeconds && one.data.length === other.data.length &&
    one.data.every((data, i) => data === other.data[i]);
}
