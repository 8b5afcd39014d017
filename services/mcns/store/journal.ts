/** What each serial changed of a published zone, kept within a number of bytes per zone: for IXFR (RFC 1995). */
import type { Database, Statement } from "@lib/db/mod.ts";
import { fromBytes, type Octets, toBytes, u16At, u16Octets, u32At, u32Octets } from "../domain/octets.ts";
import type { PublishedRecord } from "./published.ts";

/** One step from a serial to the next. SOA records are among both lists. */
export interface Delta {
  readonly from: number;
  readonly to: number;
  readonly removed: readonly PublishedRecord[];
  readonly added: readonly PublishedRecord[];
}

interface Row {
  id: number;
  serial_from: number;
  serial_to: number;
  delta: Uint8Array;
}

export class Journal {
  readonly maxBytes: number;
  readonly #last: Statement<{ id: number | null }>;
  readonly #insert: Statement<never>;
  readonly #clear: Statement<never>;
  readonly #prune: Statement<never>;
  readonly #start: Statement<{ id: number }>;
  readonly #from: Statement<Row>;

  /** @param maxBytes per zone; 0 keeps nothing */
  constructor(db: Database, maxBytes: number) {
    this.maxBytes = maxBytes;
    this.#last = db.prepare("SELECT max(id) AS id FROM zone_journal WHERE zone_id = ?");
    this.#insert = db.prepare(
      "INSERT INTO zone_journal (zone_id, id, serial_from, serial_to, delta) VALUES (?, ?, ?, ?, ?)",
    );
    this.#clear = db.prepare("DELETE FROM zone_journal WHERE zone_id = ?");
    this.#prune = db.prepare(
      `DELETE FROM zone_journal WHERE zone_id = ?1 AND id <= (
         SELECT id FROM (
           SELECT id, sum(length(delta)) OVER (ORDER BY id DESC) AS bytes FROM zone_journal WHERE zone_id = ?1
         ) WHERE bytes > ?2 ORDER BY id DESC LIMIT 1)`,
    );
    this.#start = db.prepare(
      "SELECT id FROM zone_journal WHERE zone_id = ? AND serial_from = ? ORDER BY id DESC LIMIT 1",
    );
    this.#from = db.prepare(
      "SELECT id, serial_from, serial_to, delta FROM zone_journal WHERE zone_id = ? AND id >= ? ORDER BY id",
    );
  }

  /** Adds a step, inside the transaction that makes it. One larger than the bound empties the journal. */
  append(zoneId: number, { from, to, removed, added }: Delta): void {
    const step = new JournalStep();
    step.take({ removed, added });
    this.appendStep(zoneId, from, to, step);
  }

  appendStep(zoneId: number, from: number, to: number, step: JournalStep): void {
    if (step.bytes > this.maxBytes) {
      this.#clear.run(zoneId);
      return;
    }
    const id = (this.#last.get(zoneId)?.id ?? 0) + 1;
    this.#insert.run(zoneId, id, from, to, toBytes(step.encoded));
    // Summing up the sizes reads every row: once in a while will do.
    if (id % 16 === 0) this.#prune.run(zoneId, this.maxBytes);
  }

  /** The steps from that serial to the newest, oldest first; null when the journal doesn't reach back to it. */
  read(zoneId: number, fromSerial: number): Delta[] | null {
    const start = this.#start.get(zoneId, fromSerial);
    if (start === undefined) return null;
    const deltas: Delta[] = [];
    let expected = fromSerial;
    for (const { serial_from, serial_to, delta } of this.#from.iterate(zoneId, start.id)) {
      if (serial_from !== expected) return null;
      const octets = fromBytes(delta);
      const removed = decode(octets, 0);
      const added = decode(octets, removed.next);
      deltas.push({ from: serial_from, to: serial_to, removed: removed.records, added: added.records });
      expected = serial_to;
    }
    return deltas;
  }

  /** Forgets a zone's steps: after a change that isn't in it. */
  clear(zoneId: number): void {
    this.#clear.run(zoneId);
  }
}

/** What a step removes and adds, as the table has it; can be put together piece by piece. */
export class JournalStep {
  readonly #removed = { count: 0, octets: "" };
  readonly #added = { count: 0, octets: "" };

  /** So many it takes in the table. */
  get bytes(): number {
    return 8 + this.#removed.octets.length + this.#added.octets.length;
  }

  get encoded(): Octets {
    return [this.#removed, this.#added].map(({ count, octets }) => u32Octets(count) + octets).join("");
  }

  take({ removed, added }: Pick<Delta, "removed" | "added">): void {
    encode(removed, this.#removed);
    encode(added, this.#added);
  }
}

function encode(records: readonly PublishedRecord[], into: { count: number; octets: Octets }): void {
  for (const { owner, type, ttlSeconds, data } of records) {
    into.octets += String.fromCharCode(owner.length) + owner + u16Octets(type) + u32Octets(ttlSeconds) +
      u16Octets(data.length) + data;
  }
  into.count += records.length;
}

function decode(octets: Octets, at: number): { records: PublishedRecord[]; next: number } {
  const records: PublishedRecord[] = [];
  let left = u32At(octets, at);
  for (at += 4; left > 0; left--) {
    const fixed = at + 1 + octets.charCodeAt(at);
    const dataStart = fixed + 8;
    const next = dataStart + u16At(octets, fixed + 6);
    records.push({
      owner: octets.slice(at + 1, fixed),
      type: u16At(octets, fixed),
      ttlSeconds: u32At(octets, fixed + 2),
      data: octets.slice(dataStart, next),
    });
    at = next;
  }
  return { records, next: at };
}
