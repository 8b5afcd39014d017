/**
 * Append-only audit rows in a service's own SQLite database. `record` belongs
 * inside the `db.write` of the change it tells of, so that both commit or
 * neither does; a refused request gets a transaction of its own.
 *
 * ```ts
 * const db = openDatabase({ migrations: [auditMigration, { name: "001_…", sql }], … });
 * const audit = new AuditLog(db);
 * db.write((at) => { store.add(zone, at); audit.record(at, { actor, remote, action: "zone.create", target: zone.name }); });
 * ```
 *
 * Never a secret: no password, token, code or key goes into `target` or `detail`.
 * @module
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Database, Statement } from "@lib/db/mod.ts";
import type { AuditEventSchema } from "@proto/metacircular/v1/audit_pb.ts";

/** The table; give it to `openDatabase` among the service's migrations. */
export const auditMigration = {
  name: "audit_001_events",
  sql: `
    CREATE TABLE audit_events (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      at INTEGER NOT NULL, -- ms since the epoch
      actor TEXT NOT NULL,
      remote TEXT NOT NULL,
      action TEXT NOT NULL,
      target TEXT NOT NULL,
      outcome TEXT NOT NULL,
      detail TEXT NOT NULL
    ) STRICT;
    CREATE INDEX audit_events_actor ON audit_events (actor, id);
    CREATE INDEX audit_events_action ON audit_events (action, id);
    CREATE TRIGGER audit_events_no_update BEFORE UPDATE ON audit_events BEGIN
      SELECT RAISE(ABORT, 'audit rows are append-only');
    END;
    CREATE TRIGGER audit_events_no_delete BEFORE DELETE ON audit_events BEGIN
      SELECT RAISE(ABORT, 'audit rows are append-only');
    END;
  `,
} as const;

/** What to record. Texts are cut at 512 characters, control characters become spaces. */
export interface AuditEntry {
  /** Username; empty or absent when nobody was authenticated. */
  readonly actor?: string;
  /** Address the request came from; absent for a local verb. */
  readonly remote?: string;
  /** Dotted, from the noun: "account.create", "login", "push". */
  readonly action: string;
  /** What it was done to. */
  readonly target?: string;
  /** "ok" (default) or an error code of lib/errors. */
  readonly outcome?: string;
  /** Further facts, e.g. the deciding rule. */
  readonly detail?: string;
}

/** Which events, and which page of them. */
export interface AuditQuery {
  /** Exact match; empty or absent matches all. */
  readonly actor?: string;
  /** Exact match; empty or absent matches all. */
  readonly action?: string;
  /** As `parsePage` of lib/contract gives it: at most `limit` events, those after the key `after`. */
  readonly page: { readonly limit: number; readonly after: string | null };
}

export interface AuditPage {
  /** Newest first. */
  readonly events: MessageInitShape<typeof AuditEventSchema>[];
  /** The key for the next page's token; null when this page is the last. */
  readonly lastKey: string | null;
}

interface Row {
  id: number;
  at: number;
  actor: string;
  remote: string;
  action: string;
  target: string;
  outcome: string;
  detail: string;
}

const maxCharacters = 512;

/** Writes and reads audit rows; see the module's text. */
export class AuditLog {
  readonly #insert: Statement<Row>;
  readonly #all: Statement<Row>;
  readonly #byActor: Statement<Row>;
  readonly #byAction: Statement<Row>;
  readonly #byBoth: Statement<Row>;

  constructor(db: Database) {
    this.#insert = db.prepare<Row>(
      "INSERT INTO audit_events (at, actor, remote, action, target, outcome, detail) VALUES (?, ?, ?, ?, ?, ?, ?)",
    );
    const select = (where: string) =>
      db.prepare<Row>(
        `SELECT id, at, actor, remote, action, target, outcome, detail FROM audit_events
         WHERE id < ? ${where} ORDER BY id DESC LIMIT ?`,
      );
    this.#all = select("");
    this.#byActor = select("AND actor = ?");
    this.#byAction = select("AND action = ?");
    this.#byBoth = select("AND actor = ? AND action = ?");
  }

  /** Appends a row. Inside `db.write`; `at` is that transaction's time in ms since the epoch. */
  record(at: number, entry: AuditEntry): void {
    this.#insert.run(
      at,
      clean(entry.actor),
      clean(entry.remote),
      clean(entry.action),
      clean(entry.target),
      clean(entry.outcome ?? "ok"),
      clean(entry.detail),
    );
  }

  /** One page of events, newest first. A page key that is no number gives an empty page. */
  list(query: AuditQuery): AuditPage {
    const { limit, after } = query.page;
    const before = after === null ? Number.MAX_SAFE_INTEGER : Number(after);
    if (!Number.isSafeInteger(before)) return { events: [], lastKey: null };
    // One row more than asked for tells whether a next page exists.
    const rows = this.#select(query.actor ?? "", query.action ?? "", before, limit + 1);
    const page = rows.slice(0, limit);
    const last = page.at(-1);
    return {
      events: page.map((row) => ({ ...row, id: BigInt(row.id), at: timestampFromMs(row.at) })),
      lastKey: rows.length > limit && last !== undefined ? String(last.id) : null,
    };
  }

  #select(actor: string, action: string, before: number, limit: number): Row[] {
    if (actor !== "" && action !== "") return this.#byBoth.all(before, actor, action, limit);
    if (actor !== "") return this.#byActor.all(before, actor, limit);
    if (action !== "") return this.#byAction.all(before, action, limit);
    return this.#all.all(before, limit);
  }
}

function clean(text: string | undefined): string {
  // deno-lint-ignore no-control-regex -- a forged line break would make two events of one in a text export
  return (text ?? "").slice(0, maxCharacters).replaceAll(/[\u0000-\u001f\u007f\u2028\u2029]/g, " ");
}
