/**
 * The counters as Prometheus metrics. All of them are plain fields where they are counted, and read when the metrics
 * are: labels are those of routes, listeners and rules that there are now, so a client can't make new ones.
 * @module
 */
import type { HistogramSample, Registry, Sample } from "@lib/metrics/mod.ts";
import type { CountryFile } from "../firewall/country_file.ts";
import type { Firewall } from "../firewall/firewall.ts";
import type { OpenListener } from "../listening/listener_set.ts";
import type { LiveRoute, Router } from "../routing/router.ts";
import type { SignInGate } from "../sign_in/sign_in_gate.ts";
import type { Upstreams } from "../upstream/upstreams.ts";
import type { AccessLog } from "./access_log.ts";
import { shownBounds } from "./latency.ts";

export interface MetricSources {
  listeners(): readonly OpenListener[];
  router: Router;
  upstreams: Upstreams;
  firewall: Pick<Firewall, "counters" | "buckets" | "clients">;
  /** Null when none is configured. */
  country: Pick<CountryFile, "metadata"> | null;
  /** Null without an MCIAS. */
  gate: Pick<SignInGate, "counts"> | null;
  accessLog: Pick<AccessLog, "lines" | "lost"> | null;
}

/** Registers everything. */
export function registerMetrics(registry: Registry, sources: MetricSources): void {
  registerListeners(registry, sources.listeners);
  registerRoutes(registry, sources.router);
  registerBackends(registry, sources.upstreams);
  registerFirewall(registry, sources);
  const { accessLog, gate } = sources;
  if (gate !== null) {
    registry.countersFrom(
      "mcproxy_sign_in_total",
      "Requests that sign-in was asked of, by what became of them, and what was done on its pages.",
      ["outcome"],
      () => [...gate.counts].map(([outcome, count]): Sample => [{ outcome }, count]),
    );
  }
  if (accessLog === null) return;
  registry.counterFrom("mcproxy_access_log_lines_total", "Lines of the access log.", () => accessLog.lines);
  registry.counterFrom("mcproxy_access_log_lost_total", "Lines that the disk didn't take.", () => accessLog.lost);
}

function registerListeners(registry: Registry, listeners: MetricSources["listeners"]): void {
  const each = (read: (one: OpenListener) => Iterable<Sample>) => () => listeners().flatMap((one) => [...read(one)]);
  registry.countersFrom(
    "mcproxy_accepted_total",
    "Connections accepted.",
    ["listener"],
    each(({ listener: { name: listener }, door: { counters } }) => [[{ listener }, counters.accepted]]),
  );
  registry.gaugesFrom(
    "mcproxy_connections",
    "Connections open.",
    ["listener"],
    each(({ listener: { name: listener }, door: { counters } }) => [[{ listener }, counters.active]]),
  );
  registry.countersFrom(
    "mcproxy_refused_total",
    "Connections closed before a route took them.",
    ["listener", "reason"],
    each(({ listener: { name: listener }, door: { counters } }) =>
      [...counters.refused].map(([reason, count]) => [{ listener, reason }, count])
    ),
  );
  registry.countersFrom(
    "mcproxy_http2_faults_total",
    "HTTP/2 connections that ended by a fault.",
    ["listener", "fault"],
    each(({ listener: { name: listener }, door: { counters } }) =>
      [...counters.h2Faults].map(([fault, count]) => [{ listener, fault }, count])
    ),
  );
}

