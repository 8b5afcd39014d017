/**
 * Builds MC-Proxy, in reading order.
 * @module
 */
import { join } from "node:path";
import type { Operation } from "@lib/contract/mod.ts";
import { openDatabase } from "@lib/db/mod.ts";
import { invalid, quote } from "@lib/errors/mod.ts";
import { type Logger, RecentProblems } from "@lib/log/mod.ts";
import { serveHttp } from "@lib/http/mod.ts";
import {
  type HealthReport,
  type RunningService,
  serveApi,
  type ServiceContext,
  watchDatabase,
} from "@lib/service/mod.ts";
import { type Acme, startAcme } from "./acme/acme.ts";
import { openAdmin } from "./admin.ts";
import { openMcias } from "./mcias.ts";
import { doorOpener } from "./doors.ts";
import { healthOf } from "./health.ts";
import { limitsOf } from "./limits.ts";
import type { Config } from "./config.ts";
import { parseIp } from "./domain/ip_address.ts";
import type { ListenerInput } from "./domain/listener.ts";
import type { RouteRules } from "./domain/route.ts";
import { CountryFile } from "./firewall/country_file.ts";
import { Firewall } from "./firewall/firewall.ts";
import { RuleBook } from "./firewall/rule_book.ts";
import { ListenerSet } from "./listening/listener_set.ts";
import { firewallOperations } from "./operations/firewall_operations.ts";
import { listenerOperations } from "./operations/listener_operations.ts";
import { routeOperations } from "./operations/route_operations.ts";
import { statsOperations } from "./operations/stats_operations.ts";
import { statusLines } from "./operations/status_lines.ts";
import { Explainer } from "./routing/explain.ts";
import { Router } from "./routing/router.ts";
import { parseSeeds } from "./seeds.ts";
import { SignInGate } from "./sign_in/sign_in_gate.ts";
import { FirewallStore } from "./store/firewall_store.ts";
import { ListenerStore } from "./store/listener_store.ts";
import { migrations } from "./store/migrations.ts";
import { type RouteReader, RouteStore } from "./store/route_store.ts";
import { Deadlines } from "./stream/deadlines.ts";
import { CertificateFolder } from "./tls/certificate_folder.ts";
import { ClientAuthorityFolder } from "./tls/client_authority_folder.ts";
import { AccessLog } from "./traffic/access_log.ts";
import { Connections } from "./traffic/connections.ts";
import { TrafficHistory } from "./traffic/history.ts";
import { registerMetrics } from "./traffic/metrics.ts";
import { Upstreams } from "./upstream/upstreams.ts";

/** Largest country database taken: the common ones have 4 to 10 MiB, those with cities 60. */
const countryBytes = 128 * 1024 * 1024;

/** A started proxy: where it listens, ports resolved, and what tests look at. */
export interface RunningProxy extends RunningService {
  readonly listeners: ListenerSet;
  readonly router: Router;
  readonly routes: RouteReader;
  readonly operations: readonly Operation[];
  readonly history: TrafficHistory;
  readonly metricsAddress: string;
  readonly upstreams: Upstreams;
}

