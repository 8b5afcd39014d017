/**
 * Listeners made by the API, in SQLite. Those of the configuration are not here.
 * @module
 */
import type { Database, Statement } from "@lib/db/mod.ts";

/** A listener as its row says it. */
export interface StoredListener {
  name: string;
  /** "host:port". */
  address: string;
  kind: string;
  proxyProtocolFrom: string[];
}

export interface ListenerReader {
  /** In order of name. */
  all(): StoredListener[];
}

export interface ListenerWriter extends ListenerReader {
  /** Adds or replaces. */
  put(listener: StoredListener): void;
  /** @returns false when there was none */
  delete(name: string): boolean;
}

interface Row {
  name: string;
  address: string;
  kind: string;
  proxy_protocol_from: string;
}

/** The store on lib/db. */
export class ListenerStore implements ListenerWriter {
  readonly #db: Database;
  readonly #all: Statement<Row>;
  readonly #put: Statement<never>;
  readonly #delete: Statement<never>;

  constructor(db: Database) {
    this.#db = db;
    this.#all = db.prepare("SELECT name, address, kind, proxy_protocol_from FROM listeners ORDER BY name");
    this.#put = db.prepare(
      `INSERT INTO listeners (name, address, kind, proxy_protocol_from, created_at, updated_at)
       VALUES (?1, ?2, ?3, ?4, ?5, ?5)
       ON CONFLICT (name) DO UPDATE SET
         address = excluded.address, kind = excluded.kind, proxy_protocol_from = excluded.proxy_protocol_from,
         updated_at = excluded.updated_at`,
    );
    this.#delete = db.prepare("DELETE FROM listeners WHERE name = ?");
  }

  all(): StoredListener[] {
    return this.#all.all().map(({ proxy_protocol_from, ...row }) => ({
      ...row,
      proxyProtocolFrom: JSON.parse(proxy_protocol_from) as string[],
    }));
  }

  put({ name, address, kind, proxyProtocolFrom }: StoredListener): void {
    this.#db.write((at) => this.#put.run(name, address, kind, JSON.stringify(proxyProtocolFrom), at));
  }

  delete(name: string): boolean {
    return this.#db.write(() => this.#delete.run(name).changes > 0);
  }
}
