/**
 * Starts a tool from the source tree with the flags that its declaration gives: `launch.ts FOLDER ARGUMENTS…`.
 * The tasks of deno.json call it; it may start nothing but the runtime.
 * @module
 */
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { derive, grantFlags } from "./derive.ts";
import { ignoredEnvironment } from "./environment.ts";
import type { Tool, ToolConfig } from "./tool.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** The runtime's arguments for a tool. */
export function toolCommandLine(tool: Tool, config: ToolConfig, args: readonly string[]): string[] {
  const grants = "wide" in tool.sandbox ? ["--allow-all"] : [
    `--ignore-env=${ignoredEnvironment}`,
    ...grantFlags(derive({ declaration: tool.sandbox, config: { ...config, ...tool.settings?.(config) } }).grants),
  ];
  return ["run", "--quiet", "--no-prompt", ...grants, join(config.source.root, tool.entry), ...args];
}

/** Where the caller stands: a task runs in the source tree's root, and says in $INIT_CWD where it was called. */
const here = Deno.env.get("INIT_CWD") ?? Deno.cwd();

function givenFiles(args: readonly string[]): string[] {
  return args.filter((word) => !word.startsWith("-")).map((word) => resolve(here, word)).filter((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}

/** The value of `--name VALUE` or `--name=VALUE`. */
function flagValue(args: readonly string[], name: string): string | undefined {
  const at = args.findIndex((word) => word === name || word.startsWith(`${name}=`));
  if (at < 0) return undefined;
  return args[at] === name ? args[at + 1] : args[at]!.slice(name.length + 1);
}

function dataFolder(args: readonly string[]): string {
  return resolve(here, flagValue(args, "--data") ?? Deno.env.get("MCP_DATA") ?? ".metacircular");
}

if (import.meta.main) {
  const [folder = "", ...rest] = Deno.args;
  // `deno task mcp -- ps` hands the "--" through.
  const args = rest.filter((word, index) => !(word === "--" && rest.indexOf("--") === index));
  const { tool } = await import(new URL(`../../${folder}/sandbox.ts`, import.meta.url).href) as { tool: Tool };
  const config: ToolConfig = {
    source: { root },
    data: { folder: dataFolder(args) },
    here: { folder: here },
    given: {
      files: givenFiles(args),
      servers: ["--server", "--rest"].flatMap((flag) => flagValue(args, flag) ?? []),
      sockets: ["--socket"].flatMap((flag) => flagValue(args, flag) ?? []).map((path) => `unix:${resolve(here, path)}`),
    },
    home: { folder: Deno.env.get("HOME") ?? "" },
    loopback: { host: "127.0.0.1" },
    deno: { path: Deno.execPath() },
  };
  const child = new Deno.Command(Deno.execPath(), {
    args: toolCommandLine(tool, config, args),
    cwd: "wide" in tool.sandbox ? root : here,
  }).spawn();
  // Ctrl-C reaches the tool too; what it does about it decides.
  Deno.addSignalListener("SIGINT", () => {});
  const { code } = await child.status;
  Deno.exit(code);
}
