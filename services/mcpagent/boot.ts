/**
 * From a started agent to a running node, and back. After a reboot, a power cut or a kill of everything the
 * registry says what is to run; here it is started stage by stage, each stage after the one before is healthy. What
 * does not come up is noted, retried and no reason to leave the rest down.
 * @module
 */
import { stages } from "@lib/definition/mod.ts";
import { messageOf } from "@lib/errors/mod.ts";
import type { AgentNode } from "./deploy/agent_node.ts";
import { forgetPrevious, restorePair, servicePair } from "./deploy/certificates.ts";
import { definitionOf } from "./deploy/component.ts";
import { settle } from "./deploy/settle.ts";
import { startCommitted } from "./deploy/start.ts";
import type { Steps } from "./deploy/steps.ts";
import { bootGroups } from "./domain/boot_order.ts";
import { mergePlatformDefinitions, platformBundles } from "./platform_definitions.ts";
import { sweepBundles } from "./runtime/bundle_store.ts";
import { pause } from "./runtime/pause.ts";
import type { ServiceRow } from "./store/service_store.ts";

/** Between two looks at what is still to be done, ms. A look is one query; what a failed deploy left is gone soon after its neighbour is back. */
const caretakerMs = 5_000;

/** Starts everything that is to run. Resolves when all of it is healthy or has had its time. */
export async function boot(node: AgentNode): Promise<void> {
  const { registry, log } = node;
  undoUnfinished(node);
  node.problems.setTopic("platform definitions", mergePlatformDefinitions(node));
  for (const group of groupsOf(registry.services.list().filter(({ desired }) => desired === "running"))) {
    if (node.stopping.aborted) return;
    const since = performance.now();
    await Promise.all(group.map((row) => bootService(node, row.name)));
    log.info("booted", {
      stage: group[0]!.release.stage,
      services: group.map(({ name }) => name).join(" "),
      ms: Math.round(performance.now() - since),
    });
  }
  sweep(node);
  // Stopped services, and what deploys that were cut off have left.
  const others = new Set([...registry.claims.services(), ...registry.services.list().map(({ name }) => name)]);
  for (const service of others) {
    if (node.stopping.aborted) return;
    if (registry.services.get(service)?.desired !== "running") await tidy(node, service);
  }
}

/** Until the agent ends: tries again what could not be done, and starts what is to run and was never started. */
export async function takeCare(node: AgentNode): Promise<void> {
  while (!node.stopping.aborted) {
    await pause(caretakerMs, node.stopping);
    const missing = node.registry.services.list()
      .filter(({ name, desired }) => desired === "running" && node.fleet.of(name).size === 0)
      .map(({ name }) => name);
    for (const service of missing) if (!node.stopping.aborted) await bootService(node, service);
    for (const service of node.problems.services()) if (!node.stopping.aborted) await tidy(node, service);
  }
}

/** Stops every service, those first that were started last. */
export async function stopAll(node: AgentNode, steps: Steps | null): Promise<void> {
  const { fleet, registry } = node;
  const rows = registry.services.list().filter(({ name }) => fleet.of(name).size > 0);
  for (const group of groupsOf(rows).reverse()) {
    await Promise.all(group.map(async ({ name }) => {
      steps?.report("stop", "started", name);
      await fleet.stop(name);
      steps?.report("stop", "ok", `${name} stopped`);
    }));
  }
  // What runs without a row: the candidate of a first deploy.
  await Promise.all(fleet.services().map((service) => fleet.stop(service)));
}

function groupsOf(rows: readonly ServiceRow[]): ServiceRow[][] {
  const bootable = rows.map((row) => ({
    name: row.name,
    stage: row.release.stage,
    dependsOn: definitionOf(row.release).components.flatMap(({ dependsOn }) => dependsOn),
    row,
  }));
  return bootGroups(bootable, stages).map((group) => group.map(({ row }) => row));
}

async function bootService(node: AgentNode, service: string): Promise<void> {
  const { registry, locks, log } = node;
  if (locks.isHeld(service)) return;
  await locks.with(service, "boot", "agent", async () => {
    const row = registry.services.get(service);
    if (row === null || row.desired === "stopped") return;
    try {
      await startCommitted(node, row, null);
    } catch (error) {
      log.error("service does not come up", { service, error: messageOf(error) });
      registry.events.add({ service, component: "", kind: "failed", detail: messageOf(error), actor: "agent" });
    }
    await settle(node, service);
  });
}

async function tidy(node: AgentNode, service: string): Promise<void> {
  if (node.locks.isHeld(service)) return;
  await node.locks.with(service, "tidy", "agent", () => settle(node, service));
}

/** A day: no deploy takes so long, and going back to yesterday's version needs no pull. */
const keepBundlesMs = 24 * 3_600_000;

/** The folder that this program runs from: where it is a bundle, its SHA-256. */
const ownBundle = new URL(".", import.meta.url).pathname.split("/").at(-2) ?? "";

function sweep(node: AgentNode): void {
  const { registry, settings, clock, log } = node;
  try {
    const used = new Set([
      ...registry.services.list().flatMap(({ release }) => release.components.map(({ bundle }) => bundle)),
      ...platformBundles(settings.definitionsDir),
      ownBundle,
    ]);
    const removed = sweepBundles(settings.bundlesDir, used, keepBundlesMs, clock.now());
    if (removed > 0) log.info("unused bundles removed", { removed });
  } catch (error) {
    log.warn("unused bundles are not removed", { error: messageOf(error) });
  }
}

/** Deploys that were cut off have no processes left (the lifeline); their claims go when the service is settled. */
function undoUnfinished(node: AgentNode): void {
  const { registry, settings } = node;
  const cutOff = registry.deploys.unfinished();
  for (const { id, service, actor } of cutOff) {
    const detail = "the agent ended during the deploy";
    restorePair(servicePair(settings.certsDir, service));
    registry.deploys.fail(id, detail);
    registry.events.add({
      service,
      component: "",
      kind: "rolled-back",
      detail: `${detail} by ${actor}`,
      actor: "agent",
    });
  }
  for (const service of registry.claims.services()) forgetPrevious(servicePair(settings.certsDir, service));
}
