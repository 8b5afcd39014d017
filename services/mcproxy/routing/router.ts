/**
 * The routes as they are served: the store's rows, checked against the
 * configuration, with their certificates and counters. Every change goes
 * through here: certificate, then store, then memory, in one call without a
 * gap, so that a change holds for new connections when the call returns.
 * @module
 */
import type { SecureContext } from "node:tls";
import { conflict, invalid, messageOf, notFound, quote } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import { isHostname, parseRouteName } from "../domain/hostname.ts";
import { parseRoute, type Route, type RouteInput, routeKey, type RouteRules } from "../domain/route.ts";
import { parseRoutePath } from "../domain/route_path.ts";
import { type Host, RouteTable } from "../domain/route_table.ts";
import type { NewRoute, RouteKey, RouteWriter, StoredRoute } from "../store/route_store.ts";
import type { CertificateFolder, ServedCertificate } from "../tls/certificate_folder.ts";
import type { ClientAuthority } from "../tls/client_authority.ts";
import type { ClientAuthorityFolder } from "../tls/client_authority_folder.ts";
import type { Followed } from "../tls/followed_files.ts";
import { RouteCounters } from "../traffic/counters.ts";
import type { Upstreams } from "../upstream/upstreams.ts";

/** A route that connections are given to. */
export interface LiveRoute {
  readonly route: Route;
  readonly counters: RouteCounters;
  /** Some route of the name asks for sign-in. */
  readonly isGuarded: boolean;
}

/** Certificates that are got by themselves. */
export interface AcmeCertificates {
  /** What is served for the name. */
  find(hostname: string): ServedCertificate;
  /** The names that are wanted from now on: new ones are ordered, others forgotten. */
  retain(hostnames: ReadonlySet<string>): void;
}

export interface RouterOptions {
  store: RouteWriter;
  certificates: CertificateFolder;
  clientAuthorities: ClientAuthorityFolder;
  /** Null where none is configured. */
  acme: AcmeCertificates | null;
  upstreams: Upstreams;
  /** As they are now: listeners come and go. */
  rules(): RouteRules;
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

  /**
   * The routes of new connections for the name, exact before wildcard before "*"; undefined when there is none.
   * @param hostname "" for a client that names none, who gets "*"
   */
  find(listener: string, hostname: string): Host<LiveRoute> | undefined {
    return this.#table.find(listener, hostname);
  }

  /** All routes that are served. */
  *routes(): IterableIterator<LiveRoute> {
    // Those that stand in for a row that can't be served are none.
    for (const live of this.#table.values()) if (!this.#unserved.has(keyOf(live.route))) yield live;
  }

  /** Why rows of the store are not served, in words for an operator. */
  get unserved(): readonly string[] {
    return [...this.#unserved].map(([key, reason]) => `route ${key}: ${reason}`);
  }

  /** The routes on that listener, those that can't be served too. */
  countOn(listener: string): number {
    return this.#options.store.list(listener, null, 1000).length;
  }

  /** As it is stored, served or not. @throws PlatformError `not_found` */
  get(name: RouteName): StoredRoute {
    const key = parseName(name);
    const stored = this.#options.store.get(key);
    if (stored === null) throw notFound("route", keyOf(key));
    return stored;
  }

  /**
   * Adds or replaces a route; idempotent.
   * @param expected the version that it replaces, "none", or "" for any
   * @throws PlatformError `invalid` for a bad field, or a certificate that can't be served; `conflict` when it doesn't
   *   go with the name's other routes, or another version is there; nothing is changed then
   */
  put(input: RouteInput, expected = ""): StoredRoute {
    const { certificates, clientAuthorities, rules, log } = this.#options;
    const route = parseRoute(input, rules());
    const host = this.#table.get(route.listener, route.hostname);
    this.#checkHost(route, host);
    if (route.clientCa !== "") clientAuthorities.use(route.clientCa);
    if (hasFiles(route)) certificates.use(route.hostname, route.tlsCert, route.tlsKey);
    const stored = this.#stored({ ...route, backends: route.backends.map(({ key }) => key) }, expected);
    this.#unserved.delete(keyOf(route));
    const others = host === undefined ? [] : entriesOf(host).filter((entry) => entry.route.path !== route.path);
    this.#table.set(this.#live([...others.map((entry) => entry.route), route]));
    this.#tidy();
    log.info("Route set", {
      listener: route.listener,
      hostname: route.hostname,
      path: route.path,
      mode: route.mode,
      backends: stored.backends,
    });
    return stored;
  }

  #stored(route: NewRoute, expected: string): StoredRoute {
    try {
      return this.#options.store.put(route, expected);
    } catch (error) {
      // The certificate that was loaded for it.
      this.#tidy();
      throw error;
    }
  }

  /** What one name's routes must have in common. */
  #checkHost(route: Route, host: Host<LiveRoute> | undefined): void {
    if (route.path !== "/" && (host === undefined || host.root.route.mode === "l4")) {
      throw conflict(
        `Cannot add ${quote(route.path)} to ${route.hostname}: ` +
          (host === undefined ? 'it has no route for "/", which brings the certificate' : "it passes TLS through (l4)"),
        { hint: 'Put an l7 route with path "/" first; it may redirect' },
      );
    }
    if (route.mode === "l4" && host !== undefined && host.below.length > 0) {
      throw conflict(
        `Cannot pass ${route.hostname} through (l4): it has routes for ${
          host.below.map((entry) => entry.route.path).join(", ")
        }`,
        { hint: "Delete these first" },
      );
    }
    if (route.acme && this.#options.acme === null) {
      throw invalid("acme", "no ACME server is configured", {
        hint: "Set [acme] in mcproxy.toml and restart MC-Proxy",
      });
    }
  }

