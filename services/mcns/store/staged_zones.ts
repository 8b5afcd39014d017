/**
 * Content of a zone that is written aside: in as many transactions as it takes, so that none holds DNS up, to rows that
 * belong to a zone nobody sees (`zones.staged`). In one short transaction it becomes the zone's: the two rows of `zones`
 * change places, and what was the zone's content is nobody's. That, and what a program left that ended in between, is
 * swept away in small pieces.
 */
import type { Clock } from "@lib/clock/mod.ts";
import type { Database, Statement } from "@lib/db/mod.ts";
import { messageOf, unavailable } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import type { Slices } from "./slices.ts";
import type { ZoneRow } from "./zone_store.ts";

/** Rows that one transaction takes away: some 2 ms. */
const sweptAtOnce = 500;

/** How often what was left is looked for. */
const sweepMs = 1000;

/** A writer writes every few ms: staged content that nobody wrote to for this long was left by a program that has ended. */
const leftAfterMs = 60_000;

/** What follows a zone to other content: everything about it but records. */
const followers = ["zone_peers", "secondary_states", "catalog_members", "signed_zones", "dnssec_keys", "zone_journal"];

const settings =
  `primary_ns, admin_email, refresh, retry, expire, minimum, serial, created_at, updated_at, kind, soa_ttl, views,
  is_catalog, catalog`;

export class StagedZones implements Disposable {
  readonly #db: Database;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #begin: Statement<never>;
  readonly #touch: Statement<never>;
  readonly #hide: Statement<never>;
  readonly #show: Statement<never>;
  readonly #follow: readonly Statement<never>[];
  readonly #left: Statement<{ id: number }>;
  readonly #sweeps: readonly Statement<never>[];
  readonly #end: Statement<never>;
  #timer: ReturnType<typeof setInterval> | null = null;

  constructor(db: Database, clock: Clock, log: Logger) {
    this.#db = db;
    this.#clock = clock;
    this.#log = log;
    // A name that no zone has, and that a program which doesn't know staged content can read.
    const name = "'staged-' || lower(hex(randomblob(16))) || '.invalid'";
    this.#begin = db.prepare(
      `INSERT INTO zones (name, primary_ns, admin_email, refresh, retry, expire, minimum, serial, created_at, updated_at,
         staged)
       VALUES (${name}, 'invalid', 'a@invalid', 0, 0, 0, 0, 0, ?1, ?1, 1)`,
    );
    this.#touch = db.prepare("UPDATE zones SET updated_at = ? WHERE id = ? AND staged = 1");
    this.#hide = db.prepare(`UPDATE zones SET name = ${name}, staged = 1, updated_at = 0 WHERE id = ?`);
    this.#show = db.prepare(
      `UPDATE zones SET staged = 0, name = ?1, (${settings}) = (SELECT ${settings} FROM zones AS old WHERE old.id = ?2)
       WHERE id = ?3 AND staged = 1`,
    );
    this.#follow = followers.map((table) => db.prepare(`UPDATE ${table} SET zone_id = ?1 WHERE zone_id = ?2`));
    this.#left = db.prepare("SELECT id FROM zones WHERE staged = 1 AND updated_at <= ? ORDER BY id LIMIT 1");
    // Of staged zones alone, whatever id is given.
    const ofStaged = "zone_id IN (SELECT id FROM zones WHERE id = ?1 AND staged = 1)";
    this.#sweeps = [
      db.prepare(`DELETE FROM records WHERE id IN (SELECT id FROM records WHERE ${ofStaged} LIMIT ${sweptAtOnce})`),
      db.prepare(
        `DELETE FROM dnssec_records WHERE (zone_id, name, type, data) IN (
           SELECT zone_id, name, type, data FROM dnssec_records WHERE ${ofStaged} LIMIT ${sweptAtOnce})`,
      ),
    ];
    this.#end = db.prepare("DELETE FROM zones WHERE id = ? AND staged = 1");
  }

  /** Sweeps every second what programs have left. Until disposed of. */
  start(): void {
    this.#timer = setInterval(() => this.sweepLeft(), sweepMs);
  }

  [Symbol.dispose](): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  /** Room for content; the id that its rows belong to. */
  begin(): number {
    return this.#db.writeAhead((at) => this.#begin.run(at).lastInsertRowid);
  }

  /** Calls `writeNext` until it says that nothing is left, in transactions of one slice each. */
  async write(id: number, slices: Slices, writeNext: (at: number) => boolean): Promise<void> {
    for (let isMore = true; isMore;) {
      this.#db.writeAhead((at) => {
        this.#check(this.#touch.run(at, id).changes);
        do isMore = writeNext(at); while (isMore && !slices.isOver);
      });
      await slices.giveWay();
    }
  }

  /** Makes the content that zone's, inside a transaction; the zone's row has its id from now on. */
  adopt(id: number, zone: ZoneRow): void {
    this.#hide.run(zone.id);
    this.#check(this.#show.run(zone.name, zone.id, id).changes);
    for (const follow of this.#follow) follow.run(id, zone.id);
  }

  /** Takes the content away that belongs to no zone. Others may have begun to. */
  async sweep(id: number, slices: Slices): Promise<void> {
    while (this.#sweepSome(id)) await slices.giveWay();
  }

  /** One look; never throws. */
  sweepLeft(): void {
    try {
      const left = this.#left.get(this.#clock.now() - leftAfterMs);
      if (left !== undefined) this.#sweepSome(left.id);
    } catch (error) {
      this.#log.error("cannot take away what an import left", { error: messageOf(error) });
    }
  }

  /** Whether there may be more. */
  #sweepSome(id: number): boolean {
    return this.#db.writeAhead(() => {
      for (const sweep of this.#sweeps) if (sweep.run(id).changes === sweptAtOnce) return true;
      this.#end.run(id);
      return false;
    });
  }

  #check(changes: number): void {
    if (changes > 0) return;
    throw unavailable("Cannot go on with an import: what it has written is gone; nothing was changed", {
      hint: "Import the file again.",
    });
  }
}
