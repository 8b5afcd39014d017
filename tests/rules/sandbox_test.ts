/** What the declarations may say: who starts other programs, who runs without a sandbox. */
import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import type { Declaration } from "@lib/sandbox/mod.ts";
import type { Tool } from "@lib/sandbox/tool.ts";
import { programs } from "../../deploy/programs.ts";
import { projectFiles, readText, root } from "./source_tree.ts";
import { assertKept, type Breach } from "./verdict.ts";

/** Who starts programs, and which; everything else may start none. */
const mayRun: Record<string, { keys: string[]; reason: string }> = {
  "services/mcpagent": { keys: ["deno.path"], reason: "starts the platform's programs, each in its own sandbox" },
  "deploy/local": { keys: ["deno.path"], reason: "starts the agent and the bundler" },
  "deploy/portable": { keys: ["deno.path"], reason: "starts the bundler" },
};

/** Tools that run with every permission. What they start or look into can't be named beforehand. */
const mayBeWide: Record<string, string> = {
  "lib/contract": "buf and its plug-in load a native binary",
  "tests/bench": "starts peers and reads their processes' memory",
  "tests/run": "tests start programs, look into their processes and break things on purpose",
};

/** Starts a tool: reads the tree and the environment, and starts the runtime, nothing else. */
const launcher = "deno run --quiet --no-prompt --allow-read --allow-env " +
  "\"--allow-run=$(deno eval 'console.log(Deno.execPath())')\" lib/sandbox/launch.ts ";

interface Declared {
  folder: string;
  file: string;
  declaration: Declaration | { wide: string };
  isTool: boolean;
}

async function declarations(): Promise<Declared[]> {
  const files = projectFiles().filter((path) => path.endsWith("/sandbox.ts"));
  return await Promise.all(files.map(async (file) => {
    const module = await import(pathToFileURL(root + file).href) as { sandbox?: Declaration; tool?: Tool };
    const declaration = module.sandbox ?? module.tool?.sandbox;
    assert.ok(declaration, `${file}:1: exports neither \`sandbox\` nor \`tool\``);
    return { folder: file.slice(0, -"/sandbox.ts".length), file, declaration, isTool: module.tool !== undefined };
  }));
}

const declared = await declarations();
const at = ({ file }: Declared, found: string): Breach => ({ file, line: 1, found });

Deno.test("sandbox: only the agent and the tools listed here start programs", () => {
  const breaches: Breach[] = [];
  for (const one of declared) {
    if ("wide" in one.declaration) continue;
    const { run = [] } = one.declaration;
    const allowed = mayRun[one.folder]?.keys ?? [];
    if (run.some((key) => !allowed.includes(key))) breaches.push(at(one, `run: ${run.join(", ")}`));
    if (one.folder in mayRun && run.length === 0) breaches.push(at(one, "starts nothing, but is on the list"));
  }
  const todo =
    "a program of the platform starts none: let the agent do it; a tool is listed in tests/rules/sandbox_test.ts";
  assertKept({ looked: declared.length, atLeast: 10, breaches, todo });
});

Deno.test("sandbox: nothing but the tools listed here runs without one", () => {
  const breaches = declared.flatMap((one) => {
    const listed = one.folder in mayBeWide;
    if (!("wide" in one.declaration)) return listed ? [at(one, "isn't wide, but is on the list")] : [];
    const { wide } = one.declaration;
    if (!one.isTool || !listed) return [at(one, `wide: ${wide}`)];
    return wide.length < 20 ? [at(one, `wide for no good reason: ${JSON.stringify(wide)}`)] : [];
  });
  const todo =
    "declare what it listens on, connects to, reads and writes; list a tool that can't in tests/rules/sandbox_test.ts";
  assertKept({ looked: declared.length, atLeast: 10, breaches, todo });
});

Deno.test("sandbox: every service declares itself by its folder's name, and the bundler knows it", () => {
  const services = declared.filter(({ folder }) => folder.startsWith("services/"));
  const known: Record<string, { entry: string; sandbox: Declaration }> = programs;
  const breaches = services.flatMap((one) => {
    const name = one.folder.slice("services/".length);
    const program = "wide" in one.declaration ? "wide" : one.declaration.program;
    if (program !== name) return [at(one, `program: ${JSON.stringify(program)}`)];
    if (known[name]?.sandbox !== one.declaration) return [at(one, "isn't in deploy/programs.ts")];
    return known[name].entry === `${one.folder}/main.ts` ? [] : [at(one, `has the entry ${known[name].entry}`)];
  });
  const todo = "name the program as its folder, and add it to deploy/programs.ts with its main.ts";
  assertKept({ looked: services.length, atLeast: 6, breaches, todo });
});

Deno.test("sandbox: every task goes through the launcher, to a folder that declares its tool", () => {
  const text = readText("deno.json");
  const { tasks } = JSON.parse(text) as { tasks: Record<string, string> };
  const tools = new Set(declared.filter(({ isTool }) => isTool).map(({ folder }) => folder));
  const lines = text.split("\n");
  const breaches = Object.entries(tasks).flatMap(([name, command]) => {
    const rest = command.startsWith(launcher) ? command.slice(launcher.length) : "";
    const fine = /^[\w/ ]+$/.test(rest) && tools.has(rest.split(" ")[0]!);
    const line = lines.findIndex((one) => one.includes(`"${name}": "deno `)) + 1;
    return fine ? [] : [{ file: "deno.json", line, found: `${name}: ${command}` }];
  });
  const todo = `a task is the launcher and a tool's folder, nothing else: ${launcher}FOLDER ARGUMENTS`;
  assertKept({ looked: Object.keys(tasks).length, atLeast: 5, breaches, todo });
});
