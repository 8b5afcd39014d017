import type { Database, Statement } from "@lib/db/mod.ts";
import type { ZoneRow } from "./zone_store.ts";

/** How a secondary fares. Times in ms since the epoch, null for never. */
export interface SecondaryState {
  /** A primary told its serial. */
  readonly checkedAt: number | null;
  /** Content was taken over. */
  readonly transferredAt: number | null;
  /** From when on it isn't answered; null before it has content. */
  readonly expiresAt: number | null;
  /** Of the last try, "" for none. */
  readonly error: string;
}

/** What a zone is in its catalog. */
export interface MemberRow {
  readonly member_id: string;
  /** Name of the catalog that it may go over to, "" for none. */
  readonly new_owner: string;
}

interface Row {
  checked_at: number | null;
  transferred_at: number | null;
  expires_at: number | null;
  error: string;
}

const fresh: SecondaryState = { checkedAt: null, transferredAt: null, expiresAt: null, error: "" };

/** States of secondaries, kept so that a zone that expired doesn't come back by a restart; and who came from which catalog. */
export class SecondaryStore {
  readonly #db: Database;
  readonly #get: Statement<Row>;
  readonly #put: Statement<never>;
  readonly #forget: Statement<never>;
  readonly #member: Statement<MemberRow>;
  readonly #putMember: Statement<never>;
  readonly #removeMember: Statement<never>;
  readonly #members: Statement<{ name: string }>;

  constructor(db: Database) {
    this.#db = db;
    this.#get = db.prepare(
      "SELECT checked_at, transferred_at, expires_at, error FROM secondary_states WHERE zone_id = ?",
    );
    this.#put = db.prepare(
      `INSERT INTO secondary_states (zone_id, checked_at, transferred_at, expires_at, error) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (zone_id) DO UPDATE SET checked_at = excluded.checked_at, transferred_at = excluded.transferred_at,
         expires_at = excluded.expires_at, error = excluded.error`,
    );
    this.#forget = db.prepare("DELETE FROM secondary_states WHERE zone_id = ?");
    this.#member = db.prepare("SELECT member_id, new_owner FROM catalog_members WHERE zone_id = ?");
    this.#putMember = db.prepare(
      "INSERT OR REPLACE INTO catalog_members (zone_id, member_id, new_owner) VALUES (?, ?, ?)",
    );
    this.#removeMember = db.prepare("DELETE FROM catalog_members WHERE zone_id = ?");
    this.#members = db.prepare(
      `SELECT zones.name FROM catalog_members JOIN zones ON zones.id = catalog_members.zone_id
       WHERE zones.catalog = ? ORDER BY zones.name`,
    );
  }

  get({ id }: ZoneRow): SecondaryState {
    const row = this.#get.get(id);
    if (row === undefined) return fresh;
    const { checked_at, transferred_at, expires_at, error } = row;
    return { checkedAt: checked_at, transferredAt: transferred_at, expiresAt: expires_at, error };
  }

  put({ id }: ZoneRow, { checkedAt, transferredAt, expiresAt, error }: SecondaryState): void {
    this.#db.write(() => this.#put.run(id, checkedAt, transferredAt, expiresAt, error));
  }

  /** As if the zone were new. */
  forget({ id }: ZoneRow): void {
    this.#db.write(() => this.#forget.run(id));
  }

  member({ id }: ZoneRow): MemberRow | undefined {
    return this.#member.get(id);
  }

  /** Inside a transaction. */
  putMember({ id }: ZoneRow, { member_id, new_owner }: MemberRow): void {
    this.#putMember.run(id, member_id, new_owner);
  }

  /** Inside a transaction. */
  removeMember({ id }: ZoneRow): void {
    this.#removeMember.run(id);
  }

  /** Names of the zones that a catalog listed. */
  membersOf(catalog: string): string[] {
    return this.#members.all(catalog).map(({ name }) => name);
  }
}
