/**
 * Brings what a service holds outside the agent into line with its committed release: what the release needs is made
 * again where it was changed, what it doesn't need is taken away. Every failure, crash and leftover ends here, so it may
 * be run at any time and any number of times.
 * @module
 */
import { messageOf } from "@lib/errors/mod.ts";
import { type Claim, claimKey, claimsOf, claimText, type RouteBinding } from "../domain/release.ts";
import type { AgentNode } from "./agent_node.ts";
import { removePair, servicePair } from "./certificates.ts";

/** What a caller that stops processes in between settles first: nobody is sent to the service any more. */
export const publicKinds: readonly Claim["kind"][] = ["route", "record"];
/** Names lead to routes, routes to certificates and ports: taken away in this order, nothing leads nowhere for long. */
const removalOrder: readonly Claim["kind"][] = ["record", "route", "certificate", "port"];

/**
 * @param kinds only these are taken away; default all
 * @returns what could not be done, in words; empty when all is in line. Also noted for the caretaker, who tries again
 */
export async function settle(
  node: AgentNode,
  service: string,
  kinds: readonly Claim["kind"][] = removalOrder,
): Promise<string[]> {
  const failures = [...await takeAway(node, service, kinds), ...await makeAgain(node, service)];
  node.problems.setService(service, failures);
  return failures;
}

async function takeAway(node: AgentNode, service: string, kinds: readonly Claim["kind"][]): Promise<string[]> {
  const { claims, services } = node.registry;
  const row = services.get(service);
  const needed = new Set(
    row === null ? [] : claimsOf(service, row.release, row.desired).map((claim) => `${claim.kind} ${claimKey(claim)}`),
  );
  const surplus = claims.of(service).filter((claim) =>
    kinds.includes(claim.kind) && !needed.has(`${claim.kind} ${claimKey(claim)}`)
  );
  const failures: string[] = [];
  for (const claim of surplus.sort((a, b) => removalOrder.indexOf(a.kind) - removalOrder.indexOf(b.kind))) {
    try {
      await remove(node, claim);
      claims.drop(service, claim);
    } catch (error) {
      failures.push(`the ${claimText(claim)} is still to be removed: ${messageOf(error)}`);
    }
  }
  return failures;
}

async function remove(node: AgentNode, claim: Claim): Promise<void> {
  const { ingress, names, issuer } = node.neighbours;
  switch (claim.kind) {
    case "route":
      return await ingress.deleteRoute(claim.listener, claim.hostname);
    case "record":
      return await names.deleteRecord(claim.zone, claim.name, claim.type);
    case "certificate":
      return await removePair(issuer, servicePair(node.settings.certsDir, claim.service));
    case "port":
      // Held by nothing but its row; the process is stopped by whoever started it.
      return;
  }
}

async function makeAgain(node: AgentNode, service: string): Promise<string[]> {
  const row = node.registry.services.get(service);
  if (row === null || row.desired === "stopped") return [];
  const failures: string[] = [];
  const attempt = async (what: string, work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      failures.push(`the ${what} is still to be made: ${messageOf(error)}`);
    }
  };
  for (const route of row.release.routes) {
    await attempt(`route ${route.hostname}`, () => makeRoute(node, service, route));
  }
  for (const record of row.release.records) {
    await attempt(`${record.type} record ${record.name} in ${record.zone}`, async () => {
      const { zone, name, type } = record;
      node.registry.claims.take(service, { kind: "record", zone, name, type });
      await node.neighbours.names.setRecord(record);
    });
  }
  return failures;
}

/** Claims and puts a route. */
export async function makeRoute(node: AgentNode, service: string, route: RouteBinding): Promise<void> {
  const { listener, hostname, mode } = route;
  node.registry.claims.take(service, { kind: "route", listener, hostname });
  await node.neighbours.ingress.putRoute(route, mode === "l7" ? servicePair(node.settings.certsDir, service) : null);
}
