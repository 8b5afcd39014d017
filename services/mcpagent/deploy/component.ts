import type { ComponentDefinition, ServiceDefinition } from "@lib/definition/mod.ts";
import { invalid, quote } from "@lib/errors/mod.ts";
import { parseDefinition } from "@lib/definition/mod.ts";
import type { ComponentRelease, Release } from "../domain/release.ts";
import { readBundle } from "../runtime/bundle.ts";
import type { HealthSettings } from "../runtime/health_watch.ts";
import { type LaunchRequest, prepareLaunch, sandboxOf } from "../runtime/launch.ts";
import { Supervisor } from "../runtime/supervisor.ts";
import type { AgentNode, NodeSettings } from "./agent_node.ts";

/** A component of a release with everything that starting it takes. */
export interface ReadyComponent {
  readonly request: LaunchRequest;
  readonly release: ComponentRelease;
  /** How the old process is followed by the new one. */
  readonly handover: Handover;
}

/**
 * "overlap": the new process binds the same addresses beside the old one; "beside": it has ports of its own;
 * "after": it needs the old one's addresses or files for itself.
 */
export type Handover = "overlap" | "beside" | "after";

/** The definition that a release was made from. It was checked when it came. */
export function definitionOf(release: Release): ServiceDefinition {
  return parseDefinition(release.definition, release.fileName, { allowBundles: true });
}

/** Puts a component together. @throws PlatformError when its bundle, config or peers are not right */
export function readyComponent(
  node: AgentNode,
  service: string,
  definition: ComponentDefinition,
  release: ComponentRelease,
  platform: boolean,
): ReadyComponent {
  const bundle = readBundle(node.settings.bundlesDir, release.bundle);
  const request: LaunchRequest = {
    service,
    definition,
    bundle,
    ports: release.ports,
    peers: definition.connect.flatMap((peer) =>
      peer.kind === "address"
        ? [{ address: hostPort(peer.hostname, peer.port), reason: "connect of the definition" }]
        : listenersOf(node, peer.name).map((address) => ({
          address,
          reason: `connect of the definition: ${peer.name}`,
        }))
    ),
    platform,
  };
  return { request, release, handover: handoverOf(request, node.settings) };
}

function handoverOf(request: LaunchRequest, settings: NodeSettings): Handover {
  if (request.bundle.declaration.takeover === true) return "overlap";
  const fixedPort = request.definition.routes.some(({ hostPort }) => hostPort !== null);
  const picked = new Set(Object.values(request.ports).map((port) => `${settings.nodeAddress}:${port}`));
  const otherListener = sandboxOf(request, settings).grants.some(({ kind, value, reason }) =>
    kind === "net" && reason.includes("listens:") && !picked.has(value)
  );
  // Two processes that write one folder are the program's to allow (`takeover`).
  const writes = request.definition.volumes.some(({ readOnly }) => !readOnly);
  return fixedPort || otherListener || writes ? "after" : "beside";
}

/** The addresses on which a service of this node listens. @throws PlatformError invalid when there is no such service */
function listenersOf(node: AgentNode, service: string): string[] {
  const row = node.registry.services.get(service);
  if (row === null) {
    throw invalid("connect", `names service ${quote(service)}, which is not on this node`, {
      hint: "Deploy it first, or write its address as host:port",
    });
  }
  const addresses = definitionOf(row.release).components.flatMap((definition) => {
    const release = row.release.components.find(({ name }) => name === definition.name);
    if (release === undefined) return [];
    const bundle = readBundle(node.settings.bundlesDir, release.bundle);
    // Without its own peers: two services may name each other.
    const request = { service, definition, bundle, ports: release.ports, peers: [], platform: true };
    return sandboxOf(request, node.settings).grants
      .filter(({ kind, value, reason }) => kind === "net" && reason.includes("listens:") && !value.startsWith("unix:"))
      .map(({ value }) => value);
  });
  return [...new Set(addresses)];
}

/** The supervisor of a component, not started yet. @param onTrial see Supervisor */
export function supervise(node: AgentNode, ready: ReadyComponent, overlaps: boolean, onTrial: boolean): Supervisor {
  const { request } = ready;
  const { service, definition } = request;
  const { registry, settings, logs, clock, driver } = node;
  return new Supervisor({
    service,
    component: definition.name,
    driver,
    prepare: () => prepareLaunch(request, settings),
    restart: definition.restart,
    backOff: settings.backOff,
    stopTimeoutMs: definition.stopTimeoutMs,
    health: healthOf(request, settings),
    overlaps,
    output: logs.of(service, definition.name),
    clock,
    onEvent: (kind, detail) =>
      registry.events.add({ service, component: definition.name, kind, detail, actor: "agent" }),
  }, onTrial);
}

function healthOf(request: LaunchRequest, settings: NodeSettings): HealthSettings {
  const { service, definition: { health, routes }, ports } = request;
  const [first] = routes;
  const firstPort = first === undefined ? null : `${settings.nodeAddress}:${ports[first.name]}`;
  if (health === null) {
    return {
      target: firstPort === null ? null : { kind: "tcp", address: firstPort, path: "/", tls: null, timeoutMs: 2_000 },
      intervalMs: 10_000,
      retries: 3,
      startMs: 30_000,
    };
  }
  const { kind, path, timeoutMs, intervalMs, retries, startMs } = health;
  const address = health.address ?? firstPort!;
  const serverName = health.serverName ?? `${service}.${settings.serviceZone}`;
  const tls = health.tls ? { serverName, ca: settings.ca } : null;
  return { target: { kind, address, path, tls, timeoutMs }, intervalMs, retries, startMs };
}

function hostPort(hostname: string, port: number): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}
