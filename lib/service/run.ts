import { systemClock } from "@lib/clock/mod.ts";
import { type ConfigOf, loadConfig, nearest, printConfig, processEnvironment, type Schema } from "@lib/config/mod.ts";
import { openDatabase } from "@lib/db/mod.ts";
import { errorTable, invalid, messageOf, quote, toPlatformError } from "@lib/errors/mod.ts";
import { createLogger, type Logger } from "@lib/log/mod.ts";
import { Registry } from "@lib/metrics/mod.ts";
import { refuseSymlinks } from "@lib/sandbox/mod.ts";
import { platformVersion, type Program, type ServiceContext } from "./program.ts";
import { printStatus } from "./status.ts";

interface Arguments {
  verb: string;
  config: string | null;
  printConfig: boolean;
  flags: Record<string, string>;
  lists: Record<string, string[]>;
}

/**
 * Runs a program by its arguments and ends the process: 0 done (or drained after SIGTERM), 2 bad
 * usage or config, 1 failure. Errors are one line on stderr: what, and what to do.
 */
export async function runProgram<S extends Schema>(program: Program<S>, argv: readonly string[]): Promise<never> {
  let code: number;
  try {
    code = await run(program, argv);
  } catch (error) {
    const known = toPlatformError(error);
    console.error(`${program.name}: ${known.code === "internal" ? messageOf(error) : known.message}`);
    if (known.hint !== undefined) console.error(`  ${known.hint}`);
    if (known.code === "internal" && error instanceof Error) console.error(error.stack);
    code = errorTable[known.code].exit;
  }
  Deno.exit(code);
}

async function run<S extends Schema>(program: Program<S>, argv: readonly string[]): Promise<number> {
  const args = parseArguments(program, argv);
  if (args.verb === "help") {
    console.log(usage(program));
    return 0;
  }
  const version = processEnvironment(`${program.name.toUpperCase()}_BUNDLE_VERSION`) ?? platformVersion;
  if (args.verb === "version") {
    console.log(`${program.name} ${version}`);
    return 0;
  }
  const loaded = loadConfig({ schema: program.schema, service: program.name, file: args.config });
  if (args.printConfig) {
    console.log(printConfig(program.schema, loaded));
    return 0;
  }
  const { config } = loaded;
  const settings = (config as { log?: { level: "info"; format: "text" } }).log;
  const log = createLogger({
    service: program.name,
    level: settings?.level ?? "info",
    format: settings?.format ?? "text",
  });
  const context: ServiceContext<ConfigOf<S>> = {
    config,
    log,
    clock: systemClock,
    metrics: new Registry(),
    name: program.name,
    version,
    startedAt: new Date(),
  };
  switch (args.verb) {
    case "server":
      return await serve(program, context);
    case "snapshot":
      return await snapshot(program, context, args.flags.out);
    case "status":
      return await printStatus(context as ServiceContext<unknown>, program.plainHealth?.(config) ?? null);
    default:
      return await program.verbs![args.verb]!.run(context, args.flags, args.lists);
  }
}

async function serve<S extends Schema>(program: Program<S>, context: ServiceContext<ConfigOf<S>>): Promise<number> {
  const { log, config } = context;
  for (const key of program.sandbox.write ?? []) {
    for (const path of pathsAt(config, key)) refuseSymlinks(path);
  }
  // What is thrown outside every request is a defect: it is logged whole, and the others are served on.
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    log.error("unhandled rejection", { error: event.reason });
  });
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    log.error("uncaught error", { error: event.error });
  });
  const stop = stopRequested(log);
  const service = await program.start(context);
  log.info("ready", { service: program.name, version: context.version, after_ms: Math.round(performance.now()) });
  const reason = await stop;
  log.info("draining", { reason });
  await service[Symbol.asyncDispose]();
  log.info("stopped");
  return 0;
}

/** Resolves at SIGTERM, SIGINT, or when the supervisor is gone; the second signal ends the process at once. */
function stopRequested(log: Logger): Promise<string> {
  return new Promise((resolve) => {
    let asked = false;
    const ask = (reason: string) => {
      if (asked && reason !== "supervisor gone") {
        log.warn("second signal: ending without draining");
        Deno.exit(1);
      }
      asked = true;
      resolve(reason);
    };
    for (const signal of ["SIGTERM", "SIGINT"] as const) Deno.addSignalListener(signal, () => ask(signal));
    // Sent by the agent's lifeline when its pipe closes.
    globalThis.addEventListener("metacircular:stop", (event) => {
      // Tells the lifeline that this program drains, and is not to be ended at once.
      event.preventDefault();
      ask("supervisor gone");
    });
  });
}

