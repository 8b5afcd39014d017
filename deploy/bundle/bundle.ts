/**
 * Bundles: one JavaScript file and a description of it, the same on every architecture. What the registry keeps and
 * the agent runs.
 * @module
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { defaultsOf, type Schema } from "@lib/config/mod.ts";
import { invalid, unavailable } from "@lib/errors/mod.ts";
import type { BundleConfig } from "@lib/oci/mod.ts";
import { type Declaration, defaultDeclaration } from "@lib/sandbox/mod.ts";
import { platformVersion } from "@lib/service/mod.ts";
import { type ProgramName, programs } from "../programs.ts";

export interface BuiltBundle {
  config: BundleConfig;
  files: Map<string, Uint8Array<ArrayBuffer>>;
  /** Of all of it, hex; what the program's folder on a node is called when it doesn't come from the registry. */
  sha256: string;
}

export interface BundleSource {
  /** The source tree's root, where deno.json is. */
  root: string;
  name: string;
  /** The entry file, relative to the root. */
  entry: string;
  /** Default: a program that listens on its routes' ports and touches nothing else. */
  sandbox?: Declaration;
  schema?: Schema;
  /** Becomes part of the version, so that two builds can be told apart. */
  builtAt: Date;
}

/** One of the platform's programs. */
export function bundleProgram(root: string, name: ProgramName, builtAt: Date): Promise<BuiltBundle> {
  return bundle({ root, name, builtAt, ...programs[name] });
}

/**
 * Builds a bundle with `deno bundle`, which needs no network once the lock file's packages are in the cache.
 * Throws Invalid with the bundler's own words when the source doesn't build.
 */
export async function bundle(source: BundleSource): Promise<BuiltBundle> {
  const { root, name, entry, sandbox = defaultDeclaration(name), schema, builtAt } = source;
  const run = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--platform=deno", "--config", join(root, "deno.json"), join(root, entry)],
    cwd: root,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  if (!run.success) throw invalid(entry, `doesn't build: ${new TextDecoder().decode(run.stderr).trim().slice(-2000)}`);
  if (run.stdout.length === 0) throw unavailable(`The bundler wrote nothing for ${entry}`);
  const main = Uint8Array.from(run.stdout);
  const stamp = builtAt.toISOString().replaceAll(/[-:]|\.\d+Z$/g, "").replace("T", ".");
  const hash = createHash("sha256").update(main).digest("hex");
  const config: BundleConfig = {
    name,
    version: `${platformVersion}-${stamp}-${hash.slice(0, 8)}`,
    declaration: { ...sandbox },
    config_defaults: schema === undefined ? {} : defaultsOf(schema),
    entry: "main.js",
  };
  const sha256 = createHash("sha256").update(JSON.stringify(config)).update("\0").update(main).digest("hex");
  return { config, files: new Map([["main.js", main]]), sha256 };
}
