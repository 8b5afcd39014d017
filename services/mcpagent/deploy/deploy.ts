/**
 * A deploy: from a definition to a running, certified, routed and named service.
 *
 * 1. pull: every component's program is brought here.
 * 2. certificate, ports: claimed in the registry, then made.
 * 3. start, health: the new processes run beside the old ones (or, where they need the same addresses, after them).
 * 4. route, record: callers are led to the new processes.
 * 5. registry: the release is committed. Before this point every failure goes back to the release before, which nothing
 *    has touched; after it the deploy counts as done.
 * 6. stop: the old processes are drained and stopped; what only they held is given up.
 * @module
 */
import { imageText, parseDefinition, type ServiceDefinition } from "@lib/definition/mod.ts";
import { messageOf } from "@lib/errors/mod.ts";
import { refuseUnlessManager, type Requester } from "../domain/access.ts";
import type { ComponentRelease, Release } from "../domain/release.ts";
import { readBundle } from "../runtime/bundle.ts";
import type { ServiceRow } from "../store/service_store.ts";
import type { AgentNode } from "./agent_node.ts";
import { forgetPrevious, isReusable, issuePair, readCertificate, restorePair, servicePair } from "./certificates.ts";
import { type Plan, planOf } from "./plan.ts";
import { makeRoute, settle } from "./settle.ts";
import { Rollout } from "./rollout.ts";
import { type Steps, textOf } from "./steps.ts";

export interface DeployRequest {
  readonly toml: string;
  /** The definition's name in messages. */
  readonly fileName: string;
  readonly caller: Requester;
}

/** Reads, checks and authorises a definition, then deploys it. @returns a sentence on the outcome */
export async function deploy(node: AgentNode, request: DeployRequest, steps: Steps): Promise<string> {
  const definition = parseDefinition(request.toml, request.fileName);
  const before = node.registry.services.get(definition.name);
  const platform = before?.platform ?? false;
  refuseUnlessManager(request.caller, definition.name, platform || definition.stage !== "applications");
  const plan = planOf(definition, node.settings, platform);
  return await node.locks.with(definition.name, "deploy", request.caller.username, async () => {
    const pulled = () => pullAll(node, definition, steps);
    return await run(node, definition, plan, request, pulled, steps);
  });
}

/** Starts a running service's release anew, the new processes taking over from the old ones. */
export async function redeploy(node: AgentNode, row: ServiceRow, actor: string, steps: Steps): Promise<string> {
  const { release } = row;
  const definition = parseDefinition(release.definition, release.fileName, { allowBundles: true });
  const plan = planOf(definition, node.settings, row.platform);
  const request = { toml: release.definition, fileName: release.fileName };
  const caller: Requester = { username: actor, accountType: "local", roles: [] };
  return await node.locks.with(
    row.name,
    "restart",
    actor,
    () =>
      run(node, definition, plan, { ...request, caller }, () => Promise.resolve([...release.components]), steps, true),
  );
}

async function run(
  node: AgentNode,
  definition: ServiceDefinition,
  plan: Plan,
  request: DeployRequest,
  pull: () => Promise<ComponentRelease[]>,
  steps: Steps,
  anew = false,
): Promise<string> {
  const { registry, settings } = node;
  const service = definition.name;
  const actor = request.caller.username;
  // Read here, under the lock.
  const before = registry.services.get(service);
  const id = registry.deploys.begin(service, request.toml, actor);
  const rollout = new Rollout(node, definition, before, plan, anew);
  const pair = servicePair(settings.certsDir, service);
  try {
    rollout.take(await pull());
    await certify(node, service, plan, before, steps);
    await rollout.start(steps);
    const routes = rollout.routes();
    for (const route of routes) {
      const what = `${route.hostname} on ${route.listener} to ${route.backend}, ${route.mode}`;
      await steps.run("route", what, () => makeRoute(node, service, route), () => what);
    }
    for (const record of plan.records) {
      const { zone, name, type, values } = record;
      const what = `${name} ${type} ${values.join(", ")} in ${zone}`;
      await steps.run("record", what, async () => {
        registry.claims.take(service, { kind: "record", zone, name, type });
        await node.neighbours.names.setRecord(record);
      }, () => what);
    }
    for (const hostname of plan.unmanaged) {
      steps.report(
        "record",
        "skipped",
        `${hostname} is not in zone ${settings.serviceZone}; its record is yours to keep`,
      );
    }
    const release: Release = {
      definition: request.toml,
      fileName: request.fileName,
      stage: definition.stage,
      components: rollout.releases(),
      routes,
      records: plan.records,
      certificateNames: plan.certificateNames,
    };
    await steps.run("registry", "commit", () => {
      registry.services.commit({
        name: service,
        desired: "running",
        release,
        platform: before?.platform ?? false,
        platformSha256: "",
        deployedBy: actor,
      }, id);
      return Promise.resolve();
    }, () => `release committed by ${actor}`);
  } catch (error) {
    await rollBack(node, before, rollout, id, error, steps);
    throw error;
  }
  forgetPrevious(pair);
  await rollout.retire(steps, settings.drainMs);
  const leftovers = await settle(node, service);
  const what = describe(rollout.releases());
  registry.events.add({ service, component: "", kind: anew ? "restarted" : "deployed", detail: what, actor });
  const names = [...new Set(plan.routes.map(({ hostname }) => hostname))];
  const at = names.length === 0 ? "" : ` at ${names.join(", ")}`;
  return `${service} runs ${what}${at}${leftovers.length === 0 ? "" : `; still to do: ${leftovers.join("; ")}`}`;
}

