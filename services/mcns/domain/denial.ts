/**
 * What proves to a validating resolver that something isn't there: the NSEC or NSEC3 sets that go with a finding
 * (RFC 4035 §3.1.3, RFC 5155 §7.2).
 */
import { nsecProofs } from "./denial_nsec.ts";
import { type Nsec3Hash, nsec3Proofs } from "./denial_nsec3.ts";
import type { Finding, OwnedSet, Zone } from "./zone.ts";

/**
 * The proofs that go with what `zone` has found for the name `key`; none for findings that need none, and in zones without
 * NSEC and NSEC3. Each set once.
 */
export function proofsFor(zone: Zone, finding: Finding, key: string, hash: Nsec3Hash): OwnedSet[] {
  return zone.nsec3 === null ? nsecProofs(zone, finding, key) : nsec3Proofs(zone, finding, key, hash);
}
