import type { Application } from "@stricli/core";
import type { Ran } from "@lib/testing/mod.ts";
import { type CliContext, runCli } from "../mod.ts";

/**
 * Runs a command line in this process.
 * @param outside what differs from: no terminal, no variables, no password, output read to its end
 */
export async function runCaptured(
  app: Application<CliContext>,
  words: readonly string[],
  outside: Partial<Omit<CliContext, "process" | "print">> = {},
): Promise<Ran> {
  let stdout = "", stderr = "";
  const context: CliContext = {
    process: {
      stdout: { write: (text) => void (stdout += text) },
      stderr: { write: (text) => void (stderr += text) },
      env: { STRICLI_NO_COLOR: "1" },
    },
    print: (text) => void (stdout += text),
    environment: () => undefined,
    watched: false,
    screen: () => null,
    isRead: () => true,
    askPassword: () => Promise.resolve(""),
    ...outside,
  };
  const code = await runCli(app, words, context);
  return { code, stdout, stderr };
}
