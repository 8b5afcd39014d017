/** Stopping, starting, restarting and removing what is deployed. */
import { conflict, notFound, PlatformError } from "@lib/errors/mod.ts";
import { refuseUnlessManager, type Requester } from "../domain/access.ts";
import type { ServiceRow } from "../store/service_store.ts";
import type { AgentNode } from "./agent_node.ts";
import { redeploy } from "./deploy.ts";
import { publicKinds, settle } from "./settle.ts";
import { startCommitted } from "./start.ts";
import type { Steps } from "./steps.ts";

/** The service, for a caller who may change it. */
function rowFor(node: AgentNode, service: string, caller: Requester): ServiceRow {
  const row = node.registry.services.get(service);
  refuseUnlessManager(caller, service, row === null ? false : row.platform || row.release.stage !== "applications");
  if (row === null) throw notFound("service", service, { hint: "mcp ps lists those of this node" });
  return row;
}

/** Removes records and routes, stops the processes, keeps the release. A stopped service stays stopped over a boot. */
export async function stopService(node: AgentNode, service: string, caller: Requester, steps: Steps): Promise<string> {
  const { release } = rowFor(node, service, caller);
  if (release.stage === "foundation") {
    throw conflict(`Service ${service} can't be stopped alone: without it nobody can log in to start it again`, {
      hint: `To have new processes: mcp restart ${service}; to stop the node: mcp shutdown`,
    });
  }
  return await node.locks.with(service, "stop", caller.username, async () => {
    // First: from now on a crash ends with a stopped service.
    node.registry.services.setDesired(service, "stopped");
    const leftovers = await withdraw(node, service, steps);
    await stopProcesses(node, service, steps);
    node.registry.events.add({ service, component: "", kind: "stopped", detail: "", actor: caller.username });
    return outcome(`${service} is stopped; its definition is kept`, leftovers);
  });
}

/** Starts a stopped service: processes, then routes and records. Starting one that runs only checks it. */
export async function startService(node: AgentNode, service: string, caller: Requester, steps: Steps): Promise<string> {
  rowFor(node, service, caller);
  return await node.locks.with(service, "start", caller.username, async () => {
    const row = node.registry.services.get(service);
    if (row === null) throw notFound("service", service);
    const running = [...node.fleet.of(service).values()];
    if (
      row.desired === "running" && running.length > 0 && running.every((one) => one.observed().health === "healthy")
    ) {
      steps.report("start", "skipped", `${service} runs already`);
    } else {
      try {
        await steps.run("start", service, () => startCommitted(node, row, null), () => `${service} is healthy`);
      } catch (error) {
        if (row.desired === "stopped") await node.fleet.stop(service);
        throw error;
      }
      node.registry.services.setDesired(service, "running");
      node.registry.events.add({ service, component: "", kind: "started", detail: "", actor: caller.username });
    }
    const leftovers = await publish(node, service, steps);
    return outcome(`${service} runs`, leftovers);
  });
}

/** Replaces every process by a new one of the same release; without a gap where the program allows that. */
export async function restartService(
  node: AgentNode,
  service: string,
  caller: Requester,
  steps: Steps,
): Promise<string> {
  const row = rowFor(node, service, caller);
  if (row.desired === "stopped") {
    throw conflict(`Service ${service} is stopped`, { hint: `Start it: mcp start ${service}` });
  }
  return await redeploy(node, row, caller.username, steps);
}

/** Removes everything that the service holds, and the service. */
export async function undeploy(node: AgentNode, service: string, caller: Requester, steps: Steps): Promise<string> {
  const row = findForRemoval(node, service, caller);
  return await node.locks.with(service, "undeploy", caller.username, async () => {
    // First: from now on nothing of it is needed, whatever happens; the claims say what is still there.
    node.registry.services.remove(service);
    await withdraw(node, service, steps);
    await stopProcesses(node, service, steps);
    const rest = await steps.run(
      "certificate",
      "certificates and ports",
      () => settle(node, service),
      (failures) => failures.length === 0 ? "certificates and ports given up" : failures.join("; "),
    );
    for (const { name } of row?.release.components ?? []) node.logs.remove(service, name);
    node.registry.events.add({ service, component: "", kind: "undeployed", detail: "", actor: caller.username });
    return outcome(`${service} is gone`, rest);
  });
}

/** A service to remove; one that is gone but still holds something may be removed again. */
function findForRemoval(node: AgentNode, service: string, caller: Requester): ServiceRow | null {
  try {
    const row = rowFor(node, service, caller);
    if (row.platform) {
      throw conflict(`Service ${service} is part of the platform and stays`, {
        hint: `To stop it: mcp stop ${service}`,
      });
    }
    return row;
  } catch (error) {
    const gone = error instanceof PlatformError && error.code === "not_found";
    if (gone && node.registry.claims.of(service).length > 0) return null;
    throw error;
  }
}

async function withdraw(node: AgentNode, service: string, steps: Steps): Promise<string[]> {
  return await steps.run(
    "route",
    "routes and records",
    () => settle(node, service, publicKinds),
    (failures) => failures.length === 0 ? "routes and records removed" : failures.join("; "),
  );
}

async function publish(node: AgentNode, service: string, steps: Steps): Promise<string[]> {
  return await steps.run(
    "route",
    "routes and records",
    () => settle(node, service),
    (failures) => failures.length === 0 ? "routes and records are in place" : failures.join("; "),
  );
}

async function stopProcesses(node: AgentNode, service: string, steps: Steps): Promise<void> {
  const count = node.fleet.of(service).size;
  await steps.run(
    "stop",
    `${count} process${count === 1 ? "" : "es"}`,
    () => node.fleet.stop(service),
    () => "stopped",
  );
}

function outcome(text: string, leftovers: readonly string[]): string {
  return leftovers.length === 0 ? text : `${text}; still to do: ${leftovers.join("; ")}; the agent goes on trying`;
}