async function pullAll(node: AgentNode, definition: ServiceDefinition, steps: Steps): Promise<ComponentRelease[]> {
  const releases: ComponentRelease[] = [];
  for (const { name, image } of definition.components) {
    const text = imageText(image);
    if (image.kind !== "registry") throw new Error(`${text} can't be pulled`);
    const { digest, bundle } = await steps.run(
      "pull",
      text,
      () => node.neighbours.images.pull(image, node.stopping),
      ({ digest }) => `${text} is ${digest}`,
    );
    const { version } = readBundle(node.settings.bundlesDir, bundle);
    releases.push({ name, image: text, digest, bundle, version, ports: {} });
  }
  return releases;
}

async function certify(
  node: AgentNode,
  service: string,
  plan: Plan,
  before: ServiceRow | null,
  steps: Steps,
): Promise<void> {
  const { certificateNames: names } = plan;
  if (names.length === 0) return;
  const pair = servicePair(node.settings.certsDir, service);
  const present = readCertificate(pair.cert);
  if (isReusable(present, names, node.clock.now())) {
    node.registry.claims.take(service, { kind: "certificate", service });
    steps.report("certificate", "skipped", `${names.join(", ")}: good until ${present!.notAfter.toISOString()}`);
    return;
  }
  await steps.run("certificate", names.join(", "), async () => {
    node.registry.claims.take(service, { kind: "certificate", service });
    const made = await issuePair(node.neighbours.issuer, pair, names, true);
    // With a new route the ingress reads the files anyway.
    if (before !== null && before.release.routes.length > 0) await node.neighbours.ingress.reloadCertificates();
    return made;
  }, ({ notAfter }) => `${names.join(", ")}: issued, good until ${notAfter.toISOString()}`);
}

/** Back to the release before, or to nothing. What can't be undone now is left to the caretaker. */
async function rollBack(
  node: AgentNode,
  before: ServiceRow | null,
  rollout: Rollout,
  id: number,
  error: unknown,
  steps: Steps,
): Promise<void> {
  const { registry, settings, log } = node;
  const { service } = rollout;
  steps.report("rollback", "started", before === null ? "to nothing" : "to the release before");
  const failures: string[] = [];
  const attempt = async (work: () => Promise<string[]>) => {
    try {
      failures.push(...await work());
    } catch (failure) {
      // The disk is full, say: what is left is undone at the next start, because the deploy still counts as running.
      failures.push(messageOf(failure));
    }
  };
  await attempt(async () => {
    if (restorePair(servicePair(settings.certsDir, service))) await node.neighbours.ingress.reloadCertificates();
    return [];
  });
  // Callers go back to old processes that run before the new ones are stopped; those that made way are started first.
  if (before?.desired === "running" && !rollout.madeWay) await attempt(() => settle(node, service, []));
  await attempt(() => rollout.abandon());
  await attempt(() => settle(node, service));
  await attempt(() => {
    registry.deploys.fail(id, textOf(error));
    return Promise.resolve([]);
  });
  registry.events.add({ service, component: "", kind: "rolled-back", detail: textOf(error), actor: "agent" });
  if (failures.length === 0) return steps.report("rollback", "ok", "nothing of the deploy is left");
  log.warn("rollback incomplete", { service, failures });
  steps.report("rollback", "failed", `${failures.join("; ")}; the agent goes on trying`);
}

function describe(components: readonly ComponentRelease[]): string {
  return components.map(({ name, version }) => `${name} ${version}`).join(", ");
}
