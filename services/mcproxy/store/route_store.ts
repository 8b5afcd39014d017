/**
 * Routes in SQLite: the one truth about them.
 * @module
 */
import type { Database, Statement } from "@lib/db/mod.ts";
import { quote } from "@lib/errors/mod.ts";
import { plainSettings, type Route, routeKey } from "../domain/route.ts";
import { checkDelete, checkPut, versionOf } from "./version.ts";

/** A route to be stored. */
export type NewRoute = Omit<Route, "backends"> & {
  /** "host:port" each. */
  readonly backends: readonly string[];
};

/** A route as its row says it. */
export type StoredRoute = NewRoute & {
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly version: string;
};

/** The order of lists, and where a page begins. */
export interface RouteKey {
  readonly listener: string;
  readonly hostname: string;
  readonly path: string;
}

export interface RouteReader {
  all(): StoredRoute[];
  get(key: RouteKey): StoredRoute | null;
  /** In order of listener, name and path; at most `limit`, behind the route `after`. `listener` "" means all. */
  list(listener: string, after: RouteKey | null, limit: number): StoredRoute[];
}

export interface RouteWriter extends RouteReader {
  /**
   * Adds or replaces, and returns the row. Putting what is there already changes nothing.
   * @param expected the version that must be there; "none", or "" for any
   * @throws PlatformError `conflict` for another one
   */
  put(route: NewRoute, expected?: string): StoredRoute;
  /**
   * @returns false when there was none
   * @throws PlatformError `conflict` for one of another version than expected
   */
  delete(key: RouteKey, expected?: string): boolean;
  /** Calls `seed` once in the life of a database, and only while it has no route. */
  seedOnce(seed: (put: (route: NewRoute) => void) => void): void;
}

interface Row {
  listener: string;
  hostname: string;
  path: string;
  mode: Route["mode"];
  backends: string;
  tls_cert: string;
  tls_key: string;
  settings: string;
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
    this.#get = db.prepare("SELECT * FROM routes WHERE listener = ? AND hostname = ? AND path = ?");
    this.#list = db.prepare(
      `SELECT * FROM routes WHERE (?1 = '' OR listener = ?1) AND (listener, hostname, path) > (?2, ?3, ?4)
       ORDER BY listener, hostname, path LIMIT ?5`,
    );
    this.#put = db.prepare(
      `INSERT INTO routes
         (listener, hostname, path, mode, backends, tls_cert, tls_key, settings, created_at, updated_at)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9)
       ON CONFLICT (listener, hostname, path) DO UPDATE SET
         mode = excluded.mode, backends = excluded.backends, tls_cert = excluded.tls_cert, tls_key = excluded.tls_key,
         settings = excluded.settings, updated_at = excluded.updated_at
       WHERE (mode, backends, tls_cert, tls_key, settings) <>
         (excluded.mode, excluded.backends, excluded.tls_cert, excluded.tls_key, excluded.settings)`,
    );
    this.#delete = db.prepare("DELETE FROM routes WHERE listener = ? AND hostname = ? AND path = ?");
    this.#seeded = db.prepare("SELECT EXISTS (SELECT 1 FROM seeded) OR EXISTS (SELECT 1 FROM routes) AS used");
    this.#markSeeded = db.prepare("INSERT INTO seeded (at) VALUES (?)");
  }

  all(): StoredRoute[] {
    return this.#all.all().map(toRoute);
  }

  get({ listener, hostname, path }: RouteKey): StoredRoute | null {
    const row = this.#get.get(listener, hostname, path);
    return row === undefined ? null : toRoute(row);
  }

  list(listener: string, after: RouteKey | null, limit: number): StoredRoute[] {
    const { listener: from = "", hostname = "", path = "" } = after ?? {};
    return this.#list.all(listener, from, hostname, path, limit).map(toRoute);
  }

  put(route: NewRoute, expected = ""): StoredRoute {
    return this.#db.write((at) => {
      if (expected !== "") {
        checkPut(titleOf(route), expected, this.get(route)?.version ?? null, versionOf(columnsOf(route)));
      }
      this.#insert(route, at);
      return this.get(route)!;
    });
  }

  #insert(route: NewRoute, at: number): void {
    this.#put.run(route.listener, route.hostname, route.path, ...columnsOf(route), at);
  }

  delete(key: RouteKey, expected = ""): boolean {
    const { listener, hostname, path } = key;
    return this.#db.write(() => {
      if (expected !== "") checkDelete(titleOf(key), expected, this.get(key)?.version ?? null);
      return this.#delete.run(listener, hostname, path).changes > 0;
    });
  }

  seedOnce(seed: (put: (route: NewRoute) => void) => void): void {
    this.#db.write((at) => {
      if (this.#seeded.get()!.used !== 0) return;
      seed((route) => this.#insert(route, at));
      this.#markSeeded.run(at);
    });
  }
}

/** What has no column of its own. */
type Settings = Omit<
  StoredRoute,
  "listener" | "hostname" | "path" | "mode" | "backends" | "tlsCert" | "tlsKey" | "createdAt" | "updatedAt" | "version"
>;

/** What a row that says nothing of it has. */
const defaults: Settings = plainSettings;

/** The settings that differ from their defaults. */
function settingsOf(route: NewRoute): Partial<Settings> {
  const entries: [string, unknown][] = [];
  for (const key of Object.keys(defaults) as (keyof Settings)[]) {
    if (JSON.stringify(route[key]) !== JSON.stringify(defaults[key])) entries.push([key, route[key]]);
  }
  return Object.fromEntries(entries) as Partial<Settings>;
}

function titleOf({ listener, hostname, path }: RouteKey): string {
  return `route ${quote(routeKey(listener, hostname, path))}`;
}

/** What a row has behind its key, as it stands there. */
function columnsOf(route: NewRoute): [mode: string, backends: string, cert: string, key: string, settings: string] {
  const { mode, backends, tlsCert, tlsKey } = route;
  return [mode, JSON.stringify(backends), tlsCert, tlsKey, JSON.stringify(settingsOf(route))];
}

function toRoute(row: Row): StoredRoute {
  return {
    listener: row.listener,
    hostname: row.hostname,
    path: row.path,
    mode: row.mode,
    backends: JSON.parse(row.backends) as string[],
    tlsCert: row.tls_cert,
    tlsKey: row.tls_key,
    ...defaults,
    ...JSON.parse(row.settings) as Partial<Settings>,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    version: versionOf([row.mode, row.backends, row.tls_cert, row.tls_key, row.settings]),
  };
}
