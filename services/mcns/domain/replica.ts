/** What a secondary's zone in memory becomes by what a transfer brought: per name the sets that stand there then. */
import { invalid } from "@lib/errors/mod.ts";
import { textOfKey } from "./name.ts";
import { type Octets, u16At } from "./octets.ts";
import { types, typeText } from "./rdata/record_type.ts";
import type { TransferDelta, TransferRecord } from "./transfer_content.ts";
import type { RecordSet, Zone } from "./zone.ts";

/** By key; every other name stays as it is. [] removes a name. */
export type NameChanges = Map<string, readonly RecordSet[]>;

/** The whole zone was brought. The apex is always among the changes. */
export function changesToWhole(zone: Zone, records: readonly TransferRecord[]): NameChanges {
  const names = new Map<string, TransferRecord[]>();
  for (const record of records) {
    const list = names.get(record.owner);
    if (list === undefined) names.set(record.owner, [record]);
    else list.push(record);
  }
  const changes: NameChanges = new Map();
  for (const [owner, list] of names) {
    const sets = setsOf(list);
    if (owner === zone.key || !sameSets(zone.setsAt(owner), sets)) changes.set(owner, sets);
  }
  for (const owner of zone.names()) if (!names.has(owner)) changes.set(owner, []);
  return changes;
}

/**
 * Differences were brought. Throws Invalid when they don't fit what is here (a record to be removed is missing, one to be added
 * is there): then the whole zone has to be asked for (RFC 1995 §4).
 */
export function changesByDeltas(zone: Zone, deltas: readonly TransferDelta[]): NameChanges {
  const names = new Map<string, Map<string, TransferRecord>>();
  const at = (owner: string) => {
    let records = names.get(owner);
    if (records === undefined) {
      records = new Map(recordsAt(zone, owner).map((record) => [identityOf(record), record]));
      names.set(owner, records);
    }
    return records;
  };
  for (const { removed, added } of deltas) {
    for (const record of removed) {
      // The SOA's other fields may have been written in another way; its place is what counts.
      if (record.type === types.SOA) deleteType(at(record.owner), types.SOA);
      else if (!at(record.owner).delete(identityOf(record))) throw misfit("removed, isn't here", record);
    }
    for (const record of added) {
      if (record.type === types.SOA) deleteType(at(record.owner), types.SOA);
      else if (at(record.owner).has(identityOf(record))) throw misfit("added, is here already", record);
      at(record.owner).set(identityOf(record), record);
    }
  }
  const changes: NameChanges = new Map();
  for (const [owner, records] of names) {
    const sets = setsOf([...records.values()]);
    if (owner === zone.key || !sameSets(zone.setsAt(owner), sets)) changes.set(owner, sets);
  }
  return changes;
}

function misfit(what: string, { owner, type }: TransferRecord): Error {
  return invalid("transfer", `its differences don't fit: ${typeText(type)} at ${textOfKey(owner)}, to be ${what}`);
}

function deleteType(records: Map<string, TransferRecord>, type: number): void {
  for (const [identity, record] of records) if (record.type === type) records.delete(identity);
}

/** The TTL is no part of a record's identity (RFC 2181 §5). */
const identityOf = ({ type, data }: TransferRecord): string => `${type} ${data}`;

function recordsAt(zone: Zone, owner: string): TransferRecord[] {
  return zone.setsAt(owner).flatMap(({ type, ttlSeconds, data, signatures }) => [
    ...data.map((one) => ({ owner, type, ttlSeconds, data: one })),
    ...signatures.map((one) => ({ owner, type: types.RRSIG, ttlSeconds, data: one })),
  ]);
}

/** Groups the records of one name; signatures go to the set that they cover (RFC 4034 §3.1.1), those of none are dropped. */
function setsOf(records: readonly TransferRecord[]): RecordSet[] {
  const sets = new Map<number, { ttlSeconds: number; data: Set<Octets>; signatures: Set<Octets> }>();
  for (const { type, ttlSeconds, data } of records) {
    if (type === types.RRSIG) continue;
    const set = sets.get(type);
    if (set === undefined) sets.set(type, { ttlSeconds, data: new Set([data]), signatures: new Set() });
    else {
      set.data.add(data);
      // RFC 2181 §5.2: of different TTLs in one set, take the least.
      set.ttlSeconds = Math.min(set.ttlSeconds, ttlSeconds);
    }
  }
  for (const { type, data } of records) if (type === types.RRSIG) sets.get(u16At(data, 0))?.signatures.add(data);
  return [...sets].sort(([a], [b]) => a - b).map(([type, { ttlSeconds, data, signatures }]) => ({
    type,
    ttlSeconds,
    data: [...data].sort(),
    signatures: [...signatures].sort(),
  }));
}

function sameSets(a: readonly RecordSet[], b: readonly RecordSet[]): boolean {
  return a.length === b.length && b.every((set) => {
    const other = a.find(({ type }) => type === set.type);
    return other !== undefined && other.ttlSeconds === set.ttlSeconds && sameList(other.data, set.data) &&
      sameList(other.signatures, set.signatures);
  });
}

function sameList(a: readonly Octets[], b: readonly Octets[]): boolean {
  return a.length === b.length && a.every((one, i) => one === b[i]);
}