export async function startServer(context: ServiceContext<Config>): Promise<RunningProxy> {
  const { config, clock } = context;
  const problems = new RecentProblems(context.log, clock);
  const { log } = problems;

  // What is stored.
  Deno.mkdirSync(config.server.data_dir, { recursive: true, mode: 0o700 });
  await using stack = new AsyncDisposableStack();
  const db = stack.use(openDatabase({
    path: join(config.server.data_dir, "mcproxy.db"),
    migrations: [...migrations],
    // A route that was acknowledged must be there after a power cut: nobody would register it again.
    durability: "full",
    clock,
    log,
  }));
  const store = new RouteStore(db);

  // What routes stand on.
  const deadlines = new Deadlines(clock);
  const upstreams = stack.adopt(
    new Upstreams({
      limits: {
        connectTimeoutMs: config.backends.connect_timeout_ms,
        maxConnections: config.backends.max_connections,
        maxIdle: config.backends.max_idle,
        idleMs: config.backends.idle_timeout_ms,
      },
      ca: () => backendRoots(config),
      ...{ deadlines, clock, log },
    }),
    (all) => all.close(),
  );
  const certificates = stack.adopt(
    new CertificateFolder(config.certificates.dir, clock, log, config.certificates.poll_ms),
    (folder) => folder.close(),
  );
  const clientAuthorities = stack.adopt(
    new ClientAuthorityFolder(config.certificates.dir, clock, log, config.certificates.poll_ms),
    (folder) => folder.close(),
  );
  const country = config.firewall.country_db === "" ? null : stack.adopt(
    await CountryFile.open({
      path: config.firewall.country_db,
      pollMs: config.firewall.poll_ms,
      maxBytes: countryBytes,
      log,
    }),
    (file) => file.close(),
  );
  const firewall = new Firewall({ clock, country, limits: { maxBuckets: config.firewall.max_clients } });
  const firewallStore = new FirewallStore(db);
  const book = new RuleBook({ store: firewallStore, firewall, listeners: () => listeners.names(), log });
  const rules = (): RouteRules => ({
    // Those of kind http have no routes: they lead to the others.
    listeners: [...listeners.namesOf("tls"), ...listeners.namesOf("tcp")],
    plainListeners: listeners.namesOf("tcp"),
    allowedHosts: config.backends.allow_hosts,
    certificateDir: config.certificates.dir,
    hasMcias: mcias !== null,
  });
  const mcias = openMcias(config, context.name, clock);
  if (mcias !== null) stack.use(mcias);
  const gate = mcias === null
    ? null
    : new SignInGate({ mcias, keyFile: join(config.server.data_dir, "sign_in.key"), clock, log });
  const acme = openAcme(context, log);
  if (acme !== null) stack.use(acme);
  const router = new Router({
    store,
    certificates,
    clientAuthorities,
    acme: acme?.certificates ?? null,
    upstreams,
    rules,
    log,
  });

  const accessLog = openAccessLog(config, log);
  if (accessLog !== null) stack.use(accessLog);

  // What takes connections. All doors close side by side, so that the time-out holds for all together.
  const connections = new Connections();
  const doors: (() => Promise<unknown>)[] = [];
  stack.defer(async () => {
    await Promise.all(doors.map((close) => close()));
  });
  const open = doorOpener({
    ...{ connections, guard: firewall, router, gate, upstreams, deadlines, refresh, accessLog, acme, clock, log },
    limits: limitsOf(config),
    listeners: () => listeners,
  });
  const listeners: ListenerSet = new ListenerSet({
    configured: listenersOf(config),
    store: new ListenerStore(db),
    allowedAddresses: config.listen.allow_addrs,
    open,
    routesOn: (name) => router.countOn(name),
    changed: () => router.reload(),
    drainMs: config.server.shutdown_timeout_ms,
    log,
  });
  doors.push(() => listeners.close(config.server.shutdown_timeout_ms));
  // Before anything listens: a bad seed must not stop a proxy that is serving already.
  store.seedOnce((put) => {
    for (const route of parseSeeds(config, rules())) put(route);
  });
  // At a restart without a gap the old and the new process share the routes for a moment.
  const reload = () => {
    book.reload();
    listeners.reload();
    router.reload();
  };
  let version = db.dataVersion();
  function refresh() {
    const now = db.dataVersion();
    if (now === version) return;
    reload();
    version = now;
  }
  // Rules and routes first: whoever comes in the first moment finds them.
  book.reload();
  router.reload();
  listeners.start();
  // Challenges can be answered from here on.
  acme?.certificates.start();
  stack.use(watchDatabase(db, reload, log));
  registerMetrics(context.metrics, {
    listeners: () => listeners.all(),
    ...{ router, upstreams, firewall, country, gate, accessLog },
  });

  const history = stack.use(
    new TrafficHistory({
      routes: () => router.routes(),
      listeners: () => listeners.all(),
      connections: () => connections.size,
      now: () => clock.now(),
    }),
  );

  const health = (): HealthReport =>
    healthOf({
      ...{ listeners, book, firewall, country, router, accessLog },
      warnDays: config.certificates.warn_days,
      now: clock.now(),
    });
  const metrics = await serveHttp({
    address: config.metrics.addr,
    log,
    reusePort: true,
    fetch: (request) => {
      const { pathname } = new URL(request.url);
      if (pathname === "/metrics") {
        return new Response(context.metrics.text(), {
          headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
        });
      }
      if (pathname === "/health") {
        return Response.json({ service: context.name, version: context.version, ...health() });
      }
      return new Response("Not found: there are /metrics and /health\n", { status: 404 });
    },
  });
  doors.push(() => metrics.close());
  const explain = new Explainer({
    listeners: () => listeners.all().map(({ listener }) => listener),
    router,
    firewall,
    isAddress: (text) => parseIp(text) !== null,
    nextBackend: ({ route }) => upstreams.next(route),
  });
  const operations = [
    ...routeOperations({ router, routes: store, certificates, clientAuthorities }),
    ...listenerOperations(listeners),
    ...firewallOperations({ book, firewall, rules: firewallStore }),
    ...statsOperations({ router, listeners, connections, upstreams, explain, startedAt: context.startedAt }),
  ];
  const status = () =>
    statusLines({
      ...{ router, upstreams, connections },
      listeners: () => listeners.all(),
      problems: () => problems.lines,
      now: () => clock.now(),
    });
  const api = await serveApi({ context: { ...context, log }, operations, authenticate: "local", health, status });
  doors.push(async () => await api[Symbol.asyncDispose]());

  const admin = await openAdmin({ context: { ...context, log }, operations, mcias, health, status, history });
  if (admin !== null) doors.push(async () => await admin[Symbol.asyncDispose]());

  const started = stack.move();
  return {
    health,
    listeners,
    router,
    routes: store,
    upstreams,
    operations,
    history,
    metricsAddress: metrics.address,
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}

/** At least one, and no two of a name. */
function listenersOf({ listeners }: Config): ListenerInput[] {
  if (listeners.length === 0) {
    throw invalid("listeners", "needs at least one", { hint: 'Add [[listeners]] with name = "https" and addr = "…"' });
  }
  const names = new Set<string>();
  return listeners.map(({ name, addr, kind, proxy_protocol_from }) => {
    if (names.has(name)) throw invalid("listeners.name", `${quote(name)} is there twice`);
    names.add(name);
    return { name, address: addr, kind, proxyProtocolFrom: proxy_protocol_from };
  });
}

function openAccessLog({ access_log: { dir, max_mib, ...same } }: Config, log: Logger): AccessLog | null {
  return dir === "" ? null : new AccessLog({ ...same, dir, maxBytes: max_mib * 1024 * 1024, log });
}

/** Read for every new connection, which a renewal of the root then needs no restart for; null when none is configured. */
function backendRoots({ backends, admin }: Config): string | null {
  const file = backends.ca_file === "" ? admin.mcias_ca_cert : backends.ca_file;
  return file === "" ? null : Deno.readTextFileSync(file);
}

/** Null where no ACME server is configured. @throws PlatformError `invalid` for a half configuration */
function openAcme({ config, clock }: ServiceContext<Config>, log: Logger): Acme | null {
  const { directory_url, address, server_name, ca_cert, eab_key_id, eab_key_file, ...same } = config.acme;
  if (directory_url === "") return null;
  for (const key of ["address", "server_name", "ca_cert"] as const) {
    if (config.acme[key] === "") throw invalid(`acme.${key}`, "must be given with acme.directory_url");
  }
  const { contacts, challenge, terms_agreed: termsAgreed } = same;
  return startAcme({
    ...{ contacts, challenge, termsAgreed, clock, log },
    dir: join(config.server.data_dir, "acme"),
    directoryUrl: directory_url,
    address,
    serverName: server_name,
    caPem: Deno.readTextFileSync(ca_cert),
    externalAccount: eab_key_id === ""
      ? null
      : { keyId: eab_key_id, hmacKey: Deno.readTextFileSync(eab_key_file).trim() },
  });
}
