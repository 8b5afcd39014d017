/**
 * Dynamic update by message (RFC 2136): the prerequisites and the update section, worked out on the records of the
 * names that they are about. Pure: the caller brings the records and carries the outcome out, in one transaction.
 *
 * Phases, as §3.2 to §3.4 have them: all prerequisites hold; the update section is well formed; the key may do all of
 * it; then record after record is applied to a copy, and what differs at the end is the change. So what a message adds
 * and deletes again changes nothing, and a message is carried out whole or not at all.
 */
import { type DomainName, isAtOrBelow, textOfKey } from "./name.ts";
import type { Octets } from "./octets.ts";
import { checkWritable, types, typeText } from "./rdata/record_type.ts";
import { isNewerSerial, serialOfSoa } from "./serial_order.ts";

/** A record of the prerequisite or the update section; its class says what is asked of it (RFC 2136 §2.4, §2.5). */
export interface UpdateRecord {
  /** Absolute key. */
  readonly owner: string;
  readonly type: number;
  readonly class: number;
  readonly ttlSeconds: number;
  readonly data: Octets;
}

/** Classes with a meaning in updates. */
export const updateClasses = { IN: 1, NONE: 254, ANY: 255 } as const;

export interface RecordValues {
  readonly ttlSeconds: number;
  readonly data: readonly Octets[];
}

/** What stands at a name, by type; the SOA and what signing has made too. Empty for a name without records. */
export type RecordsAt = (owner: string) => ReadonlyMap<number, RecordValues>;

export interface UpdateRequest {
  readonly zone: DomainName;
  readonly prerequisites: readonly UpdateRecord[];
  readonly changes: readonly UpdateRecord[];
}

/** The records of one name and type become `after`; null for none. */
export interface SetChange {
  readonly owner: string;
  readonly type: number;
  readonly before: RecordValues | null;
  readonly after: RecordValues | null;
}

/** The reply codes that an update can fail with (RFC 2136 §2.2). */
export type UpdateRcode =
  | "FORMERR"
  | "NXDOMAIN"
  | "REFUSED"
  | "YXDOMAIN"
  | "YXRRSET"
  | "NXRRSET"
  | "NOTZONE";

/** Ends an update; nothing of it is carried out. */
export class UpdateFailure extends Error {
  override readonly name = "UpdateFailure";
  readonly rcode: UpdateRcode;

  constructor(rcode: UpdateRcode, reason: string) {
    super(reason);
    this.rcode = rcode;
  }
}

/**
 * Works out what the update changes; [] when nothing. Throws UpdateFailure.
 * @param mayChange whether the key's scopes have that name and type
 */
export function planUpdate(
  request: UpdateRequest,
  recordsAt: RecordsAt,
  mayChange: (owner: string, type: number) => boolean,
): SetChange[] {
  checkPrerequisites(request, recordsAt);
  for (const change of request.changes) prescan(request.zone, change);
  for (const change of request.changes) authorize(change, mayChange);
  const sheet = new WorkSheet(request.zone, recordsAt, mayChange);
  for (const change of request.changes) sheet.apply(change);
  return sheet.changes();
}

/** RFC 2136 §3.2. */
function checkPrerequisites({ zone, prerequisites }: UpdateRequest, recordsAt: RecordsAt): void {
  const wanted = new Map<string, { record: UpdateRecord; data: Set<Octets> }>();
  for (const record of prerequisites) {
    const { owner, type, data } = record;
    const shown = show(record);
    if (record.ttlSeconds !== 0) throw new UpdateFailure("FORMERR", `prerequisite ${shown} has a TTL`);
    checkZone(zone, record);
    const there = recordsAt(owner);
    const exists = type === types.ANY ? there.size > 0 : there.has(type);
    switch (record.class) {
      case updateClasses.ANY:
        if (data !== "") throw new UpdateFailure("FORMERR", `prerequisite ${shown} has data`);
        if (!exists) throw new UpdateFailure(type === types.ANY ? "NXDOMAIN" : "NXRRSET", `${shown} doesn't exist`);
        break;
      case updateClasses.NONE:
        if (data !== "") throw new UpdateFailure("FORMERR", `prerequisite ${shown} has data`);
        if (exists) throw new UpdateFailure(type === types.ANY ? "YXDOMAIN" : "YXRRSET", `${shown} exists`);
        break;
      case updateClasses.IN: {
        const key = `${type} ${owner}`;
        const one = wanted.get(key) ?? { record, data: new Set() };
        one.data.add(data);
        wanted.set(key, one);
        break;
      }
      default:
        throw new UpdateFailure("FORMERR", `prerequisite ${shown} has class ${record.class}`);
    }
  }
  // §3.2.3: the sets as a whole, when all their records have been read.
  for (const { record, data } of wanted.values()) {
    const there = recordsAt(record.owner).get(record.type)?.data ?? [];
    if (there.length !== data.size || !there.every((one) => data.has(one))) {
      throw new UpdateFailure("NXRRSET", `${show(record)} has other values`);
    }
  }
}

/** RFC 2136 §3.4.1. */
function prescan(zone: DomainName, record: UpdateRecord): void {
  checkZone(zone, record);
  const { type, ttlSeconds, data } = record;
  const isMeta = type === 0 || type === types.OPT || (type >= 128 && type <= 255);
  const malformed = (reason: string) => new UpdateFailure("FORMERR", `update of ${show(record)} ${reason}`);
  switch (record.class) {
    case updateClasses.IN:
      if (isMeta) throw malformed("adds a type that never holds data");
      break;
    case updateClasses.ANY:
      if (ttlSeconds !== 0 || data !== "") throw malformed("deletes a set and has a TTL or data");
      if (isMeta && type !== types.ANY) throw malformed("deletes a type that never holds data");
      break;
    case updateClasses.NONE:
      if (ttlSeconds !== 0) throw malformed("deletes a record and has a TTL");
      if (isMeta) throw malformed("deletes a type that never holds data");
      break;
    default:
      throw malformed(`has class ${record.class}`);
  }
}

