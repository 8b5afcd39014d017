import { dirname, join } from "node:path";
import type { ComponentDefinition } from "@lib/definition/mod.ts";
import { invalid, quote } from "@lib/errors/mod.ts";
import { commandLine, derive, explain, type Extra, refuseSymlinks, type Sandbox } from "@lib/sandbox/mod.ts";
import { refuseForeignPath } from "../domain/confinement.ts";
import { portVariables } from "../domain/ports.ts";
import type { Bundle } from "./bundle.ts";
import type { ProcessSpec } from "./deno_driver.ts";
import { lifelineSource } from "./lifeline.ts";
import { configFileOf, programConfig } from "./program_config.ts";

/** One component, about to be started. */
export interface LaunchRequest {
  readonly service: string;
  readonly definition: ComponentDefinition;
  readonly bundle: Bundle;
  /** Host port by route name. */
  readonly ports: Readonly<Record<string, number>>;
  /** Addresses behind the definition's `connect`. */
  readonly peers: readonly { address: string; reason: string }[];
  /** Part of the platform: its paths are its own affair. */
  readonly platform: boolean;
}

export interface LaunchSettings {
  /** Where its ports are. */
  readonly nodeAddress: string;
  readonly srvDir: string;
  readonly runDir: string;
  /** The runtime's own cache of compiled code. Outside every granted folder: the runtime keeps symbolic links in it. */
  readonly cacheDir: string;
  /** Every program may read the platform's root certificate. */
  readonly caCert: string;
}

/**
 * What a component may do, worked out from its bundle's declaration, its config and its definition.
 * @throws PlatformError invalid (config, declaration), denied (a path that isn't the service's own)
 */
export function sandboxOf(request: LaunchRequest, settings: LaunchSettings): Sandbox {
  const { service, definition, bundle, ports, platform } = request;
  const configFile = configFileOf(definition.cmd);
  const ownFolder = join(settings.srvDir, service);
  if (configFile !== null && !platform) refuseForeignPath(service, configFile, [ownFolder], "its config");
  for (const { source, target } of definition.volumes) {
    if (source !== target) {
      throw invalid(
        "volumes",
        `${quote(`${source}:${target}`)} gives a folder another path; a Deno program sees the node's`,
      );
    }
  }
  const extra: Extra = {
    listen: Object.entries(ports).map(([route, port]) => ({
      address: `${settings.nodeAddress}:${port}`,
      reason: `listens: route ${route}`,
    })),
    connect: request.peers,
    read: definition.volumes.filter(({ readOnly }) => readOnly).map(({ source }) => ({
      path: source,
      reason: "volume, read only",
    })),
    write: definition.volumes.filter(({ readOnly }) => !readOnly).map(({ source }) => ({
      path: source,
      reason: "volume",
    })),
    env: [
      ...Object.keys(portVariables(ports)).map((name) => ({ name, reason: "the port that the agent picked" })),
      ...Object.keys(definition.env).map((name) => ({ name, reason: "env of the definition" })),
    ],
  };
  const sandbox = derive({
    declaration: bundle.declaration,
    config: programConfig(bundle, configFile, definition.env),
    extra,
    ...(configFile === null ? {} : { configFile }),
  });
  if (!platform) {
    for (const { kind, value, reason } of sandbox.grants) {
      if (kind === "read" || kind === "write") {
        refuseForeignPath(service, value, kind === "read" ? [ownFolder, settings.caCert] : [ownFolder], reason);
      }
    }
  }
  return sandbox;
}

/** Every flag of a component with its reason, as operators see it. */
export function explainLaunch(request: LaunchRequest, settings: LaunchSettings): { flag: string; reason: string }[] {
  return explain(sandboxOf(request, settings));
}

/** Writes the component's lifeline and returns the command. @throws as sandboxOf, and denied for a symbolic link in its data */
export function prepareLaunch(request: LaunchRequest, settings: LaunchSettings): ProcessSpec {
  const { service, definition, bundle, ports } = request;
  const sandbox = sandboxOf(request, settings);
  const writable = sandbox.grants.filter(({ kind }) => kind === "write").map(({ value }) => value);
  for (const path of writable) refuseSymlinks(path);
  const volumes = definition.volumes.filter(({ readOnly }) => !readOnly).map(({ source }) => source);
  const lifeline = join(settings.runDir, `${service}.${definition.name}.js`);
  Deno.writeTextFileSync(lifeline, lifelineSource(volumes), { mode: 0o600 });
  const program = bundle.declaration.program.toUpperCase().replaceAll("-", "_");
  const values = Object.values(ports);
  return {
    args: commandLine(sandbox, { entry: bundle.entry, preload: lifeline, args: definition.cmd }),
    env: {
      ...definition.env,
      ...portVariables(ports),
      [`${program}_BUNDLE_VERSION`]: bundle.version,
      // The runtime's own cache of compiled code; programs can't reach it.
      DENO_DIR: settings.cacheDir,
      DENO_NO_UPDATE_CHECK: "1",
      NO_COLOR: "1",
      // With one port, `Deno.serve(handler)` listens where the ingress looks for it, without a line about ports.
      ...(values.length === 1 ? { DENO_SERVE_ADDRESS: `tcp:${settings.nodeAddress}:${values[0]}` } : {}),
    },
    cwd: dirname(bundle.entry),
  };
}