function registerRoutes(registry: Registry, router: Router): void {
  const perRoute = ["listener", "hostname", "path"];
  const labelsOf = ({ route: { listener, hostname, path } }: LiveRoute) => ({ listener, hostname, path });
  const each = (read: (live: LiveRoute) => Iterable<Sample>) =>
    function* (): Generator<Sample> {
      for (const live of router.routes()) yield* read(live);
    };
  const counter = (name: string, help: string, read: (counters: LiveRoute["counters"]) => number) =>
    registry.countersFrom(name, help, perRoute, each((live) => [[labelsOf(live), read(live.counters)]]));

  registry.gaugeFrom("mcproxy_routes", "Routes served.", () => [...router.routes()].length);
  counter("mcproxy_route_connections_total", "Connections per route.", ({ connections }) => connections);
  counter("mcproxy_requests_total", "HTTP requests per route.", ({ requests }) => requests);
  registry.countersFrom(
    "mcproxy_responses_total",
    "HTTP responses per route and class of status.",
    [...perRoute, "class"],
    each((live) => live.counters.responses().map(([name, count]) => [{ ...labelsOf(live), class: name }, count])),
  );
  registry.countersFrom(
    "mcproxy_bytes_total",
    "Bytes from (in) and to (out) clients.",
    [...perRoute, "direction"],
    each((live) => [
      [{ ...labelsOf(live), direction: "in" }, live.counters.bytesIn],
      [{ ...labelsOf(live), direction: "out" }, live.counters.bytesOut],
    ]),
  );
  counter("mcproxy_backend_errors_total", "Failures of backends per route.", ({ backendErrors }) => backendErrors);
  registry.histogramsFrom(
    "mcproxy_request_duration_seconds",
    "From a request's head to its response's head, per route.",
    shownBounds.map((ms) => ms / 1000),
    perRoute,
    function* (): Generator<HistogramSample> {
      for (const live of router.routes()) {
        const { latency } = live.counters;
        if (latency.total === 0) continue;
        yield [labelsOf(live), { within: latency.cumulative(), sum: latency.sumMs / 1000, total: latency.total }];
      }
    },
  );
  registry.gaugesFrom(
    "mcproxy_certificate_not_after_seconds",
    "End of the certificate, Unix time.",
    ["listener", "hostname"],
    each((live) => {
      const end = router.certificateOf(live)?.notAfter;
      const { listener, hostname } = live.route;
      return end ? [[{ listener, hostname }, end.getTime() / 1000]] : [];
    }),
  );
  registry.gaugesFrom(
    "mcproxy_client_ca_not_after_seconds",
    "End of the first CA that vouches for clients to end, Unix time.",
    ["listener", "hostname"],
    each((live) => {
      const end = router.clientAuthorityOf(live)?.value?.notAfter;
      const { listener, hostname } = live.route;
      return end ? [[{ listener, hostname }, end.getTime() / 1000]] : [];
    }),
  );
}

function registerBackends(registry: Registry, upstreams: Upstreams): void {
  registry.gaugeFrom("mcproxy_backend_connections", "Connections to backends in use.", () => upstreams.counts().active);
  registry.gaugeFrom("mcproxy_backend_idle_connections", "Idle connections kept.", () => upstreams.counts().idle);
  registry.gaugesFrom(
    "mcproxy_backend_failing",
    "1 for a backend that refuses connections or fails its health check.",
    ["backend"],
    () => upstreams.states().map(({ backend, failing }) => [{ backend }, failing ? 1 : 0]),
  );
}

function registerFirewall(registry: Registry, { firewall, country }: MetricSources): void {
  registry.countersFrom(
    "mcproxy_firewall_hits_total",
    "Times that a rule matched, by what became of it; passed: a limit that wasn't reached.",
    ["rule", "result"],
    () =>
      [...firewall.counters()].flatMap(([rule, { hits, allowed, blocked, limited }]): Sample[] => [
        [{ rule, result: "allowed" }, allowed],
        [{ rule, result: "blocked" }, blocked],
        [{ rule, result: "limited" }, limited],
        [{ rule, result: "passed" }, hits - allowed - blocked - limited],
      ]),
  );
  registry.gaugeFrom("mcproxy_firewall_buckets", "Clients' token buckets in memory.", () => firewall.buckets);
  registry.gaugeFrom("mcproxy_firewall_clients", "Clients with open connections.", () => firewall.clients);
  registry.gaugesFrom("mcproxy_country_db_build_seconds", "When the country database was made, Unix time.", [], () => {
    const metadata = country?.metadata ?? null;
    return metadata === null ? [] : [[{}, metadata.buildEpoch]];
  });
}
