/**
 * Builds MC-Proxy, in reading order.
 * @module
 */
import { join } from "node:path";
import { openDatabase } from "@lib/db/mod.ts";
import { invalid, quote } from "@lib/errors/mod.ts";
import { serveHttp } from "@lib/http/mod.ts";
import {
  type HealthReport,
  type RunningService,
  serveApi,
  type ServiceContext,
  watchDatabase,
} from "@lib/service/mod.ts";
import type { Config } from "./config.ts";
import { parseRoute, type RouteRules } from "./domain/route.ts";
import { operations } from "./operations.ts";
import { Router } from "./routing/router.ts";
import routesSql from "./store/migrations/001_routes.sql" with { type: "text" };
import { type RouteReader, RouteStore } from "./store/route_store.ts";
import { Deadlines } from "./stream/deadlines.ts";
import { CertificateFolder } from "./tls/certificate_folder.ts";
import { Ingress, type IngressLimits } from "./tls/ingress.ts";
import { registerMetrics } from "./traffic/metrics.ts";
import { Upstreams } from "./upstream/upstreams.ts";

const dayMs = 86_400_000;

/** A started proxy: where it listens, ports resolved, and what tests look at. */
export interface RunningProxy extends RunningService {
  readonly listeners: readonly Ingress[];
  readonly router: Router;
  readonly routes: RouteReader;
  readonly metricsAddress: string;
}

export async function startServer(context: ServiceContext<Config>): Promise<RunningProxy> {
  const { config, log, clock } = context;
  const rules: RouteRules = {
    listeners: listenerNames(config),
    allowedHosts: config.backends.allow_hosts,
    certificateDir: config.certificates.dir,
  };

  Deno.mkdirSync(config.server.data_dir, { recursive: true, mode: 0o700 });
  await using stack = new AsyncDisposableStack();
  const db = stack.use(openDatabase({
    path: join(config.server.data_dir, "mcproxy.db"),
    migrations: [{ name: "001_routes", sql: routesSql }],
    // A route that was acknowledged must be there after a power cut: nobody would register it again.
    durability: "full",
    clock,
    log,
  }));
  const store = new RouteStore(db);
  seed(store, config, rules);

  const deadlines = new Deadlines(clock);
  const upstreams = stack.adopt(
    new Upstreams(
      {
        connectTimeoutMs: config.backends.connect_timeout_ms,
        maxConnections: config.backends.max_connections,
        maxIdle: config.backends.max_idle,
        idleMs: config.backends.idle_timeout_ms,
      },
      deadlines,
      clock,
      log,
    ),
    (all) => all.close(),
  );
  const certificates = stack.adopt(
    new CertificateFolder(config.certificates.dir, clock, log, config.certificates.poll_ms),
    (folder) => folder.close(),
  );
  const router = new Router({ store, certificates, upstreams, rules, log });
  router.reload();
  // At a restart without a gap the old and the new process share the routes for a moment.
  stack.use(watchDatabase(db, () => router.reload(), log));
  let version = db.dataVersion();
  const refresh = () => {
    const now = db.dataVersion();
    if (now === version) return;
    router.reload();
    version = now;
  };

  const listeners: Ingress[] = [];
  // Fails half-way through the start, or stops: everybody drains at once, so that the time-out holds for all together.
  const doors: (() => Promise<unknown>)[] = [];
  stack.defer(async () => {
    await Promise.all(doors.map((close) => close()));
  });
  const date = () => new Date(clock.now()).toUTCString();
  for (const { name, addr } of config.listeners) {
    const ingress = new Ingress({
      name,
      address: addr,
      limits: limitsOf(config),
      router,
      upstreams,
      deadlines,
      refresh,
      date,
      log,
    });
    listeners.push(ingress);
    doors.push(() => ingress.close(config.server.shutdown_timeout_ms));
    log.info("Listening", { listener: name, address: ingress.address });
  }
  registerMetrics(context.metrics, { listeners, router, upstreams });

  const health = (): HealthReport => {
    const reasons = [...router.unserved, ...certificateReasons(router, clock.now(), config.certificates.warn_days)];
    return { status: reasons.length === 0 ? "serving" : "degraded", reasons };
  };
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
  const api = await serveApi({
    context,
    operations: operations({ router, routes: store, certificates, listeners }),
    authenticate: "local",
    health,
  });
  doors.push(async () => await api[Symbol.asyncDispose]());

  const started = stack.move();
  return {
    health,
    listeners,
    router,
    routes: store,
    metricsAddress: metrics.address,
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}

function listenerNames(config: Config): string[] {
  const names = config.listeners.map(({ name }) => name);
  if (names.length === 0) {
    throw invalid("listeners", "needs at least one", { hint: 'Add [[listeners]] with name = "https" and addr = "…"' });
  }
  for (const [index, name] of names.entries()) {
    if (!/^[a-z0-9-]{1,63}$/.test(name)) {
      throw invalid("listeners.name", `must be letters, digits and hyphens, got ${quote(name)}`);
    }
    if (names.indexOf(name) !== index) throw invalid("listeners.name", `${quote(name)} is there twice`);
  }
  return names;
}

/** The configuration's routes become the first rows of a new database; a bad one stops the start, before any is written. */
function seed(store: RouteStore, config: Config, rules: RouteRules): void {
  store.seedOnce((put) => {
    for (const { tls_cert, tls_key, ...rest } of config.routes) {
      const route = parseRoute({ ...rest, tlsCert: tls_cert, tlsKey: tls_key }, rules);
      put({ ...route, backends: route.backends.map(({ key }) => key) });
    }
  });
}

function limitsOf({ limits, backends }: Config): IngressLimits {
  return {
    maxConnections: limits.max_connections,
    helloBytes: limits.hello_max_bytes,
    helloMs: limits.hello_timeout_ms,
    handshakeMs: limits.handshake_timeout_ms,
    tunnelIdleMs: limits.tunnel_idle_ms,
    http: {
      head: { maxBytes: limits.head_max_bytes, maxFields: limits.head_max_fields },
      headMs: limits.head_timeout_ms,
      keepAliveMs: limits.keepalive_timeout_ms,
      bodyMs: limits.body_timeout_ms,
      responseMs: backends.response_timeout_ms,
      streamIdleMs: limits.stream_idle_ms,
      tunnelIdleMs: limits.tunnel_idle_ms,
    },
  };
}

function certificateReasons(router: Router, now: number, warnDays: number): string[] {
  const reasons: string[] = [];
  for (const live of router.routes()) {
    const served = router.certificateOf(live);
    if (served === null) continue;
    const where = `route ${live.route.listener} ${live.route.hostname}`;
    if (served.error !== "") reasons.push(`${where}: ${served.error}`);
    const end = served.notAfter?.getTime();
    if (end === undefined || end - now > warnDays * dayMs) continue;
    reasons.push(`${where}: its certificate ${end <= now ? "expired" : "expires"} at ${new Date(end).toISOString()}`);
  }
  return reasons;
}
