/** What proofs by NSEC and by NSEC3 have in common: the names that they are about. */
import { parentKey } from "./name.ts";
import type { OwnedSet } from "./zone.ts";

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
