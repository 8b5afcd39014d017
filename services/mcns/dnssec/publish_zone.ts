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
import { type RecordSet, setOf, type Zone } from "../domain/zone.ts";
import { ChangedZone, plainSets } from "./changed_zone.ts";
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
}

/** The published sets of every name that changes, by key; of a name that goes, none. Throws Conflict for an ALIAS. */
export function publishZone({ before, plain, again = [], signing, signer, at }: Publication): Map<string, RecordSet[]> {
  const hashed = new Set<string>(), names = new Set<string>();
  for (const key of again) (before.nsec3At(key) === null ? names : hashed).add(key);
  if (signing.phase === "removing") return unsignedSets(new ChangedZone(before, plain, names), hashed);

  const kind = publishedDenial(before);
  const isNew = kind !== signing.policy.denial;
  if (isNew && kind !== null) {
    for (const key of before.names()) (before.nsec3At(key) === null ? names : hashed).add(key);
  }
  const changed = new ChangedZone(before, plain, names);
  const soa = setOf(changed.setsAt(before.key), types.SOA)!;
  const apexSets = signing.apexSets(soa.ttlSeconds);
  const chain = {
    apexTypes: apexSets.map(({ type }) => type),
    // RFC 9077 §3
    ttlSeconds: Math.min(readSoa(soa.data[0]!).minimum, soa.ttlSeconds),
    isNew,
  };
  const denial = signing.policy.denial === "nsec" ? nsecChange(changed, chain) : nsec3Change(changed, chain, hashed);
  const result = new Map<string, RecordSet[]>();
  for (const key of changed.names) {
    const sets = changed.setsAt(key);
    refuseAlias(key, sets);
    // A real name may have the form of a hashed owner: its NSEC3 set stays beside its own.
    const hashedSet = isNew ? undefined : before.nsec3At(key)?.set;
    result.set(key, [
      ...sets,
      ...(key === before.key ? apexSets : []),
      ...(hashedSet === undefined ? [] : [hashedSet]),
    ]);
  }
  if (isNew) {
    for (const owner of hashed) result.set(owner, result.get(owner) ?? plainSets(before.setsAt(owner)));
  }
  addDenial(before, denial, result);
  for (const [key, sets] of result) result.set(key, signSets(key, sets, changed, signing, signer, at));
  return result;
}

/** Which chain of proofs the zone has; null for none. */
export function publishedDenial(zone: Zone): "nsec" | "nsec3" | null {
  if (zone.nsec3 !== null || zone.nsec3Covering(zone.key) !== null) return "nsec3";
  return setOf(zone.setsAt(zone.key), types.NSEC) === undefined ? null : "nsec";
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
  signing: ZoneSigning,
  signer: SetSigner,
  at: number,
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
