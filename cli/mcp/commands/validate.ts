/** validate. */
import { buildCommand } from "@stricli/core";
import { type CliContext, dataFlag, dataFolder, jsonFlag } from "@lib/cli/mod.ts";
import { checkDefinition, problemText } from "@lib/definition/mod.ts";
import { readDefinition } from "../definition_file.ts";

export const validateCommand = buildCommand({
  docs: {
    brief: "Check service definitions without deploying them",
    fullDescription:
      "Checks definitions and names every problem with file, line, key and what to do. Needs no platform. Exit code 2 when there is a problem.",
    customUsage: [{ input: "hello.toml mcq.toml", brief: "several at once" }],
  },
  parameters: {
    flags: { ...dataFlag, ...jsonFlag },
    positional: {
      kind: "array",
      minimum: 1,
      parameter: { brief: "A definition file, or a name", parse: String, placeholder: "service|file.toml" },
    },
  },
  func(this: CliContext, flags: { readonly data?: string; readonly json: boolean }, ...sources: string[]) {
    const results = sources.map((source) => {
      const { toml, path } = readDefinition(source, dataFolder(flags.data, this.environment), this.environment);
      return { path, problems: checkDefinition(toml).problems };
    });
    if (results.some(({ problems }) => problems.length > 0)) this.process.exitCode = 2;
    if (flags.json) return this.print(`${JSON.stringify(results, null, 2)}\n`);
    for (const { path, problems } of results) {
      this.print(
        problems.length === 0 ? `${path}: ok\n` : problems.map((one) => `${problemText(path, one)}\n`).join(""),
      );
    }
  },
});
