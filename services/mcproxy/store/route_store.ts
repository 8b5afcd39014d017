/**
 * Routes in SQLite: the one truth about them.
 * @module
 */
import type { Database, Statement } from "@lib/db/mod.ts";

/** A route as its row says it. */
export interface StoredRoute {
  listener: string;
  hostname: string;
  mode: string;
  /** "host:port" each. */
  backends: string[];
  tlsCert: string;
  tlsKey: string;
  /** Milliseconds since the epoch. */
  createdAt: number;
  updatedAt: number;
}

export type NewRoute = Omit<StoredRoute, "createdAt" | "updatedAt">;

export interface RouteReader {
  all(): StoredRoute[];
  get(listener: string, hostname: string): StoredRoute | null;
  /** In order of listener and name; at most `limit`, behind the route `after`. `listener` "" means all. */
  list(listener: string, after: { listener: string; hostname: string } | null, limit: number): StoredRoute[];
}

export interface RouteWriter extends RouteReader {
  /** Adds or replaces, and returns the row. Putting what is there already changes nothing. */
  put(route: NewRoute): StoredRoute;
  /** @returns false when there was none */
  delete(listener: string, hostname: string): boolean;
  /** Calls `seed` once in the life of a database, and only while it has no route. */
  seedOnce(seed: (put: (route: NewRoute) => void) => void): void;
}

interface Row {
  listener: string;
  hostname: string;
  mode: string;
  backends: string;
  tls_cert: string;
  tls_key: string;
  created_at: number;
  updated_at: number;
}

/** The store on lib/db. */
export class RouteStore implements RouteWriter {
  readonly #db: Database;
  readonly #all: Statement<Row>;
  readonly #get: Statement<Row>;
  readonly #list: Statement<Row>;
  readonly #put: Statement<Row>;
  readonly #delete: Statement<never>;
  readonly #seeded: Statement<{ used: number }>;
  readonly #markSeeded: Statement<never>;

  constructor(db: Database) {
    this.#db = db;
    this.#all = db.prepare("SELECT * FROM routes");
    this.#get = db.prepare("SELECT * FROM routes WHERE listener = ? AND hostname = ?");
    this.#list = db.prepare(
      `SELECT * FROM routes WHERE (?1 = '' OR listener = ?1) AND (listener, hostname) > (?2, ?3)
       ORDER BY listener, hostname LIMIT ?4`,
    );
    this.#put = db.prepare(
      `INSERT INTO routes (listener, hostname, mode, backends, tls_cert, tls_key, created_at, updated_at)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)
       ON CONFLICT (listener, hostname) DO UPDATE SET
         mode = excluded.mode, backends = excluded.backends, tls_cert = excluded.tls_cert, tls_key = excluded.tls_key,
         updated_at = excluded.updated_at
       WHERE (mode, backends, tls_cert, tls_key) <>
         (excluded.mode, excluded.backends, excluded.tls_cert, excluded.tls_key)`,
    );
    this.#delete = db.prepare("DELETE FROM routes WHERE listener = ? AND hostname = ?");
    this.#seeded = db.prepare("SELECT EXISTS (SELECT 1 FROM seeded) OR EXISTS (SELECT 1 FROM routes) AS used");
    this.#markSeeded = db.prepare("INSERT INTO seeded (at) VALUES (?)");
  }

  all(): StoredRoute[] {
    return this.#all.all().map(toRoute);
  }

  get(listener: string, hostname: string): StoredRoute | null {
    const row = this.#get.get(listener, hostname);
    return row === undefined ? null : toRoute(row);
  }

  list(listener: string, after: { listener: string; hostname: string } | null, limit: number): StoredRoute[] {
    return this.#list.all(listener, after?.listener ?? "", after?.hostname ?? "", limit).map(toRoute);
  }

  put(route: NewRoute): StoredRoute {
    return this.#db.write((at) => {
      this.#insert(route, at);
      return toRoute(this.#get.get(route.listener, route.hostname)!);
    });
  }

  #insert(route: NewRoute, at: number): void {
    const { listener, hostname, mode, backends, tlsCert, tlsKey } = route;
    this.#put.run(listener, hostname, mode, JSON.stringify(backends), tlsCert, tlsKey, at);
  }

  delete(listener: string, hostname: string): boolean {
    return this.#db.write(() => this.#delete.run(listener, hostname).changes > 0);
  }

  seedOnce(seed: (put: (route: NewRoute) => void) => void): void {
    this.#db.write((at) => {
      if (this.#seeded.get()!.used !== 0) return;
      seed((route) => this.#insert(route, at));
      this.#markSeeded.run(at);
    });
  }
}

function toRoute(row: Row): StoredRoute {
  return {
    listener: row.listener,
    hostname: row.hostname,
    mode: row.mode,
    backends: JSON.parse(row.backends) as string[],
    tlsCert: row.tls_cert,
    tlsKey: row.tls_key,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