  /**
   * @param expected as for `put`
   * @returns false when there was none
   * @throws PlatformError `conflict` for "/" while the name has other paths, and for another version
   */
  delete(name: RouteName, expected = ""): boolean {
    const { listener, hostname, path } = parseName(name);
    const host = this.#table.get(listener, hostname);
    if (path === "/" && host !== undefined && host.below.length > 0) {
      throw conflict(
        `Cannot delete the route for "/" of ${hostname}: ${
          host.below.map((entry) => entry.route.path).join(", ")
        } stand on it`,
        { hint: "Delete these first" },
      );
    }
    const deleted = this.#options.store.delete({ listener, hostname, path }, expected);
    this.#forget({ listener, hostname, path }, host);
    if (deleted) this.#options.log.info("Route deleted", { listener, hostname, path });
    return deleted;
  }

  #forget(key: RouteKey, host: Host<LiveRoute> | undefined): void {
    if (key.path === "/") this.#table.delete(key.listener, key.hostname);
    else if (host !== undefined) {
      const others = entriesOf(host).filter((entry) => entry.route.path !== key.path);
      this.#table.set(this.#live(others.map(({ route }) => route)));
    }
    this.#unserved.delete(keyOf(key));
    this.#counters.delete(keyOf(key));
    this.#tidy();
  }

  /** Makes memory what the store says: at start, when listeners change, and when another process has changed it. */
  reload(): void {
    const { certificates, clientAuthorities, store } = this.#options;
    const hosts = new Map<string, Route[]>();
    const unserved = new Map<string, string>();
    const rules = this.#options.rules();
    const add = (route: Route) => {
      if (hasFiles(route)) certificates.tryUse(route.hostname, route.tlsCert, route.tlsKey);
      if (route.clientCa !== "") clientAuthorities.tryUse(route.clientCa);
      const name = `${route.listener} ${route.hostname}`;
      const routes = hosts.get(name);
      if (routes === undefined) hosts.set(name, [route]);
      else routes.push(route);
    };
    for (const row of store.all()) {
      try {
        add(parseRoute(row, rules));
      } catch (error) {
        this.#report(unserved, keyOf(row), messageOf(error));
        const standIn = standInFor(row, rules);
        if (standIn !== null) add(standIn);
      }
    }
    const table = new RouteTable<LiveRoute>();
    for (const routes of hosts.values()) {
      if (routes.some(({ path }) => path === "/")) table.set(this.#live(routes));
      else {for (const route of routes) {
          this.#report(unserved, keyOf(route), "the name's route for \"/\" can't be served");
        }}
    }
    this.#table = table;
    this.#unserved = unserved;
    this.#tidy();
  }

  /** All routes of one name, as they are served. */
  #live(routes: readonly Route[]): LiveRoute[] {
    const isGuarded = routes.some(({ signIn }) => signIn !== null);
    return routes.map((route) => ({ route, counters: this.#countersOf(route), isGuarded }));
  }

  #report(unserved: Map<string, string>, key: string, reason: string): void {
    unserved.set(key, reason);
    if (this.#unserved.get(key) === reason) return;
    this.#options.log.error("Stored route can't be served with this configuration; it is kept", { route: key, reason });
  }

  /** What is served for an l7 name; null for l4, and for paths below "/". */
  certificateOf({ route }: LiveRoute): ServedCertificate | null {
    if (route.mode === "l4" || route.path !== "/") return null;
    if (route.acme) return this.#options.acme?.find(route.hostname) ?? null;
    return this.#options.certificates.find(route.hostname, route.tlsCert, route.tlsKey);
  }

  /** For the handshake of a new connection; null when the certificate couldn't be loaded. */
  contextOf({ route }: LiveRoute): SecureContext | null {
    if (route.acme) return this.#options.acme?.find(route.hostname).context ?? null;
    return this.#options.certificates.context(route.hostname, route.tlsCert, route.tlsKey);
  }

  /** Who vouches for the clients of a name that asks them for certificates; null for one that doesn't. */
  clientAuthorityOf({ route }: LiveRoute): Followed<ClientAuthority> | null {
    return route.clientCert === "" ? null : this.#options.clientAuthorities.find(route.clientCa);
  }

  #countersOf(route: Route): RouteCounters {
    const key = keyOf(route);
    let counters = this.#counters.get(key);
    if (counters === undefined) this.#counters.set(key, counters = new RouteCounters());
    return counters;
  }

  /** Lets go of backends, certificates and counters that no route names. */
  #tidy(): void {
    const routes: Route[] = [];
    const certificates: { hostname: string; cert: string; key: string }[] = [];
    const acme = new Set<string>();
    const authorities = new Set<string>();
    for (const { route } of this.#table.values()) {
      routes.push(route);
      if (hasFiles(route)) certificates.push({ hostname: route.hostname, cert: route.tlsCert, key: route.tlsKey });
      authorities.add(route.clientCa);
      if (route.acme && isHostname(route.hostname)) acme.add(route.hostname);
    }
    this.#options.upstreams.retain(routes);
    this.#options.certificates.retain(certificates);
    this.#options.clientAuthorities.retain(authorities);
    this.#options.acme?.retain(acme);
  }
}

