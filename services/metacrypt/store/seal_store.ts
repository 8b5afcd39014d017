/**
 * The wrapped master key and the count of sealings.
 * @module
 */
import type { Database, Statement } from "@lib/db/mod.ts";

export type SlotKind = "password" | "key_file";

/** One wrapping of the master key. */
export interface Slot {
  kind: SlotKind;
  /** JSON. */
  derivation: string;
  wrapped: Uint8Array<ArrayBuffer>;
}

/** Reads the seal. */
export interface SealReader {
  slot(kind: SlotKind): Slot | null;
  /** Grows by one at every deliberate sealing. */
  epoch(): number;
}

/** Reads and writes the seal; writing belongs inside `db.write`. */
export class SealStore implements SealReader {
  readonly #slot: Statement<Slot>;
  readonly #put: Statement<unknown>;
  readonly #epoch: Statement<{ epoch: number }>;
  readonly #advance: Statement<unknown>;

  constructor(db: Database) {
    this.#slot = db.prepare("SELECT kind, derivation, wrapped FROM seal_slots WHERE kind = ?");
    this.#put = db.prepare(
      `INSERT INTO seal_slots (kind, derivation, wrapped, created_at) VALUES (?, ?, ?, ?)
       ON CONFLICT (kind) DO UPDATE SET derivation = excluded.derivation, wrapped = excluded.wrapped,
         created_at = excluded.created_at`,
    );
    this.#epoch = db.prepare("SELECT epoch FROM seal_epoch WHERE id = 1");
    this.#advance = db.prepare("UPDATE seal_epoch SET epoch = epoch + 1 WHERE id = 1");
  }

  slot(kind: SlotKind): Slot | null {
    return this.#slot.get(kind) ?? null;
  }

  epoch(): number {
    return this.#epoch.get()?.epoch ?? 0;
  }

  /** Adds the slot, or replaces the one of its kind. */
  put(slot: Slot, at: number): void {
    this.#put.run(slot.kind, slot.derivation, slot.wrapped, at);
  }

  advanceEpoch(): void {
    this.#advance.run();
  }
}
