import type { Database, Statement } from "@lib/db/mod.ts";
import { messageOf } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";

/** Something that happened to a service. */
export interface EventRow {
  readonly id: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly service: string;
  /** "" when it concerns the service as a whole. */
  readonly component: string;
  /** "deployed", "exited", … */
  readonly kind: string;
  readonly detail: string;
  /** Who asked for it; "agent" when nobody did. */
  readonly actor: string;
}

/** 100,000 rows are some 20 MB, and months of an ordinary node. */
const keptEvents = 100_000;

/** What happened, append-only, the oldest beyond 100,000 forgotten. */
export class EventStore {
  readonly #db: Database;
  readonly #log: Logger;
  readonly #add: Statement<never>;
  readonly #trim: Statement<never>;
  readonly #list: Statement<EventRow>;

  constructor(db: Database, log: Logger) {
    this.#db = db;
    this.#log = log;
    this.#add = db.prepare(
      "INSERT INTO events (at, service, component, kind, detail, actor) VALUES (?, ?, ?, ?, ?, ?)",
    );
    this.#trim = db.prepare("DELETE FROM events WHERE id <= ?");
    this.#list = db.prepare(`
      SELECT id, at, service, component, kind, detail, actor FROM events
      WHERE (?1 = '' OR service = ?1) AND (?2 IS NULL OR id < ?2) ORDER BY id DESC LIMIT ?3`);
  }

  /** Never throws: that something happened must not fail because the disk is too full to say so. */
  add(event: Omit<EventRow, "id" | "at">): void {
    try {
      this.#insert(event);
    } catch (error) {
      this.#log.error("event lost", { ...event, error: messageOf(error) });
    }
  }

  #insert({ service, component, kind, detail, actor }: Omit<EventRow, "id" | "at">): void {
    this.#db.write((at) => {
      const id = this.#add.run(at, service, component, kind, detail.slice(0, 4096), actor).lastInsertRowid;
      // Once in a thousand rows is often enough.
      if (id % 1000 === 0) this.#trim.run(id - keptEvents);
    });
  }

  /** Newest first. @param service "" for all @param before only rows older than this id */
  list(service: string, before: number | null, limit: number): EventRow[] {
    return this.#list.all(service, before, limit);
  }
}
