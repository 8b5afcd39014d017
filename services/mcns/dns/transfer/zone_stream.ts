/** Zones as the messages of a transfer: AXFR (RFC 5936) and IXFR (RFC 1995). */
import { types } from "../../domain/rdata/record_type.ts";
import type { TransferDelta, TransferRecord } from "../../domain/transfer_content.ts";
import type { RecordSet, Zone } from "../../domain/zone.ts";
import { maxMessageOctets, opcodes } from "../codes.ts";
import { MessageWriter, type Question, sections } from "./message_writer.ts";

/** One name and what stands there. */
interface Owned {
  readonly owner: string;
  readonly sets: readonly RecordSet[];
}

/** A zone as it was at one moment; the sets themselves never change, so holding them is enough. */
export interface Snapshot {
  readonly zone: string;
  readonly soa: RecordSet;
  readonly names: readonly Owned[];
}

/** Names looked at in one go: one or two milliseconds, in which no query is answered. */
const namesPerTurn = 2000;

/** A zone that keeps changing while it is looked at is taken in one go in the end. */
const maxTries = 3;

/**
 * Octets after which a message is sent. Compression reaches back 16 KiB (a pointer has 14 bits), and larger messages
 * would only hold up the other side.
 */
const packOctets = 16_384;

/** A message is cut at this, so that a signature and an OPT record find room. */
const maxUnsignedOctets = maxMessageOctets - 600;

/** Takes the zone as it is at one serial, letting queries through in between: when it changes meanwhile, from the start. */
export async function takeSnapshot(zone: Zone): Promise<Snapshot> {
  for (let tries = 1;; tries++) {
    const soa = zone.soaSet;
    const names: Owned[] = [];
    let left = namesPerTurn;
    let changed = false;
    for (const owner of zone.names()) {
      names.push({ owner, sets: zone.setsAt(owner) });
      if (--left > 0 || tries === maxTries) continue;
      left = namesPerTurn;
      await new Promise((resolve) => setTimeout(resolve, 0));
      // The names are being walked: after a change the walk may not go on.
      changed = !zone.isAnswerable || zone.soaSet !== soa;
      if (changed) break;
    }
    if (!changed) return { zone: zone.key, soa, names };
  }
}

/** All records, the SOA first and once more at the end (RFC 5936 §2.2). */
export function* wholeZone({ zone, soa, names }: Snapshot): Generator<TransferRecord> {
  const soaRecord = recordOf(zone, soa);
  yield soaRecord;
  for (const { owner, sets } of names) {
    for (const { type, ttlSeconds, data, signatures } of sets) {
      // ALIAS is ours alone; a secondary could not answer from it.
      if (type === types.ALIAS) continue;
      if (type !== types.SOA) { for (const one of data) yield { owner, type, ttlSeconds, data: one }; }
      for (const one of signatures) yield { owner, type: types.RRSIG, ttlSeconds, data: one };
    }
  }
  yield soaRecord;
}

/** The newest SOA, the differences with their SOAs, the newest SOA again (RFC 1995 §4). */
export function* differences(
  zone: string,
  soa: RecordSet,
  deltas: readonly TransferDelta[],
): Generator<TransferRecord> {
  const soaRecord = recordOf(zone, soa);
  yield soaRecord;
  for (const { removed, added } of deltas) {
    for (const side of [removed, added]) {
      const own = side.find(({ type }) => type === types.SOA);
      if (own !== undefined) yield own;
      for (const record of side) if (record.type !== types.SOA && record.type !== types.ALIAS) yield record;
    }
  }
  yield soaRecord;
}

/** Whether the differences can be sent: each step must have both of its SOAs. */
export function areComplete(deltas: readonly TransferDelta[]): boolean {
  const hasSoa = (side: readonly TransferRecord[]) => side.some(({ type }) => type === types.SOA);
  return deltas.every(({ removed, added }) => hasSoa(removed) && hasSoa(added));
}

/** Packs records into messages; the first repeats the question and says that we know EDNS (RFC 5936 §2.2.5). */
export function* packMessages(
  records: Iterable<TransferRecord>,
  { id, question, withOpt }: { id: number; question: Question; withOpt: boolean },
): Generator<Uint8Array> {
  const writer = new MessageWriter();
  const head = { id, opcode: opcodes.QUERY, isReply: true, authoritative: true };
  let isEmpty = true;
  writer.start(head, question, maxUnsignedOctets);
  let opt = withOpt;
  const finish = (): Uint8Array => {
    if (opt) writer.addOpt();
    opt = false;
    return writer.finish();
  };
  for (const record of records) {
    if (writer.length >= packOctets || !writer.add(sections.answer, record)) {
      if (isEmpty) throw new Error("a record is too long for a message of its own");
      yield finish();
      writer.start(head, null, maxUnsignedOctets);
      if (!writer.add(sections.answer, record)) throw new Error("a record is too long for a message of its own");
    }
    isEmpty = false;
  }
  yield finish();
}

export function recordOf(owner: string, { type, ttlSeconds, data }: RecordSet): TransferRecord {
  return { owner, type, ttlSeconds, data: data[0]! };
}
