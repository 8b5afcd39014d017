import {
  type Application,
  buildApplication,
  buildRouteMap,
  type Command,
  ExitCode,
  proposeCompletions,
  type RouteMap,
  run,
  text_en,
} from "@stricli/core";
import { errorTable, messageOf, PlatformError, toPlatformError } from "@lib/errors/mod.ts";
import { platformVersion } from "@lib/service/mod.ts";
import { completionsCommand } from "./completions_command.ts";
import type { CliContext } from "./context.ts";

/** What a command line is, as its app.ts declares it. */
export interface Cli {
  readonly name: string;
  readonly brief: string;
  readonly routes: Readonly<Record<string, Command<CliContext> | RouteMap<CliContext>>>;
}

/** A group of commands: `mcp node …`. */
export function group(brief: string, routes: Cli["routes"]): RouteMap<CliContext> {
  return buildRouteMap<string, CliContext>({ docs: { brief }, routes });
}

/** The command tree with `completions`, the exit codes and how errors look. */
export function buildCli({ name, brief, routes }: Cli): Application<CliContext> {
  return buildApplication(
    buildRouteMap<string, CliContext>({
      docs: {
        brief,
        fullDescription: `${brief}.\n\nExit codes: 0 done, 1 failed, 2 bad usage or bad input.`,
      },
      routes: { ...routes, completions: completionsCommand(name) },
    }),
    {
      name,
      versionInfo: { currentVersion: platformVersion },
      scanner: { caseStyle: "allow-kebab-for-camel" },
      determineExitCode: (error) => errorTable[toPlatformError(error).code].exit,
      localization: {
        text: {
          ...text_en,
          exceptionWhileRunningCommand: (error) => errorText(name, error),
          exceptionWhileLoadingCommandContext: (error) => errorText(name, error),
        },
      },
    },
  );
}

/** One line on what went wrong, one on what to do; the stack only of what should never happen. */
function errorText(name: string, error: unknown): string {
  const known = toPlatformError(error);
  // An internal error of a service came over the wire: the stack here says nothing about it.
  if (known.code === "internal" && !(error instanceof PlatformError)) {
    return `${name}: ${error instanceof Error ? error.stack ?? error.message : messageOf(error)}`;
  }
  return `${name}: ${known.message}${known.hint === undefined ? "" : `\n  ${known.hint}`}`;
}

/** Runs one command line. @returns the exit code: 0 done, 1 failed, 2 bad usage or bad input */
export async function runCli(
  app: Application<CliContext>,
  args: readonly string[],
  context: CliContext,
): Promise<number> {
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
