/**
 * Looks through a published zone for what is to be signed anew: signatures that end soon or are by the wrong key, names
 * that have none yet, or still have some. Written to be stopped after every few names, while the zone changes.
 */
import { orderOf } from "../domain/ordered_names.ts";
import { types } from "../domain/rdata/record_type.ts";
import { type RecordSet, setOf, type Zone } from "../domain/zone.ts";
import { ChangedZone, firstAfter, plainSets } from "./changed_zone.ts";
import { hashedOwner } from "./nsec3.ts";
import { isSigned, keptDenials, shownDenial } from "./publish_zone.ts";
import { expirationOf, isWellSigned } from "./signature.ts";
import type { ZoneSigning } from "./zone_signing.ts";

/** What a survey has found. */
export interface Findings {
  /** Ms since the epoch; Infinity without signatures. */
  earliestExpiration: number;
  /** The longest TTL of a set. */
  maxTtlSeconds: number;
  /** How many names were due, and owners of NSEC3 sets. */
  due: number;
}

/** How many names are looked at between two looks at the zone as a whole. */
const namesAtOnce = 64;

/**
 * Yields after every few names: those of them that are due, often none.
 * @param current the zone as it is now; asked again after each yield
 * @param findings counted up as it goes on
 */
export function* survey(
  current: () => Zone,
  signing: ZoneSigning,
  findings: Findings,
  at: number,
): Generator<string[]> {
  for (let order = "";;) {
    const zone = current();
    const names = zone.canonicalNames();
    const start = firstAfter(names, order);
    const some = names.slice(start, start + namesAtOnce);
    if (some.length === 0) break;
    order = orderOf(some.at(-1)!);
    const changed = new ChangedZone(zone, new Map());
    yield some.filter((key) => note(zone.setsAt(key), findings, isNameDue(changed, key, signing, at)));
  }
  // All of them at once: those that come while we look have just been signed.
  const all = [...current().names()];
  for (let i = 0; i < all.length; i += namesAtOnce) {
    const zone = current();
    yield all.slice(i, i + namesAtOnce).filter((owner) => {
      const set = zone.nsec3At(owner)?.set;
      if (set === undefined) return false;
      const isLeft = signing.phase === "removing" ||
        !keptDenials(shownDenial(zone, signing), signing).includes("nsec3");
      return note([set], findings, isLeft || isProofDue(zone, set, signing, at));
    });
  }
}

function note(sets: readonly RecordSet[], findings: Findings, isDue: boolean): boolean {
  for (const { ttlSeconds, signatures } of sets) {
    findings.maxTtlSeconds = Math.max(findings.maxTtlSeconds, ttlSeconds);
    for (const signature of signatures) {
      findings.earliestExpiration = Math.min(findings.earliestExpiration, expirationOf(signature) * 1000);
    }
  }
  if (isDue) findings.due++;
  return isDue;
}

function isNameDue(changed: ChangedZone, key: string, signing: ZoneSigning, at: number): boolean {
  const { before: zone } = changed;
  const sets = zone.setsAt(key);
  if (signing.phase === "removing") {
    const plain = plainSets(sets);
    return plain.length !== sets.length || plain.some((set, i) => set !== sets[i]);
  }
  const standing = changed.standing(key);
  const isMember = standing === "own" || standing === "cut";
  const shown = shownDenial(zone, signing), kept = keptDenials(shown, signing);
  if ((setOf(sets, types.NSEC) !== undefined) !== (isMember && kept.includes("nsec"))) return true;
  // Of a chain that is shown, every change has kept it whole.
  const mayLack = kept.includes("nsec3") && (signing.phase === "building" || shown !== "nsec3");
  if (isMember && mayLack && zone.nsec3At(hashedOwner(key, zone.key)) === null) return true;
  return sets.some((set) => {
    if (set.type === types.NSEC) return isProofDue(zone, set, signing, at);
    if (set.type === types.NSEC3) return false;
    if (!isSigned(set.type, standing)) return set.signatures.length > 0;
    return !isWellSigned(set, signing.signersOf(set.type), signing.times, at);
  });
}

/** RFC 9077 §3: proofs live as long as the zone's other negative answers, which a change of its settings changes. */
function isProofDue(zone: Zone, set: RecordSet, signing: ZoneSigning, at: number): boolean {
  return set.ttlSeconds !== zone.negativeTtlSeconds ||
    !isWellSigned(set, signing.signersOf(set.type), signing.times, at);
}
