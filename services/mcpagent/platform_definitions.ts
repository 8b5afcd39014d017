/**
 * The platform's own services on this node: definitions in a folder, whose programs the bootstrap laid down beside
 * them, because they run before there is a registry to pull from.
 * @module
 */
import { join } from "node:path";
import { createHash } from "node:crypto";
import { parseDefinition } from "@lib/definition/mod.ts";
import { invalid, messageOf } from "@lib/errors/mod.ts";
import type { AgentNode } from "./deploy/agent_node.ts";
import { claimPort } from "./deploy/host_ports.ts";
import { bindRoutes, planOf } from "./deploy/plan.ts";
import type { ComponentRelease } from "./domain/release.ts";
import { claimsOf } from "./domain/release.ts";
import { readBundle } from "./runtime/bundle.ts";

/**
 * Takes the folder's definitions into the registry. A service that was deployed after its file was written keeps
 * what was deployed; a file that has changed since then wins.
 * @returns what is wrong with files that could not be taken, in words
 */
export function mergePlatformDefinitions(node: AgentNode): string[] {
  const folder = node.settings.definitionsDir;
  const faults: string[] = [];
  let names: string[];
  try {
    names = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => name.endsWith(".toml")).sort();
  } catch (error) {
    return error instanceof Deno.errors.NotFound ? [] : [`${folder}: ${messageOf(error)}`];
  }
  for (const name of names) {
    try {
      merge(node, join(folder, name), name);
    } catch (error) {
      faults.push(...messageOf(error).split("\n"));
    }
  }
  return faults;
}

/** Bundles that the folder's definitions name, whatever the registry says: what a lost registry starts from. */
export function platformBundles(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].filter(({ name }) => name.endsWith(".toml")).flatMap(({ name }) =>
      [...Deno.readTextFileSync(join(folder, name)).matchAll(/bundle:([0-9a-f]{64})/g)].map((found) => found[1]!)
    );
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

function merge(node: AgentNode, path: string, fileName: string): void {
  const { registry, settings } = node;
  const toml = Deno.readTextFileSync(path);
  const sha256 = createHash("sha256").update(toml).digest("hex");
  const definition = parseDefinition(toml, fileName, { allowBundles: true });
  const { name: service } = definition;
  const before = registry.services.get(service);
  if (before?.platformSha256 === sha256) return;
  const writtenAt = Deno.statSync(path).mtime?.getTime() ?? 0;
  if (before !== null && before.deployedBy !== bootstrapActor && before.deployedAt > writtenAt) {
    return registry.services.markPlatform(service, sha256);
  }
  const plan = planOf(definition, settings, true);
  const components = definition.components.map((component, index): ComponentRelease => {
    if (component.image.kind !== "bundle") {
      throw invalid(
        `components[${index}].image`,
        `of ${fileName} must be "bundle:<sha256>": it starts before the registry`,
      );
    }
    const { sha256: bundle } = component.image;
    const old = before?.release.components.find(({ name }) => name === component.name);
    return {
      name: component.name,
      image: `bundle:${bundle}`,
      digest: "",
      bundle,
      version: readBundle(settings.bundlesDir, bundle).version,
      ports: Object.fromEntries(
        component.routes.map(({ name, hostPort }) =>
          [name, hostPort ?? old?.ports[name] ?? claimPort(node, service, component.name, name)] as const
        ),
      ),
    };
  });
  const release = {
    definition: toml,
    fileName,
    stage: definition.stage,
    components,
    routes: bindRoutes(
      plan,
      settings.nodeAddress,
      (component, route) => components.find(({ name }) => name === component)!.ports[route]!,
    ),
    records: plan.records,
    certificateNames: plan.certificateNames,
  };
  for (const claim of claimsOf(service, release, "running")) registry.claims.take(service, claim);
  registry.services.commit({
    name: service,
    desired: before?.desired ?? "running",
    release,
    platform: true,
    platformSha256: sha256,
    deployedBy: bootstrapActor,
  }, null);
  registry.events.add({
    service,
    component: "",
    kind: "defined",
    detail: `by ${fileName}`,
    actor: bootstrapActor,
  });
}

const bootstrapActor = "bootstrap";
