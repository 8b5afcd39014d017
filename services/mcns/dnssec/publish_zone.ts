/**
 * From a change of a zone's records to the change of the zone as it is published. Beside the names that change these get
 * other records:
 *
 * - the apex: SOA with its new serial; DNSKEY, CDS, CDNSKEY, NSEC3PARAM;
 * - the name before one that comes or goes: its NSEC points elsewhere; with NSEC3 the same in the order of hashes, and
 *   for the empty names above that begin or cease to stand;
 * - the names below one that becomes a zone cut or DNAME, or stops being one: they are hidden, or laid open.
 *
 * Signatures that are still good over sets that stay are kept, so a change of one name makes three to six.
 */
import { conflict, quote } from "@lib/errors/mod.ts";
import { textOfKey } from "../domain/name.ts";
import { types } from "../domain/rdata/record_type.ts";
import { readSoa } from "../domain/rdata/record_data.ts";
import type { Denial } from "../domain/signing_policy.ts";
import { type RecordSet, setOf, type Zone } from "../domain/zone.ts";
import { ChangedZone } from "./changed_zone.ts";
import { nsec3Change } from "./nsec3.ts";
import { type DenialChange, nsecChange } from "./nsec.ts";
import { isWellSigned, sameRecords, type SetSigner } from "./signature.ts";
import type { ZoneSigning } from "./zone_signing.ts";

export interface Publication {
  /** The zone as it is published now. */
  readonly before: Zone;
  /** Unsigned sets of the names that change. */
  readonly plain: ReadonlyMap<string, readonly RecordSet[]>;
  /** Names, and owners of NSEC3 sets, to be published anew although they don't change. */
  readonly again?: Iterable<string>;
  readonly signing: ZoneSigning;
  readonly signer: SetSigner;
  /** Ms since the epoch. */
  readonly at: number;
  /** The proofs that answers are to be given; default: those of now (`shownDenial`). */
  readonly shown?: Denial;
}

/** The published sets of every name that changes, by key; of a name that goes, none. Throws Conflict for an ALIAS. */
export function publishZone(publication: Publication): Map<string, RecordSet[]> {
  const { before, plain, again = [], signing, shown = shownDenial(before, signing) } = publication;
  const hashed = new Set<string>(), names = new Set<string>();
  for (const key of again) (before.nsec3At(key) === null ? names : hashed).add(key);
  const changed = new ChangedZone(before, plain, names);
  if (signing.phase === "removing") return unsignedSets(changed, hashed);

  const kept = keptDenials(shown, signing);
  const soa = setOf(changed.setsAt(before.key), types.SOA)!;
  const apexSets = signing.apexSets(soa.ttlSeconds, shown);
  const chain = {
    apexTypes: apexSets.map(({ type }) => type),
    // RFC 9077 §3
    ttlSeconds: Math.min(readSoa(soa.data[0]!).minimum, soa.ttlSeconds),
  };
  const result = new Map<string, RecordSet[]>();
  for (const key of changed.names) {
    const sets = changed.setsAt(key);
    refuseAlias(key, sets);
    // A real name may have the form of a hashed owner: its NSEC3 set stays beside its own.
    const hashedSet = before.nsec3At(key)?.set;
    result.set(key, [
      ...sets,
      ...(key === before.key ? apexSets : []),
      ...(hashedSet === undefined ? [] : [hashedSet]),
    ]);
  }
  if (kept.includes("nsec3")) addDenial(before, nsec3Change(changed, chain, hashed), result);
  else addDenial(before, { sets: new Map(), gone: hashed }, result);
  if (kept.includes("nsec")) addDenial(before, nsecChange(changed, chain), result);
  for (const [key, sets] of result) result.set(key, signSets(key, sets, changed, publication));
  return result;
}

/** Which proofs answers are given now. NSEC3PARAM says so, to us and to secondaries (RFC 5155 §4). */
export function shownDenial(zone: Zone, { policy }: ZoneSigning): Denial {
  if (zone.nsec3 !== null) return "nsec3";
  return zone.isSigned ? "nsec" : policy.denial;
}

/**
 * The chains that changes keep up. When another kind is wanted than is shown, the new chain is made beside the old one,
 * name by name; once it is whole, it is shown, and what is left of the old one goes (RFC 5155 §10.4, §10.5).
 */
export function keptDenials(shown: Denial, { policy }: ZoneSigning): Denial[] {
  return shown === policy.denial ? [shown] : [shown, policy.denial];
}

function unsignedSets(changed: ChangedZone, hashed: Iterable<string>): Map<string, RecordSet[]> {
  const result = new Map<string, RecordSet[]>();
  for (const key of [...changed.names, ...hashed]) result.set(key, [...changed.setsAt(key)]);
  return result;
}

function refuseAlias(key: string, sets: readonly RecordSet[]): void {
  if (setOf(sets, types.ALIAS) === undefined) return;
  throw conflict(`Cannot sign ${quote(textOfKey(key))}: it has an ALIAS, whose addresses are looked up elsewhere`, {
    hint: "Write A and AAAA records instead, or leave the zone unsigned.",
  });
}

/** Puts the proofs in the place of those at their owners, beside what else stands there. */
function addDenial(before: Zone, { sets, gone }: DenialChange, result: Map<string, RecordSet[]>): void {
  const without = (owner: string, type: number) =>
    (result.get(owner) ?? before.setsAt(owner)).filter((set) => set.type !== type);
  for (const [owner, set] of sets) result.set(owner, [...without(owner, set.type), set]);
  for (const owner of gone) result.set(owner, without(owner, types.NSEC3));
}

function signSets(
  owner: string,
  sets: readonly RecordSet[],
  changed: ChangedZone,
  { signing, signer, at }: Publication,
): RecordSet[] {
  const standing = changed.standing(owner);
  const published = changed.before.setsAt(owner);
  return sets.map((set) => {
    if (!isSigned(set.type, standing)) return set.signatures.length === 0 ? set : { ...set, signatures: [] };
    const keys = signing.signersOf(set.type);
    const old = setOf(published, set.type);
    if (old !== undefined && sameRecords(old, set) && isWellSigned(old, keys, signing.times, at)) return old;
    const signatures = keys.map((key) => signer.sign({ owner, set, key })).sort();
    return { ...set, signatures };
  });
}

/** Whether sets of that type at a name of that standing are signed (RFC 4035 §2.2). */
export function isSigned(type: number, standing: ReturnType<ChangedZone["standing"]>): boolean {
  if (type === types.NSEC || type === types.NSEC3) return true;
  return standing === "own" || (standing === "cut" && type === types.DS);
}
