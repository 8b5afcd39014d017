import { conflict } from "@lib/errors/mod.ts";
import { pickPort } from "../domain/ports.ts";
import type { AgentNode } from "./agent_node.ts";

/** Whether nothing listens there. @param shared programs that hand the port over to one another may */
export function isFree(hostname: string, port: number, shared = false): boolean {
  try {
    Deno.listen({ hostname, port, reusePort: shared }).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return false;
    throw error;
  }
}

/** Picks a free port for a route and claims it. */
export function claimPort(node: AgentNode, service: string, component: string, route: string): number {
  const { ports, nodeAddress } = node.settings;
  const port = pickPort(
    ports,
    node.registry.claims.ports(),
    (candidate) => isFree(nodeAddress, candidate),
    Math.random(),
  );
  node.registry.claims.take(service, { kind: "port", port, component, route });
  return port;
}

/**
 * Claims a port that the definition fixes.
 * @param own a process of the service listens there already
 * @throws PlatformError conflict when another service has it or another program listens there
 */
export function claimFixedPort(
  node: AgentNode,
  service: string,
  component: string,
  route: string,
  port: number,
  own: boolean,
): void {
  node.registry.claims.take(service, { kind: "port", port, component, route });
  if (!own) refuseBusy(node, port);
}

/** @throws PlatformError conflict, saying how to find the program that listens there */
export function refuseBusy(node: AgentNode, port: number): void {
  const { nodeAddress } = node.settings;
  if (isFree(nodeAddress, port, true)) return;
  throw conflict(`Port ${port} of ${nodeAddress} is in use by a program that the agent did not start`, {
    hint: `Find it with: ss -ltnp 'sport = :${port}'; stop it, then repeat the command`,
  });
}
