import type { RouteDefinition, ServiceDefinition } from "@lib/definition/mod.ts";
import { conflict, invalid, quote } from "@lib/errors/mod.ts";
import { nameInZone, refuseForeignName, routeHostname } from "../domain/hostnames.ts";
import type { RecordBinding, RouteBinding } from "../domain/release.ts";
import type { NodeSettings } from "./agent_node.ts";

/** Where one route of one component leads, before its host port is known. */
export interface PlannedRoute {
  readonly component: string;
  readonly route: RouteDefinition;
  readonly listener: string;
  readonly hostname: string;
}

/** What a definition means on this node. */
export interface Plan {
  readonly routes: readonly PlannedRoute[];
  readonly records: readonly RecordBinding[];
  readonly certificateNames: readonly string[];
  /** Host names of routes that are in none of the node's zones: their records are the operator's affair. */
  readonly unmanaged: readonly string[];
}

/**
 * Works out routes, records and certificate names.
 * @param platform part of the platform: it may have other names than its own
 * @throws PlatformError conflict (another node's, inactive), invalid (a port without a listener, a runtime that isn't
 *   here, an image of another registry), denied (another service's name)
 */
export function planOf(definition: ServiceDefinition, settings: NodeSettings, platform: boolean): Plan {
  const { name, node, components } = definition;
  if (node !== null && node !== settings.nodeName) {
    throw conflict(`Service ${quote(name)} is for node ${quote(node)}; this one is ${quote(settings.nodeName)}`);
  }
  if (!definition.active) {
    throw conflict(`Service ${quote(name)} has active = false`, { hint: `To stop it: mcp stop ${name}` });
  }
  const routes: PlannedRoute[] = [];
  components.forEach((component, index) => {
    const at = `components[${index}]`;
    if (component.runtime === "podman") {
      throw invalid(`${at}.runtime`, `node ${settings.nodeName} has no podman`, { hint: 'Give it runtime = "deno"' });
    }
    if (component.image.kind === "registry" && component.image.registry !== settings.registryName) {
      throw invalid(
        `${at}.image`,
        `must be in the platform's registry ${settings.registryName}, got ${quote(component.image.registry)}`,
      );
    }
    if (component.health !== null && component.health.address === null && component.routes.length === 0) {
      throw invalid(`${at}.health`, "needs an address: the component has no route whose port could be asked");
    }
    component.routes.forEach((route, at2) => {
      const listener = settings.listeners.get(route.port);
      if (listener === undefined) {
        throw invalid(
          `${at}.routes[${at2}].port`,
          `the ingress of node ${settings.nodeName} doesn't listen on ${route.port}; it has ${
            [...settings.listeners.keys()].join(", ") || "no listener"
          }`,
        );
      }
      const hostname = routeHostname(name, route.hostname, settings.serviceZone);
      if (!platform) refuseForeignName(name, hostname, settings.serviceZone);
      routes.push({ component: component.name, route, listener, hostname });
    });
  });
  const hostnames = [...new Set(routes.map(({ hostname }) => hostname))].sort();
  const type = settings.recordAddress.includes(":") ? "AAAA" : "A";
  const records = hostnames.flatMap((hostname): RecordBinding[] => {
    const relative = nameInZone(hostname, settings.serviceZone);
    return relative === null
      ? []
      : [{ zone: settings.serviceZone, name: relative, type, values: [settings.recordAddress] }];
  });
  return {
    routes,
    records,
    certificateNames: [...new Set(routes.filter(({ route }) => route.mode === "l7").map(({ hostname }) => hostname))]
      .sort(),
    unmanaged: hostnames.filter((hostname) => nameInZone(hostname, settings.serviceZone) === null),
  };
}

/** The ingress's routes, once every route has its host port. */
export function bindRoutes(
  plan: Plan,
  nodeAddress: string,
  portOf: (component: string, route: string) => number,
): RouteBinding[] {
  return plan.routes.map(({ component, route, listener, hostname }) => ({
    listener,
    hostname,
    mode: route.mode,
    backend: `${nodeAddress}:${portOf(component, route.name)}`,
  }));
}
