import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type Component, ComponentSchema, type Service, ServiceSchema } from "@proto/mcp/v1/agent_pb.ts";
import type { AgentNode } from "./deploy/agent_node.ts";
import { definitionOf, readyComponent } from "./deploy/component.ts";
import { routeHostname } from "./domain/hostnames.ts";
import type { ComponentRelease } from "./domain/release.ts";
import { serviceState } from "./domain/states.ts";
import { explainLaunch } from "./runtime/launch.ts";
import type { ServiceRow } from "./store/service_store.ts";

/** A service as callers see it. @param withFlags works out the sandbox too, which reads bundles and configs */
export function serviceView(node: AgentNode, row: ServiceRow, withFlags: boolean): Service {
  const { release } = row;
  const components = release.components.map((component) => componentView(node, row, component, withFlags));
  return create(ServiceSchema, {
    name: row.name,
    state: stateOf(node, row),
    stage: release.stage,
    components,
    deployedAt: timestampFromMs(row.deployedAt),
    deployedBy: row.deployedBy,
    definition: release.definition,
    hostnames: [...new Set(release.routes.map(({ hostname }) => hostname))],
  });
}

/** A service's state in one word. */
export function stateOf(node: AgentNode, row: ServiceRow): ReturnType<typeof serviceState> {
  const observed = row.release.components.map(({ name }) =>
    node.fleet.get(row.name, name)?.observed() ?? { state: "stopped" as const, health: "unknown" as const }
  );
  return serviceState(row.desired, observed);
}

function componentView(
  node: AgentNode,
  row: ServiceRow,
  component: ComponentRelease,
  withFlags: boolean,
): Component {
  const definition = definitionOf(row.release).components.find(({ name }) => name === component.name);
  const observed = node.fleet.get(row.name, component.name)?.observed();
  const { serviceZone } = node.settings;
  return create(ComponentSchema, {
    name: component.name,
    image: component.image,
    digest: component.digest,
    version: component.version,
    state: observed?.state ?? "stopped",
    pid: observed?.pid ?? 0,
    ...(observed?.startedAt ? { startedAt: timestampFromMs(observed.startedAt) } : {}),
    restarts: observed?.restarts ?? 0,
    ...(observed?.lastExitCode === null || observed === undefined ? {} : { lastExitCode: observed.lastExitCode }),
    health: observed?.health ?? "unknown",
    routes: (definition?.routes ?? []).map((route) => ({
      name: route.name,
      port: route.port,
      hostPort: component.ports[route.name] ?? 0,
      mode: route.mode,
      hostname: routeHostname(row.name, route.hostname, serviceZone),
    })),
    flags: !withFlags || definition === undefined
      ? []
      : explainLaunch(readyComponent(node, row.name, definition, component, row.platform).request, node.settings),
  });
}

/** Of an ailing service, what is wrong with which component. */
function faults(node: AgentNode, row: ServiceRow): string {
  return row.release.components.flatMap(({ name }) => {
    const observed = node.fleet.get(row.name, name)?.observed();
    if (observed === undefined) return [`; ${name} was not started`];
    if (observed.pid !== 0) return observed.health === "unhealthy" ? [`; ${name} fails its health checks`] : [];
    return observed.lastExitCode === null ? [] : [`; ${name} ended with code ${observed.lastExitCode}`];
  }).join("");
}

/** What an operator of the node should know, a line each; empty when all is well. */
export function nodeProblems(node: AgentNode): string[] {
  const ailing = node.registry.services.list().flatMap((row) => {
    const state = stateOf(node, row);
    return state === "degraded" || state === "failed" ? [`${row.name}: is ${state}${faults(node, row)}`] : [];
  });
  return [...ailing, ...node.problems.list()];
}
