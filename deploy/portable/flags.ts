/** Prints a portable build's command line, NUL-separated: `flags.js FOLDER ARGUMENTS…`. */
import { join, resolve } from "node:path";
import { errorTable, toPlatformError } from "@lib/errors/mod.ts";
import { commandLine, derive } from "@lib/sandbox/mod.ts";
import { readBundleFolder } from "../../services/mcpagent/runtime/bundle.ts";
import { configFileOf, programConfig } from "../../services/mcpagent/runtime/program_config.ts";

const [folder = "", ...args] = Deno.args;
try {
  const bundle = readBundleFolder(folder, folder);
  const { program } = bundle.declaration;
  const given = configFileOf(args);
  const configFile = given === null ? null : resolve(given);
  const sandbox = derive({
    declaration: bundle.declaration,
    // Without a config the program says its version or how it is used; it needs nothing for that.
    ...(configFile === null
      ? {
        declaration: { program, env: [`${program.toUpperCase().replaceAll("-", "_")}_*`] },
        config: {},
      }
      : { config: programConfig(bundle, configFile, {}), configFile, verb: args[0] ?? "help" }),
  });
  const words = commandLine(sandbox, { entry: join(folder, "main.js"), args });
  Deno.stdout.writeSync(new TextEncoder().encode(words.map((word) => `${word}\0`).join("")));
} catch (error) {
  const known = toPlatformError(error);
  console.error(`${known.message}${known.hint === undefined ? "" : `\n  ${known.hint}`}`);
  Deno.exit(errorTable[known.code].exit);
}