/** What callers say for a route. */
export interface RouteName {
  readonly listener: string;
  readonly hostname: string;
  /** "/" where it is missing. */
  readonly path?: string;
}

function parseName({ listener, hostname, path }: RouteName): RouteKey {
  return { listener, hostname: parseRouteName(hostname), path: parseRoutePath(path ?? "") };
}

function hasFiles(route: Route): boolean {
  return route.tlsCert !== "";
}

/**
 * What holds the place of a row with a sign-in that can't be served: its requests must not fall to the name's other
 * routes, which may be for everybody. Null for any other row, and where no request can come.
 */
function standInFor(row: StoredRoute, rules: RouteRules): Route | null {
  if (row.signIn === null) return null;
  const { listener, hostname, path, mode, tlsCert, tlsKey, acme, clientCa, clientCert } = row;
  // The certificates of "/" are the name's, and so is what is asked of clients.
  const name = { listener, hostname, path, mode, tlsCert, tlsKey, acme, clientCa, clientCert };
  try {
    return parseRoute({ ...name, backends: [], maintenance: "This can't be served at the moment." }, rules);
  } catch {
    return null;
  }
}

function entriesOf(host: Host<LiveRoute>): LiveRoute[] {
  return [host.root, ...host.below];
}

function keyOf({ listener, hostname, path }: RouteKey): string {
  return routeKey(listener, hostname, path);
}
