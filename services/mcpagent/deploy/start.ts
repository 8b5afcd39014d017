import type { ComponentRelease, Release } from "../domain/release.ts";
import { pause } from "../runtime/pause.ts";
import type { Supervisor } from "../runtime/supervisor.ts";
import type { ServiceRow } from "../store/service_store.ts";
import type { AgentNode } from "./agent_node.ts";
import { definitionOf, readyComponent, supervise } from "./component.ts";
import { claimPort, isFree, refuseBusy } from "./host_ports.ts";
import { bindRoutes, planOf } from "./plan.ts";

/**
 * Starts components of a service's committed release, under supervision, and waits until they are healthy.
 * Ports that another program has taken meanwhile are picked anew and the release is changed to them.
 * @param only these components; default all
 * @throws PlatformError when one can't be put together or is not healthy in its start time; it stays under
 *   supervision, and so may come up later
 */
export async function startCommitted(node: AgentNode, row: ServiceRow, only: readonly string[] | null): Promise<void> {
  const { fleet } = node;
  const service = row.name;
  const release = withFreePorts(node, row, only);
  const started: { supervisor: Supervisor; startMs: number; ports: ComponentRelease["ports"] }[] = [];
  for (const definition of definitionOf(release).components) {
    if (only !== null && !only.includes(definition.name)) continue;
    const component = release.components.find(({ name }) => name === definition.name);
    if (component === undefined) continue;
    const ready = readyComponent(node, service, definition, component, row.platform);
    const supervisor = supervise(node, ready, false, false);
    const before = fleet.replace(service, definition.name, supervisor);
    if (before !== null) await before.stop();
    supervisor.start();
    started.push({ supervisor, startMs: definition.health?.startMs ?? 30_000, ports: component.ports });
  }
  for (const { supervisor, startMs, ports } of started) {
    try {
      await untilHealthy(supervisor, startMs, node.stopping);
    } catch (error) {
      if (supervisor.observed().pid === 0) { for (const port of Object.values(ports)) refuseBusy(node, port); }
      throw error;
    }
  }
}

/** What a program ends with when its config or command line is bad: only a change of those mends it. */
const badConfigExit = 2;

/** With waits of 0.5, 1, 2 and 4 s between them: what has ended five times in a row needs somebody to look at it. */
const awaitedRestarts = 4;

/** Waits through crashes and restarts: what a program needs may come up a little later than the program. */
async function untilHealthy(supervisor: Supervisor, startMs: number, stopping: AbortSignal): Promise<void> {
  const deadline = performance.now() + startMs;
  for (;;) {
    try {
      return await supervisor.healthy(stopping);
    } catch (error) {
      const { state, restarts, lastExitCode } = supervisor.observed();
      if (state === "failed" || state === "stopped" || performance.now() >= deadline || stopping.aborted) throw error;
      if (lastExitCode === badConfigExit || restarts >= awaitedRestarts) throw error;
    }
    await pause(200, stopping);
  }
}

function withFreePorts(node: AgentNode, row: ServiceRow, only: readonly string[] | null): Release {
  const { registry, settings, fleet, log } = node;
  const definition = definitionOf(row.release);
  let changed = false;
  const components = row.release.components.map((component) => {
    if (only !== null && !only.includes(component.name)) return component;
    // Its own old process may listen there still.
    if (fleet.get(row.name, component.name)?.observed().pid) return component;
    const routes = definition.components.find(({ name }) => name === component.name)?.routes ?? [];
    const ports = { ...component.ports };
    for (const { name: route, hostPort } of routes) {
      const port = ports[route];
      if (hostPort !== null || (port !== undefined && isFree(settings.nodeAddress, port))) continue;
      ports[route] = claimPort(node, row.name, component.name, route);
      if (port !== undefined) {
        registry.claims.drop(row.name, { kind: "port", port, component: component.name, route });
        log.info("port taken by another program; picked anew", { service: row.name, route, port, now: ports[route] });
      }
      changed = true;
    }
    return { ...component, ports };
  });
  if (!changed) return row.release;
  const portOf = (component: string, route: string) => components.find(({ name }) => name === component)!.ports[route]!;
  const plan = planOf(definition, settings, row.platform);
  const release = { ...row.release, components, routes: bindRoutes(plan, settings.nodeAddress, portOf) };
  registry.services.setRelease(row.name, release);
  return release;
}
