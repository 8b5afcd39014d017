/** NSEC proofs (RFC 4035 §3.1.3). */
import { distinct, wildcardBelow } from "./denial_names.ts";
import type { Finding, OwnedSet, Zone } from "./zone.ts";

/** The sets that prove what a finding says of the name `key`, in a zone with NSEC. */
export function nsecProofs(zone: Zone, { kind, wildcard, owner }: Finding, key: string): OwnedSet[] {
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
