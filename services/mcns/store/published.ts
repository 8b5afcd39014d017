/**
 * The published zone: what transfers carry and validators see. Beside the records that callers write it has what signing
 * adds: RRSIG, NSEC, NSEC3, NSEC3PARAM, DNSKEY, CDS, CDNSKEY. Those are stored apart, as they are on the wire.
 */
import type { Database, Statement } from "@lib/db/mod.ts";
import { fromBytes, type Octets, toBytes, u16At } from "../domain/octets.ts";
import { isMadeBySigning, types } from "../domain/rdata/record_type.ts";
import type { RecordSet, Zone } from "../domain/zone.ts";

/** One record of a published zone, names by key. */
export interface PublishedRecord {
  readonly owner: string;
  readonly type: number;
  readonly ttlSeconds: number;
  readonly data: Octets;
}

/** The records of sets, each followed by its signatures. */
export function recordsOf(owner: string, sets: readonly RecordSet[]): PublishedRecord[] {
  const records: PublishedRecord[] = [];
  for (const { type, ttlSeconds, data, signatures } of sets) {
    for (const one of data) records.push({ owner, type, ttlSeconds, data: one });
    for (const one of signatures) records.push({ owner, type: types.RRSIG, ttlSeconds, data: one });
  }
  return records;
}

/** What is in `before` and not in `after`, and the other way round: a record is its type, TTL and data. */
export function difference(
  owner: string,
  before: readonly RecordSet[],
  after: readonly RecordSet[],
): { removed: PublishedRecord[]; added: PublishedRecord[] } {
  const identity = ({ type, ttlSeconds, data }: PublishedRecord) => `${type} ${ttlSeconds} ${data}`;
  const old = new Map(recordsOf(owner, before).map((record) => [identity(record), record]));
  const added: PublishedRecord[] = [];
  for (const record of recordsOf(owner, after)) if (!old.delete(identity(record))) added.push(record);
  return { removed: [...old.values()], added };
}

interface Row {
  name: string;
  type: number;
  ttl: number;
  data: Uint8Array;
}

/** The table of what signing made. */
export class DnssecRecords {
  readonly #all: Statement<Row>;
  readonly #insert: Statement<never>;
  readonly #delete: Statement<never>;
  readonly #clear: Statement<never>;

  constructor(db: Database) {
    this.#all = db.prepare("SELECT name, type, ttl, data FROM dnssec_records WHERE zone_id = ? ORDER BY name");
    this.#insert = db.prepare(
      "INSERT OR REPLACE INTO dnssec_records (zone_id, name, type, ttl, data) VALUES (?, ?, ?, ?, ?)",
    );
    this.#delete = db.prepare("DELETE FROM dnssec_records WHERE zone_id = ? AND name = ? AND type = ? AND data = ?");
    this.#clear = db.prepare("DELETE FROM dnssec_records WHERE zone_id = ?");
  }

  /** Writes a difference of one name; records of other types are left to the table of records. */
  change(zoneId: number, relative: string, { removed, added }: ReturnType<typeof difference>): void {
    for (const { type, data } of removed) {
      if (isMadeBySigning(type)) this.#delete.run(zoneId, relative, type, toBytes(data));
    }
    for (const { type, data, ttlSeconds } of added) {
      if (isMadeBySigning(type)) this.#insert.run(zoneId, relative, type, ttlSeconds, toBytes(data));
    }
  }

  clear(zoneId: number): void {
    this.#clear.run(zoneId);
  }

  /** Everything of a zone by relative name. */
  load(zoneId: number): Map<string, Omit<PublishedRecord, "owner">[]> {
    const names = new Map<string, Omit<PublishedRecord, "owner">[]>();
    for (const { name, type, ttl, data } of this.#all.iterate(zoneId)) {
      const record = { type, ttlSeconds: ttl, data: fromBytes(data) };
      const records = names.get(name);
      if (records === undefined) names.set(name, [record]);
      else records.push(record);
    }
    return names;
  }
}

/**
 * Joins the unsigned sets of a name with what signing made there: signatures go to the set that they cover (their first
 * two octets, RFC 4034 §3.1.1).
 */
export function joinSigned(plain: readonly RecordSet[], extra: readonly Omit<PublishedRecord, "owner">[]): RecordSet[] {
  const sets = new Map<number, { ttlSeconds: number; data: Octets[]; signatures: Octets[] }>();
  for (const { type, ttlSeconds, data } of plain) sets.set(type, { ttlSeconds, data: [...data], signatures: [] });
  for (const { type, ttlSeconds, data } of extra) {
    if (type === types.RRSIG) continue;
    const set = sets.get(type);
    if (set === undefined) sets.set(type, { ttlSeconds, data: [data], signatures: [] });
    else set.data.push(data);
  }
  for (const { type, data } of extra) {
    if (type === types.RRSIG) sets.get(u16At(data, 0))?.signatures.push(data);
  }
  return [...sets].map(([type, { ttlSeconds, data, signatures }]) => ({
    type,
    ttlSeconds,
    data: data.sort(),
    signatures: signatures.sort(),
  }));
}

/** Also true of a zone that is being signed for the first time: its keys are shown when every name has its signatures. */
export function hasSignatures(zone: Zone): boolean {
  return zone.isSigned || zone.isAnswerable && zone.soaSet.signatures.length > 0;
}
