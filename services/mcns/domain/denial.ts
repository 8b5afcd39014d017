/**
 * What proves to a validating resolver that something isn't there: the NSEC or NSEC3 sets that go with a finding
 * (RFC 4035 §3.1.3, RFC 5155 §7.2).
 */
import { parentKey } from "./name.ts";
import { type Nsec3Hash, nsec3Proofs } from "./denial_nsec3.ts";
import type { Finding, OwnedSet, Zone } from "./zone.ts";

/**
 * The proofs that go with what `zone` has found for the name `key`; none for findings that need none, and in zones without
 * NSEC and NSEC3. Each set once.
 */
export function proofsFor(zone: Zone, finding: Finding, key: string, hash: Nsec3Hash): OwnedSet[] {
  return zone.nsec3 === null ? nsecProofs(zone, finding, key) : nsec3Proofs(zone, finding, key, hash);
}

/** RFC 4035 §3.1.3. */
function nsecProofs(zone: Zone, { kind, wildcard, owner }: Finding, key: string): OwnedSet[] {
  switch (kind) {
    case "no_name":
      // §3.1.3.2: the name isn't there, nor a wildcard that could stand for it.
      return distinct([zone.nsecFor(key), zone.nsecFor(wildcardBelow(owner))]);
    case "no_data":
      // §3.1.3.1, §3.1.3.4. An empty non-terminal has no NSEC: the one that covers it names one below it as the next.
      return wildcard ? distinct([zone.nsecFor(owner), zone.nsecFor(key)]) : distinct([zone.nsecFor(key)]);
    case "delegation":
      // §3.1.4: no DS at the cut.
      return distinct([zone.nsecFor(owner)]);
    default:
      // §3.1.3.3: the name itself isn't there, so the wildcard stands for it.
      return wildcard ? distinct([zone.nsecFor(key)]) : [];
  }
}

/** Leaves out what isn't there or comes twice. */
export function distinct(sets: readonly (OwnedSet | null)[]): OwnedSet[] {
  const proofs: OwnedSet[] = [];
  for (const one of sets) {
    if (one !== null && !proofs.some(({ owner }) => owner === one.owner)) proofs.push(one);
  }
  return proofs;
}

/** The key of `*` right below that name. */
export function wildcardBelow(key: string): string {
  return "\x01*" + key;
}

/** The name one label longer than `ancestor` on the way to `key` (RFC 5155 §1.3: "next closer"). */
export function nextCloser(key: string, ancestor: string): string {
  let at = key;
  while (parentKey(at).length > ancestor.length) at = parentKey(at);
  return at;
}
