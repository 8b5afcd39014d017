/**
 * The counters as Prometheus metrics.
 * @module
 */
import type { Counter, Registry } from "@lib/metrics/mod.ts";
import type { Router } from "../routing/router.ts";
import type { OpenListener } from "../listening/listener_set.ts";
import type { Upstreams } from "../upstream/upstreams.ts";

export interface MetricSources {
  listeners(): readonly OpenListener[];
  router: Router;
  upstreams: Upstreams;
}

/**
 * Registers everything. The counters are plain fields where they are counted; what the first metric's reading starts
 * brings the registry up to date before the others are written.
 */
export function registerMetrics(registry: Registry, { listeners, router, upstreams }: MetricSources): void {
  let collect = () => {};
  registry.gaugeFrom("mcproxy_routes", "Routes served.", () => {
    collect();
    return [...router.routes()].length;
  });
  registry.gaugeFrom("mcproxy_backend_connections", "Connections to backends in use.", () => upstreams.counts().active);
  registry.gaugeFrom("mcproxy_backend_idle_connections", "Idle connections kept.", () => upstreams.counts().idle);
  const accepted = raised(registry.counter("mcproxy_accepted_total", "Connections accepted.", ["listener"]));
  const open = registry.gauge("mcproxy_connections", "Connections open.", ["listener"]);
  const refused = raised(
    registry.counter("mcproxy_refused_total", "Connections closed before a route took them.", ["listener", "reason"]),
  );
  const perRoute = ["listener", "hostname", "path"];
  const connections = raised(registry.counter("mcproxy_route_connections_total", "Connections per route.", perRoute));
  const requests = raised(registry.counter("mcproxy_requests_total", "HTTP requests per route.", perRoute));
  const bytes = raised(
    registry.counter("mcproxy_bytes_total", "Bytes from (in) and to (out) clients.", [...perRoute, "direction"]),
  );
  const errors = raised(registry.counter("mcproxy_backend_errors_total", "Failures of backends per route.", perRoute));
  const notAfter = registry.gauge(
    "mcproxy_certificate_not_after_seconds",
    "End of the certificate, Unix time.",
    ["listener", "hostname"],
  );
  collect = () => {
    for (const { listener: { name: listener }, door: { counters } } of listeners()) {
      accepted({ listener }, counters.accepted);
      open.set(counters.active, { listener });
      for (const [reason, count] of counters.refused) refused({ listener, reason }, count);
    }
    for (const live of router.routes()) {
      const { route: { listener, hostname, path }, counters } = live;
      const labels = { listener, hostname, path };
      connections(labels, counters.connections);
      requests(labels, counters.requests);
      bytes({ ...labels, direction: "in" }, counters.bytesIn);
      bytes({ ...labels, direction: "out" }, counters.bytesOut);
      errors(labels, counters.backendErrors);
      const end = router.certificateOf(live)?.notAfter;
      if (end) notAfter.set(end.getTime() / 1000, { listener, hostname });
    }
  };
}

/** Raises a counter to a total kept elsewhere. A total that fell (a route made anew) counts from zero again. */
function raised(counter: Counter): (labels: Record<string, string>, total: number) => void {
  const seen = new Map<string, number>();
  return (labels, total) => {
    const key = JSON.stringify(labels);
    const before = seen.get(key) ?? 0;
    counter.inc(labels, total >= before ? total - before : total);
    seen.set(key, total);
  };
}