function checkZone(zone: DomainName, record: UpdateRecord): void {
  if (!isAtOrBelow(record.owner, zone.key)) {
    throw new UpdateFailure("NOTZONE", `${textOfKey(record.owner)} is not in zone ${zone}`);
  }
}

/** RFC 2136 §3.3. What "everything at this name" means is seen when it is applied. */
function authorize(record: UpdateRecord, mayChange: (owner: string, type: number) => boolean): void {
  const { owner, type } = record;
  if (record.class === updateClasses.ANY && type === types.ANY) return;
  if (record.class === updateClasses.IN && type === types.SOA) return;
  if (!mayChange(owner, type)) throw new UpdateFailure("REFUSED", `the key's scope has no ${show(record)}`);
  if (record.class === updateClasses.IN && !isOurs(type)) {
    throw new UpdateFailure("REFUSED", `${typeText(type)} records are made by the server`);
  }
}

/** Whether callers write records of that type; others come from signing. ALIAS is never on the wire. */
function isOurs(type: number): boolean {
  if (type === types.ALIAS) return false;
  try {
    checkWritable(type);
    return true;
  } catch {
    return false;
  }
}

/** The touched names as they are and as they become. RFC 2136 §3.4.2. */
class WorkSheet {
  readonly #zone: DomainName;
  readonly #recordsAt: RecordsAt;
  readonly #mayChange: (owner: string, type: number) => boolean;
  readonly #names = new Map<string, Map<number, RecordValues>>();

  constructor(zone: DomainName, recordsAt: RecordsAt, mayChange: (owner: string, type: number) => boolean) {
    this.#zone = zone;
    this.#recordsAt = recordsAt;
    this.#mayChange = mayChange;
  }

  apply(record: UpdateRecord): void {
    if (record.class === updateClasses.IN) this.#add(record);
    else if (record.class === updateClasses.NONE) this.#deleteRecord(record);
    else if (record.type === types.ANY) this.#deleteName(record.owner);
    else this.#deleteSet(record.owner, record.type);
  }

  changes(): SetChange[] {
    const changes: SetChange[] = [];
    for (const [owner, after] of this.#names) {
      const before = this.#recordsAt(owner);
      for (const type of new Set([...before.keys(), ...after.keys()])) {
        const was = before.get(type) ?? null, is = after.get(type) ?? null;
        if (!sameValues(was, is)) changes.push({ owner, type, before: was, after: is });
      }
    }
    return changes;
  }

  /** §3.4.2.2. */
  #add({ owner, type, ttlSeconds, data }: UpdateRecord): void {
    const sets = this.#setsAt(owner);
    if (type === types.SOA) return this.#replaceSoa(owner, data);
    // A CNAME and other data don't stand at one name: what comes second is passed over without an error.
    const others = [...sets.keys()].filter((other) => isOurs(other) || other === types.SOA);
    if (type === types.CNAME ? others.some((other) => other !== types.CNAME) : sets.has(types.CNAME)) return;
    const present = type === types.CNAME ? [] : sets.get(type)?.data ?? [];
    sets.set(type, { ttlSeconds, data: present.includes(data) ? present : [...present, data] });
  }

  /** §3.4.2.2: passed over unless it is newer. The SOA here is made from the zone's settings, so a newer one is refused. */
  #replaceSoa(owner: string, data: Octets): void {
    const present = this.#setsAt(owner).get(types.SOA)?.data[0];
    if (present === undefined || !isNewerSerial(serialOfSoa(data), serialOfSoa(present))) return;
    throw new UpdateFailure("REFUSED", "the SOA is made from the zone's settings, and its serial by the server");
  }

  /** §3.4.2.3; the apex keeps its SOA and NS. */
  #deleteName(owner: string): void {
    for (const type of [...this.#setsAt(owner).keys()]) {
      if (!isOurs(type) || (owner === this.#zone.key && type === types.NS)) continue;
      if (!this.#mayChange(owner, type)) {
        throw new UpdateFailure("REFUSED", `the key's scope has no ${typeText(type)} at ${textOfKey(owner)}`);
      }
      this.#deleteSet(owner, type);
    }
  }

  /** §3.4.2.3. */
  #deleteSet(owner: string, type: number): void {
    if (!isOurs(type) || (owner === this.#zone.key && type === types.NS)) return;
    this.#setsAt(owner).delete(type);
  }

  /** §3.4.2.4; the last NS of the apex stays. */
  #deleteRecord({ owner, type, data }: UpdateRecord): void {
    const sets = this.#setsAt(owner);
    const present = sets.get(type);
    if (present === undefined || !isOurs(type)) return;
    const left = present.data.filter((one) => one !== data);
    if (left.length > 0) sets.set(type, { ...present, data: left });
    else if (owner !== this.#zone.key || type !== types.NS) sets.delete(type);
  }

  #setsAt(owner: string): Map<number, RecordValues> {
    let sets = this.#names.get(owner);
    if (sets === undefined) this.#names.set(owner, sets = new Map(this.#recordsAt(owner)));
    return sets;
  }
}

function sameValues(a: RecordValues | null, b: RecordValues | null): boolean {
  if (a === null || b === null) return a === b;
  return a.ttlSeconds === b.ttlSeconds && a.data.length === b.data.length &&
    a.data.every((one) => b.data.includes(one));
}

function show({ owner, type }: UpdateRecord): string {
  return type === types.ANY ? textOfKey(owner) : `${typeText(type)} at ${textOfKey(owner)}`;
}
