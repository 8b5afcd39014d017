/**
 * `bundle [NAME …]`: bundles into dist/bundles. `compile [NAME …]`: for this machine's architecture a portable build
 * of each into dist/portable: the runtime, the bundle and a launcher that works out the flags from the config at start.
 * @module
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { nearest } from "@lib/config/mod.ts";
import { errorTable, invalid, messageOf, quote, toPlatformError } from "@lib/errors/mod.ts";
import launcher from "@lib/sandbox/portable_launcher.sh" with { type: "text" };
import { bundle, bundleProgram } from "../bundle/bundle.ts";
import { type ProgramName, programs } from "../programs.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const dist = join(root, "dist");

/** Writes a program's bundle. @returns its folder and version */
async function writeBundle(name: ProgramName): Promise<{ folder: string; version: string }> {
  const { config, files } = await bundleProgram(root, name, new Date());
  const folder = join(dist, "bundles", name);
  Deno.mkdirSync(folder, { recursive: true });
  for (const [path, bytes] of files) Deno.writeFileSync(join(folder, path), bytes);
  Deno.writeTextFileSync(join(folder, "bundle.json"), JSON.stringify(config, null, 2) + "\n");
  return { folder, version: config.version };
}

/** Writes a folder that runs anywhere with bash. */
async function writePortable(name: ProgramName): Promise<string> {
  const { folder: from } = await writeBundle(name);
  const folder = join(dist, "portable", `${name}-${Deno.build.arch}`);
  Deno.mkdirSync(folder, { recursive: true });
  for (const file of ["main.js", "bundle.json"]) Deno.copyFileSync(join(from, file), join(folder, file));
  const { files } = await bundle({ root, name: "flags", entry: "deploy/portable/flags.ts", builtAt: new Date() });
  Deno.writeFileSync(join(folder, "flags.js"), files.get("main.js")!);
  const runtime = join(folder, "deno");
  Deno.copyFileSync(Deno.execPath(), runtime);
  Deno.chmodSync(runtime, 0o755);
  Deno.writeTextFileSync(join(folder, name), launcher, { mode: 0o755 });
  return folder;
}

function chosen(names: readonly string[]): ProgramName[] {
  const known = Object.keys(programs);
  for (const name of names) {
    if (known.includes(name)) continue;
    const near = nearest(name, known);
    throw invalid(
      "name",
      `${quote(name)} is none of ${known.join(", ")}`,
      near === null ? {} : { hint: `Did you mean ${quote(near)}?` },
    );
  }
  return (names.length === 0 ? known : names) as ProgramName[];
}

try {
  const [verb = "", ...names] = Deno.args;
  for (const name of chosen(names)) {
    if (verb === "bundle") {
      const { folder, version } = await writeBundle(name);
      console.log(`${name} ${version}: ${folder}`);
    } else if (verb === "compile") console.log(`${name}: ${await writePortable(name)}/${name} server --config FILE`);
    else throw invalid("verb", `must be bundle or compile, got ${quote(verb)}`);
  }
} catch (error) {
  const known = toPlatformError(error);
  console.error(known.code === "internal" ? messageOf(error) : known.message);
  if (known.hint !== undefined) console.error(`  ${known.hint}`);
  Deno.exitCode = errorTable[known.code].exit;
}
