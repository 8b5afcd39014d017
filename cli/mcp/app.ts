import {
  type Application,
  buildApplication,
  buildRouteMap,
  ExitCode,
  proposeCompletions,
  run,
  text_en,
} from "@stricli/core";
import { errorTable, messageOf, PlatformError, toPlatformError } from "@lib/errors/mod.ts";
import { platformVersion } from "@lib/service/mod.ts";
import {
  deployCommand,
  restartCommand,
  shutdownCommand,
  startCommand,
  stopCommand,
  undeployCommand,
} from "./commands/change.ts";
import { completionsCommand } from "./commands/completions.ts";
import { logsCommand } from "./commands/logs.ts";
import { eventsCommand, nodeStatusCommand, psCommand, sandboxCommand, statusCommand } from "./commands/look.ts";
import { loginCommand, logoutCommand } from "./commands/session.ts";
import { validateCommand } from "./commands/validate.ts";
import type { CliContext } from "./context.ts";

export const app: Application<CliContext> = buildApplication(
  buildRouteMap<string, CliContext>({
    docs: {
      brief: "Run services on a Metacircular platform",
      fullDescription:
        "Run services on a Metacircular platform.\n\nExit codes: 0 done, 1 failed, 2 bad usage or bad definition.",
    },
    routes: {
      login: loginCommand,
      logout: logoutCommand,
      deploy: deployCommand,
      undeploy: undeployCommand,
      stop: stopCommand,
      start: startCommand,
      restart: restartCommand,
      ps: psCommand,
      status: statusCommand,
      logs: logsCommand,
      events: eventsCommand,
      validate: validateCommand,
      sandbox: sandboxCommand,
      node: buildRouteMap<string, CliContext>({
        docs: { brief: "The node itself" },
        routes: { status: nodeStatusCommand, shutdown: shutdownCommand },
      }),
      completions: completionsCommand,
    },
  }),
  {
    name: "mcp",
    versionInfo: { currentVersion: platformVersion },
    scanner: { caseStyle: "allow-kebab-for-camel" },
    determineExitCode: (error) => errorTable[toPlatformError(error).code].exit,
    localization: {
      text: {
        ...text_en,
        exceptionWhileRunningCommand: (error) => errorText(error),
        exceptionWhileLoadingCommandContext: (error) => errorText(error),
      },
    },
  },
);

/** One line on what went wrong, one on what to do; the stack only of what should never happen. */
function errorText(error: unknown): string {
  const known = toPlatformError(error);
  // An internal error of a service came over the wire: the stack here says nothing about it.
  if (known.code === "internal" && !(error instanceof PlatformError)) {
    return `mcp: ${error instanceof Error ? error.stack ?? error.message : messageOf(error)}`;
  }
  return `mcp: ${known.message}${known.hint === undefined ? "" : `\n  ${known.hint}`}`;
}

/** Runs one command line. @returns the exit code */
export async function runMcp(args: readonly string[], context: CliContext): Promise<number> {
  // `deno task mcp -- ps` hands the dashes on.
  const words = commandFirst(args[0] === "--" ? args.slice(1) : args);
  if (words[0] === "__complete") {
    for (const { completion } of await proposeCompletions(app, words.slice(1), context)) {
      context.print(`${completion}\n`);
    }
    return 0;
  }
  await run(app, words, context);
  const code = Number(context.process.exitCode ?? 0);
  if (code >= 0) return code;
  // What the command line itself got wrong.
  return code === ExitCode.UnknownCommand || code === ExitCode.InvalidArgument ? 2 : 1;
}

/** `mcp --data DIR ps` is `mcp ps --data DIR`: the platform that is meant may be named first. */
function commandFirst(args: readonly string[]): readonly string[] {
  const [flag = "", value = "", ...rest] = args;
  if (flag === "--data" && rest.length > 0) return [...commandFirst(rest), flag, value];
  return flag.startsWith("--data=") && args.length > 1 ? [...commandFirst(args.slice(1)), flag] : args;
}
