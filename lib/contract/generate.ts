/**
 * `deno task proto`: checks the .proto files and generates the TypeScript beside them.
 *
 *     proto                     lint, then write the *_pb.ts files
 *     proto --check             lint, then fail when a checked-in *_pb.ts is not what would be generated
 *     proto --against <ref>     also fail when the protos break the contract of a git commit, or of a buf image file
 *
 * A reference that this clone doesn't have (a shallow or a first one) is skipped, saying so. A developer's tool: it
 * starts buf, which starts the generator and git.
 * @module
 */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { messageOf } from "@lib/errors/mod.ts";
import project from "../../deno.json" with { type: "json" };

const protoFolder = fileURLToPath(new URL("../../proto", import.meta.url));

interface Arguments {
  check: boolean;
  against: string | null;
}

/** Reads the command line. Throws an `Error` with the usage. */
export function parseArguments(args: readonly string[]): Arguments {
  const parsed: Arguments = { check: false, against: null };
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    const value = arg === "--against" ? rest.shift() : undefined;
    if (arg === "--check") parsed.check = true;
    else if (value !== undefined) parsed.against = value;
    else {throw new Error(
        `Unknown or incomplete argument ${arg}; usage: proto [--check] [--against <git ref or image>]`,
      );}
  }
  return parsed;
}

/** How the generated files below `actual` differ from those below `expected`, one line each, sorted. */
export async function differences(expected: string, actual: string): Promise<string[]> {
  const [wanted, found] = [await generatedFiles(expected), await generatedFiles(actual)];
  const lines: string[] = [];
  for (const [path, text] of wanted) {
    if (!found.has(path)) lines.push(`${path}: missing`);
    else if (found.get(path) !== text) lines.push(`${path}: not current`);
  }
  for (const path of found.keys()) if (!wanted.has(path)) lines.push(`${path}: has no .proto any more`);
  return lines.sort();
}

async function generatedFiles(folder: string, below = ""): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for await (const entry of Deno.readDir(join(folder, below))) {
    const path = below === "" ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory) { for (const [name, text] of await generatedFiles(folder, path)) files.set(name, text); }
    else if (path.endsWith("_pb.ts")) files.set(path, await Deno.readTextFile(join(folder, path)));
  }
  return files;
}

/** Runs the tool; 0 when all is well, 1 when something is wrong with the protos, 2 for bad usage. */
async function main(args: readonly string[]): Promise<number> {
  let parsed: Arguments;
  try {
    parsed = parseArguments(args);
  } catch (error) {
    console.error(messageOf(error));
    return 2;
  }
  const { check, against } = parsed;
  if (!await buf("lint")) return 1;
  if (against !== null && !await compatible(against)) return 1;
  if (!check) return await buf("generate") ? 0 : 1;
  const folder = await Deno.makeTempDir();
  try {
    if (!await buf("generate", "--output", folder)) return 1;
    const lines = await differences(folder, protoFolder);
    if (lines.length === 0) return 0;
    console.error(`Generated code is not current; run "deno task proto":\n  ${lines.join("\n  ")}`);
    return 1;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function compatible(against: string): Promise<boolean> {
  if (/\.(binpb|txtpb|json|yaml)(\.gz|\.zst)?$/.test(against)) return await buf("breaking", "--against", against);
  const known = await run("git", ["cat-file", "-e", `${against}:proto/buf.yaml`], "null");
  if (!known) {
    console.error(`No protos at ${against} in this clone; compatibility not checked`);
    return true;
  }
  const repository = fileURLToPath(new URL("../../.git", import.meta.url));
  return await buf("breaking", "--against", `${repository}#ref=${against},subdir=proto`);
}

const buf = (...args: string[]): Promise<boolean> =>
  run(Deno.execPath(), ["run", "--quiet", "-A", project.imports["@bufbuild/buf"], ...args], "inherit");

async function run(program: string, args: string[], stderr: "inherit" | "null"): Promise<boolean> {
  const { success } = await new Deno.Command(program, {
    args,
    cwd: protoFolder,
    // buf.gen.yaml starts the generator with "deno": it shall be this one.
    env: { PATH: `${dirname(Deno.execPath())}:/usr/local/bin:/usr/bin:/bin` },
    stdin: "null",
    stdout: "inherit",
    stderr,
  }).output();
  return success;
}

if (import.meta.main) Deno.exitCode = await main(Deno.args);
