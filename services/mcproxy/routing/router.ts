/**
 * The routes as they are served: the store's rows, checked against the
 * configuration, with their certificates and counters. Every change goes
 * through here: certificate, then store, then memory, in one call without a
 * gap, so that a change holds for new connections when the call returns.
 * @module
 */
import type { SecureContext } from "node:tls";
import { messageOf } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import { parseRoute, type Route, type RouteInput, routeKey, type RouteRules } from "../domain/route.ts";
import { RouteTable } from "../domain/route_table.ts";
import type { RouteWriter, StoredRoute } from "../store/route_store.ts";
import type { CertificateFolder, ServedCertificate } from "../tls/certificate_folder.ts";
import { RouteCounters } from "../traffic/counters.ts";
import type { Upstreams } from "../upstream/upstreams.ts";

/** A route that connections are given to. */
export interface LiveRoute {
  readonly route: Route;
  readonly counters: RouteCounters;
}

export interface RouterOptions {
  store: RouteWriter;
  certificates: CertificateFolder;
  upstreams: Upstreams;
  rules: RouteRules;
  log: Logger;
}

/** See the module. */
export class Router {
  readonly #options: RouterOptions;
  #table = new RouteTable<LiveRoute>();
  readonly #counters = new Map<string, RouteCounters>();
  /** Rows that the configuration doesn't permit (any more), by key, with the reason. */
  #unserved = new Map<string, string>();

  constructor(options: RouterOptions) {
    this.#options = options;
  }

  /** The route of new connections for the name; undefined when there is none. */
  find(listener: string, hostname: string): LiveRoute | undefined {
    return this.#table.find(listener, hostname);
  }

  /** All routes that are served. */
  routes(): IterableIterator<LiveRoute> {
    return this.#table.values();
  }

  /** Why rows of the store are not served, in words for an operator. */
  get unserved(): readonly string[] {
    return [...this.#unserved].map(([key, reason]) => `route ${key}: ${reason}`);
  }

  /**
   * Adds or replaces a route; idempotent.
   * @throws PlatformError `invalid` for a bad field, or a certificate that can't be served; nothing is changed then
   */
  put(input: RouteInput): StoredRoute {
    const { certificates, rules, store, log } = this.#options;
    const route = parseRoute(input, rules);
    if (route.mode === "l7") certificates.use(route.hostname, route.tlsCert, route.tlsKey);
    const stored = store.put({ ...route, backends: route.backends.map(({ key }) => key) });
    this.#unserved.delete(routeKey(route.listener, route.hostname));
    this.#table.set({ route, counters: this.#countersOf(route) });
    this.#tidy();
    log.info("Route set", {
      listener: route.listener,
      hostname: route.hostname,
      mode: route.mode,
      backends: stored.backends,
    });
    return stored;
  }

  /** @returns false when there was none */
  delete(listener: string, hostname: string): boolean {
    const key = routeKey(listener, hostname);
    const deleted = this.#options.store.delete(listener, hostname);
    this.#table.delete(listener, hostname);
    this.#unserved.delete(key);
    this.#counters.delete(key);
    this.#tidy();
    if (deleted) this.#options.log.info("Route deleted", { listener, hostname });
    return deleted;
  }

  /** Makes memory what the store says: at start, and when another process has changed it. */
  reload(): void {
    const { certificates, rules, store, log } = this.#options;
    const table = new RouteTable<LiveRoute>();
    const unserved = new Map<string, string>();
    for (const row of store.all()) {
      const key = routeKey(row.listener, row.hostname);
      try {
        const route = parseRoute(row, rules);
        if (route.mode === "l7") certificates.tryUse(route.hostname, route.tlsCert, route.tlsKey);
        table.set({ route, counters: this.#countersOf(route) });
      } catch (error) {
        unserved.set(key, messageOf(error));
        if (this.#unserved.get(key) !== messageOf(error)) {
          log.error("Stored route can't be served with this configuration; it is kept", { route: key, reason: error });
        }
      }
    }
    this.#table = table;
    this.#unserved = unserved;
    this.#tidy();
  }

  /** What is served for an l7 route; null for l4. */
  certificateOf({ route }: LiveRoute): ServedCertificate | null {
    return route.mode === "l4" ? null : this.#options.certificates.find(route.hostname, route.tlsCert, route.tlsKey);
  }

  /** For the handshake of a new connection; null when the certificate couldn't be loaded. */
  contextOf({ route }: LiveRoute): SecureContext | null {
    return this.#options.certificates.context(route.hostname, route.tlsCert, route.tlsKey);
  }

  #countersOf({ listener, hostname }: Route): RouteCounters {
    const key = routeKey(listener, hostname);
    let counters = this.#counters.get(key);
    if (counters === undefined) this.#counters.set(key, counters = new RouteCounters());
    return counters;
  }

  /** Lets go of backends, certificates and counters that no route names. */
  #tidy(): void {
    const backends = new Set<string>();
    const certificates: { hostname: string; cert: string; key: string }[] = [];
    for (const { route } of this.#table.values()) {
      for (const { key } of route.backends) backends.add(key);
      if (route.mode === "l7") {
        certificates.push({ hostname: route.hostname, cert: route.tlsCert, key: route.tlsKey });
      }
    }
    this.#options.upstreams.retain(backends);
    this.#options.certificates.retain(certificates);
  }
}
