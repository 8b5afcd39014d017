/**
 * What a zone transfer brings, record by record: a whole zone (AXFR, RFC 5936) or differences (IXFR, RFC 1995), told
 * apart by the second record. Checks each as it comes, so that a bad or endless transfer ends at its first bad record.
 */
import { invalid } from "@lib/errors/mod.ts";
import { type DomainName, isAtOrBelow, textOfKey } from "./name.ts";
import type { Octets } from "./octets.ts";
import { types, typeText } from "./rdata/record_type.ts";
import { isNewerSerial, serialOfSoa } from "./serial_order.ts";

/** A record as a transfer has it. */
export interface TransferRecord {
  /** Absolute key. */
  readonly owner: string;
  readonly type: number;
  readonly ttlSeconds: number;
  readonly data: Octets;
}

/** From one serial to the next: SOA records included, as first of their list. */
export interface TransferDelta {
  readonly from: number;
  readonly to: number;
  readonly removed: readonly TransferRecord[];
  readonly added: readonly TransferRecord[];
}

export type TransferContent =
  /** The primary has nothing newer; over TCP, an only SOA. */
  | { readonly kind: "current"; readonly serial: number }
  /** All records; the SOA first and once. */
  | { readonly kind: "whole"; readonly serial: number; readonly records: readonly TransferRecord[] }
  | { readonly kind: "deltas"; readonly serial: number; readonly deltas: readonly TransferDelta[] };

export interface TransferLimits {
  /** Octets of owners and data in all. */
  readonly maxOctets: number;
  readonly maxRecords: number;
}

interface OpenDelta {
  from: number;
  to: number | null;
  removed: TransferRecord[];
  added: TransferRecord[];
}

/** Octets that a record costs beside its owner and data: type, class, TTL, lengths. */
const recordOctets = 10;

/** Takes the answer records of one transfer, in order. */
export class TransferReader {
  readonly #zone: DomainName;
  readonly #held: number | null;
  readonly #limits: TransferLimits;
  readonly #check: (type: number, data: Octets) => string | null;
  #soa: TransferRecord | null = null;
  #serial = 0;
  #whole: TransferRecord[] | null = null;
  #deltas: OpenDelta[] | null = null;
  #done = false;
  #octets = 0;
  #records = 0;

  /**
   * @param held the serial that the request said we have; null where the whole zone was asked for
   * @param check what is wrong with a type's data, null when nothing is
   */
  constructor(
    zone: DomainName,
    held: number | null,
    limits: TransferLimits,
    check: (type: number, data: Octets) => string | null,
  ) {
    this.#zone = zone;
    this.#held = held;
    this.#limits = limits;
    this.#check = check;
  }

  /** Whether the last record has come; an only SOA shows in `finish`. */
  get isDone(): boolean {
    return this.#done;
  }

  /** Throws Invalid for a record that can't be right, and after the last one. */
  take(record: TransferRecord): void {
    this.#checkRecord(record);
    if (this.#soa === null) return this.#first(record);
    const serial = record.type === types.SOA ? serialOfSoa(record.data) : null;
    if (this.#whole === null && this.#deltas === null) this.#second(record, serial);
    else if (this.#whole !== null) this.#takeWhole(this.#whole, record, serial);
    else this.#takeDelta(this.#deltas!, record, serial);
  }

  /** What it was. Throws Invalid when it hasn't come to its end. */
  finish(): TransferContent {
    if (this.#soa === null) throw bad("it has no record");
    if (this.#done && this.#whole !== null) return { kind: "whole", serial: this.#serial, records: this.#whole };
    if (this.#done && this.#deltas !== null) {
      const deltas = this.#deltas.map(({ from, to, removed, added }) => ({ from, to: to!, removed, added }));
      return { kind: "deltas", serial: this.#serial, deltas };
    }
    if (this.#whole === null && this.#deltas === null && this.#held !== null) {
      return { kind: "current", serial: this.#serial };
    }
    throw bad("it ended before its last record");
  }

  #checkRecord(record: TransferRecord): void {
    if (this.#done) throw bad(`${show(record)} comes after the last record`);
    if (!isAtOrBelow(record.owner, this.#zone.key)) throw bad(`${show(record)} is not in the zone`);
    if ((record.type === types.SOA) && record.owner !== this.#zone.key) throw bad(`${show(record)} is not at the apex`);
    const wrong = isMeta(record.type) ? "such records stand in no zone" : this.#check(record.type, record.data);
    if (wrong !== null) throw bad(`${show(record)}: ${wrong}`);
    this.#records++;
    this.#octets += record.owner.length + record.data.length + recordOctets;
    const { maxOctets, maxRecords } = this.#limits;
    if (this.#records > maxRecords) throw bad(`it has more than ${maxRecords} records`);
    if (this.#octets > maxOctets) throw bad(`it has more than ${maxOctets} octets`);
  }

  #first(record: TransferRecord): void {
    if (record.type !== types.SOA) throw bad(`it starts with ${show(record)}, not with the SOA`);
    this.#soa = record;
    this.#serial = serialOfSoa(record.data);
  }

  /** RFC 1995 §4: a second SOA, of the serial that we have, starts differences; anything else is the zone itself. */
  #second(record: TransferRecord, serial: number | null): void {
    if (serial !== null && serial !== this.#serial && this.#held !== null) {
      if (serial !== this.#held) throw bad(`its differences start at serial ${serial}, and ours is ${this.#held}`);
      this.#deltas = [{ from: serial, to: null, removed: [record], added: [] }];
      return;
    }
    this.#whole = [this.#soa!];
    this.#takeWhole(this.#whole, record, serial);
  }

  #takeWhole(records: TransferRecord[], record: TransferRecord, serial: number | null): void {
    if (serial === null) records.push(record);
    else if (serial === this.#serial) this.#done = true;
    else throw bad(`it starts with serial ${this.#serial} and ends with ${serial}: the zone changed meanwhile`);
  }

  #takeDelta(deltas: OpenDelta[], record: TransferRecord, serial: number | null): void {
    const last = deltas.at(-1)!;
    if (serial === null) (last.to === null ? last.removed : last.added).push(record);
    else if (last.to === null) {
      if (!isNewerSerial(serial, last.from)) throw bad(`its differences go back from serial ${last.from} to ${serial}`);
      last.to = serial;
      last.added.push(record);
    } else if (serial !== last.to) throw bad(`after differences to serial ${last.to} come some from ${serial}`);
    else if (serial === this.#serial) this.#done = true;
    else deltas.push({ from: serial, to: null, removed: [record], added: [] });
  }
}

function isMeta(type: number): boolean {
  return type === 0 || type === types.OPT || (type >= 128 && type <= 255);
}

function show({ owner, type }: TransferRecord): string {
  return `${typeText(type)} at ${textOfKey(owner)}`;
}

function bad(reason: string): Error {
  return invalid("transfer", `cannot be taken over: ${reason}`);
}
