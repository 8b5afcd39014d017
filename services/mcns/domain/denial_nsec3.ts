/** NSEC3 proofs (RFC 5155 §7.2). */
import { distinct, nextCloser, wildcardBelow } from "./denial_names.ts";
import { parentKey } from "./name.ts";
import type { Finding, Nsec3Parameters, OwnedSet, Zone } from "./zone.ts";

/** The first label of a name's hashed owner (RFC 5155 §5; base32hex, lower case), its length octet before it. */
export type Nsec3Hash = (key: string, parameters: Nsec3Parameters) => string;

/** The sets that prove what `finding` says of the name `key`, in a zone with NSEC3. */
export function nsec3Proofs(zone: Zone, { kind, owner, wildcard }: Finding, key: string, hash: Nsec3Hash): OwnedSet[] {
  const parameters = zone.nsec3!;
  const matching = (name: string) => zone.nsec3At(hash(name, parameters) + zone.key);
  const covering = (name: string) => zone.nsec3Covering(hash(name, parameters) + zone.key);

  /**
   * §7.2.1: the NSEC3 of the closest encloser of `name`, and the one that covers the next closer name. Names in an
   * opt-out span have no NSEC3, so the search goes up from `from` to the first that has.
   */
  const closestEncloser = (name: string, from: string): { encloser: string; sets: (OwnedSet | null)[] } => {
    let encloser = from;
    let match = matching(encloser);
    while (match === null && encloser.length > zone.key.length) match = matching(encloser = parentKey(encloser));
    return { encloser, sets: [match, covering(nextCloser(name, encloser))] };
  };
  /** §7.2.3, §7.2.4, §7.2.7: that the name is there without the type; in an opt-out span, that it may be there unsigned. */
  const withoutType = (name: string): OwnedSet[] => {
    const match = matching(name);
    return distinct(match !== null ? [match] : closestEncloser(name, parentKey(name)).sets);
  };

  if (kind === "no_name") {
    // §7.2.2
    const { encloser, sets } = closestEncloser(key, owner);
    return distinct([...sets, covering(wildcardBelow(encloser))]);
  }
  if (kind === "delegation") return withoutType(owner);
  if (kind === "no_data" && !wildcard) return withoutType(key);
  // §7.2.5
  if (kind === "no_data") return distinct([...closestEncloser(key, parentKey(owner)).sets, matching(owner)]);
  // §7.2.6
  return wildcard ? distinct([covering(nextCloser(key, parentKey(owner)))]) : [];
}