async function snapshot<S extends Schema>(
  program: Program<S>,
  context: ServiceContext<ConfigOf<S>>,
  out: string | undefined,
): Promise<number> {
  if (out === undefined) throw invalid("--out", "must name the file to write");
  if (!program.database) throw invalid("snapshot", `${program.name} has no database`);
  // No migrations: a snapshot is a copy of what is there, whatever version wrote it.
  using db = openDatabase({
    path: program.database(context.config),
    migrations: "as-is",
    durability: "normal",
    log: context.log,
  });
  // Made first, and not over anything: the copy holds what the database holds, so only its owner may read it.
  Deno.writeFileSync(out, new Uint8Array(), { createNew: true, mode: 0o600 });
  await db.backup(out);
  console.log(`snapshot of ${program.name} written to ${out}`);
  return 0;
}

function parseArguments<S extends Schema>(program: Program<S>, argv: readonly string[]): Arguments {
  const [verb = "help", ...rest] = argv;
  const verbs = ["server", "snapshot", "status", "version", "help", ...Object.keys(program.verbs ?? {})];
  const canonical = verb === "--help" || verb === "-h" ? "help" : verb === "--version" ? "version" : verb;
  // Verbs of two words, "token issue".
  const two = `${canonical} ${rest[0] ?? ""}`.trim();
  const name = verbs.includes(two) && rest.length > 0 ? two : canonical;
  if (!verbs.includes(name)) {
    const near = nearest(name, verbs);
    throw invalid(
      "verb",
      `${quote(name)} is not one of ${verbs.join(", ")}`,
      near === null ? {} : { hint: `Did you mean ${quote(near)}?` },
    );
  }
  const words = name === two && name !== canonical ? rest.slice(1) : rest;
  const known: Record<string, string> = {
    config: "FILE",
    ...(name === "snapshot" ? { out: "FILE" } : {}),
    ...program.verbs?.[name]?.flags,
    ...program.verbs?.[name]?.lists,
  };
  const args: Arguments = { verb: name, config: null, printConfig: false, flags: {}, lists: {} };
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (word === "--print-config") {
      args.printConfig = true;
      continue;
    }
    const [flag = "", joined] = word.split(/=(.*)/s);
    const key = flag.replace(/^--/, "");
    if (!flag.startsWith("--") || !(key in known)) {
      const near = nearest(key, Object.keys(known));
      throw invalid(
        name,
        `unknown argument ${quote(word)}`,
        near === null ? {} : { hint: `Did you mean "--${near}"?` },
      );
    }
    const value = joined ?? words[++i];
    if (value === undefined) throw invalid(flag, `must be given a value (${known[key]})`);
    if (key === "config") args.config = value;
    else if (key in (program.verbs?.[name]?.lists ?? {})) (args.lists[key] ??= []).push(value);
    else args.flags[key] = value;
  }
  return args;
}

function usage<S extends Schema>(program: Program<S>): string {
  const extra = Object.entries(program.verbs ?? {}).map(([name, verb]) => {
    const flags = Object.entries(verb.flags ?? {}).map(([flag, value]) => ` [--${flag} ${value}]`).join("");
    const lists = Object.entries(verb.lists ?? {}).map(([flag, value]) => ` [--${flag} ${value}]…`).join("");
    return `  ${program.name} ${name} --config FILE${flags}${lists}\n      ${verb.summary}`;
  });
  return `Usage:
  ${program.name} server --config FILE [--print-config]
      serve until SIGTERM
  ${program.name} status --config FILE
      ask the running server how it is
  ${program.name} snapshot --config FILE --out FILE
      copy the database while it is in use
  ${program.name} version
${extra.join("\n")}
Exit codes: 0 done, 2 bad usage or config, 1 failure.`;
}

function pathsAt(config: unknown, key: string): string[] {
  const value = key.split(".").reduce<unknown>(
    (at, part) => (at as Record<string, unknown> | undefined)?.[part],
    config,
  );
  return (Array.isArray(value) ? value : [value]).filter((one): one is string => typeof one === "string" && one !== "");
}
