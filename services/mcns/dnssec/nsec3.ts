/**
 * The chain of NSEC3 records (RFC 5155 §7.1), without opt-out: every name that is the zone's own, a cut, or stands empty
 * above such a name has its hash in the ring.
 */
import { nsec3Hash } from "../dns/nsec3_hash.ts";
import { parentKey } from "../domain/name.ts";
import { types } from "../domain/rdata/record_type.ts";
import { typeBitmap } from "../domain/rdata/type_bitmap.ts";
import type { Nsec3Parameters, RecordSet, Zone } from "../domain/zone.ts";
import type { ChangedZone } from "./changed_zone.ts";
import { hashOfOwner, ownerBelow, ownerOfHash } from "./hashed_owner.ts";
import type { ChainOptions, DenialChange } from "./nsec.ts";
import { type PublishedRing, Ring } from "./ring.ts";

/** RFC 9276 §3.1: no more iterations, no salt; they cost servers more than those who guess names. */
export const nsec3Parameters: Nsec3Parameters = { algorithm: 1, iterations: 0, salt: "" };

/** Algorithm, flags (no opt-out), iterations and salt, as NSEC3 and NSEC3PARAM begin. */
export const nsec3Front = "\x01\0\0\0\0";

/** The owner of a name's NSEC3 record. */
export function hashedOwner(key: string, zone: string): string {
  return nsec3Hash(key, nsec3Parameters) + zone;
}

/**
 * @param again hashed owners whose sets are published anew as they are
 */
export function nsec3Change(
  changed: ChangedZone,
  { apexTypes, ttlSeconds }: ChainOptions,
  again: Iterable<string>,
): DenialChange {
  const { before } = changed;
  const published: PublishedRing = {
    has: (owner) => before.nsec3At(owner) !== null,
    nextOf: (owner) => ownerOfHash(nextHash(dataAt(before, owner)), before.key),
    before: (owner) => before.nsec3Covering(ownerBelow(owner))?.owner ?? null,
  };
  const removed = new Set<string>(), added = new Set<string>();
  /** Types at the names behind the owners that stay or come. */
  const bitmaps = new Map<string, string>();
  for (const name of withNamesAbove(changed)) {
    const owner = hashedOwner(name, before.key);
    const shown = nsec3Types(changed, name, apexTypes);
    if (shown !== null) {
      bitmaps.set(owner, typeBitmap(shown));
      if (!published.has(owner)) added.add(owner);
    } else if (published.has(owner)) removed.add(owner);
  }
  const ring = new Ring(published, (owner) => owner, { removed, added });
  const sets = new Map<string, RecordSet>();
  const stayed = [...again, ...bitmaps.keys()].filter((owner) => published.has(owner) && !removed.has(owner));
  for (const owner of new Set([...ring.relinked(), ...stayed])) {
    const bitmap = bitmaps.get(owner) ?? bitmapOf(dataAt(before, owner));
    const next = hashOfOwner(ring.next(owner));
    const data = nsec3Front + String.fromCharCode(next.length) + next + bitmap;
    sets.set(owner, { type: types.NSEC3, ttlSeconds, data: [data], signatures: [] });
  }
  return { sets, gone: removed };
}

/** The names of a change, and those above them, which may begin or cease to stand empty. */
function withNamesAbove(changed: ChangedZone): Set<string> {
  const names = new Set<string>();
  for (const key of changed.names) {
    for (let at = key; !names.has(at); at = parentKey(at)) {
      names.add(at);
      if (at === changed.key) break;
    }
  }
  return names;
}

/** RFC 5155 §7.1: null for a name that has no NSEC3; RRSIG only where something is signed. */
function nsec3Types(changed: ChangedZone, key: string, apexTypes: readonly number[]): number[] | null {
  const own = changed.setsAt(key).map(({ type }) => type);
  switch (changed.standing(key)) {
    case "own":
      return [...own, ...(key === changed.key ? apexTypes : []), types.RRSIG];
    case "cut":
      return own.includes(types.DS) ? [types.NS, types.DS, types.RRSIG] : [types.NS];
    case "empty":
      return changed.hasNamesBelow(key) ? [] : null;
    case "hidden":
      return null;
  }
}

function dataAt(zone: Zone, owner: string): string {
  return zone.nsec3At(owner)!.set.data[0]!;
}

const hashAt = (data: string): number => 5 + data.charCodeAt(4);

/** The next hash of an NSEC3 record's data. */
export function nextHash(data: string): string {
  const at = hashAt(data);
  return data.slice(at + 1, at + 1 + data.charCodeAt(at));
}

function bitmapOf(data: string): string {
  const at = hashAt(data);
  return data.slice(at + 1 + data.charCodeAt(at));
}
