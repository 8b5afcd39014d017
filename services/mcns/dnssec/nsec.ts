/** The chain of NSEC records (RFC 4034 §4, RFC 4035 §2.3): every name that is the zone's own, or a cut, points to the next. */
import { orderOf } from "../domain/ordered_names.ts";
import { types } from "../domain/rdata/record_type.ts";
import { typeBitmap } from "../domain/rdata/type_bitmap.ts";
import { type RecordSet, setOf, type Zone } from "../domain/zone.ts";
import { type ChangedZone, firstAfter } from "./changed_zone.ts";
import { type PublishedRing, Ring } from "./ring.ts";

/** What a change does to a chain of proofs. */
export interface DenialChange {
  /** New NSEC or NSEC3 sets by their owners, unsigned. */
  readonly sets: ReadonlyMap<string, RecordSet>;
  /** Owners whose NSEC3 set goes. NSEC sets go with the names that have them. */
  readonly gone: ReadonlySet<string>;
}

/** How a chain is made. */
export interface ChainOptions {
  /** Types that signing adds at the apex. */
  readonly apexTypes: readonly number[];
  /** RFC 9077 §3: as long as the zone's other negative answers. */
  readonly ttlSeconds: number;
}

export function nsecChange(changed: ChangedZone, { apexTypes, ttlSeconds }: ChainOptions): DenialChange {
  const { before } = changed;
  const published: PublishedRing = {
    has: (key) => nsecAt(before, key) !== undefined,
    nextOf: (key) => nextName(nsecAt(before, key)!.data[0]!),
    before: (key) => memberBefore(before, key),
  };
  const removed = new Set<string>(), added = new Set<string>(), stayed = new Set<string>();
  for (const key of changed.names) {
    const isMember = ["own", "cut"].includes(changed.standing(key));
    if (published.has(key)) (isMember ? stayed : removed).add(key);
    else if (isMember) added.add(key);
  }
  const ring = new Ring(published, orderOf, { removed, added });
  const sets = new Map<string, RecordSet>();
  for (const key of new Set([...ring.relinked(), ...stayed])) {
    const data = ring.next(key) + typeBitmap(nsecTypes(changed, key, apexTypes));
    sets.set(key, { type: types.NSEC, ttlSeconds, data: [data], signatures: [] });
  }
  return { sets, gone: new Set() };
}

/** RFC 4035 §2.3: at a cut only what the zone itself stands for. */
function nsecTypes(changed: ChangedZone, key: string, apexTypes: readonly number[]): number[] {
  const own = changed.setsAt(key).map(({ type }) => type);
  const shown = changed.standing(key) === "cut" ? own.filter((type) => type === types.NS || type === types.DS) : own;
  return [...shown, ...(key === changed.key ? apexTypes : []), types.RRSIG, types.NSEC];
}

function nsecAt(zone: Zone, key: string): RecordSet | undefined {
  return setOf(zone.setsAt(key), types.NSEC);
}

/** The key that an NSEC record points to. */
export function nextName(data: string): string {
  let at = 0;
  while (data.charCodeAt(at) > 0) at += data.charCodeAt(at) + 1;
  return data.slice(0, at + 1);
}

function memberBefore(zone: Zone, key: string): string | null {
  const found = zone.nsecFor(key);
  // The apex is before all other names: none before `key` means none at all.
  if (found?.owner !== key) return found?.owner ?? null;
  // `key` is a member itself. Its neighbours nearly always are, too; glue is not.
  const names = zone.canonicalNames();
  const start = firstAfter(names, orderOf(key)) - 1;
  for (let steps = 1; steps <= names.length; steps++) {
    const name = names[(start - steps + names.length) % names.length]!;
    if (nsecAt(zone, name) !== undefined) return name;
  }
  return null;
}
