/**
 * From an empty folder to a platform that the agent can boot. Every step leaves alone what is there already, so an
 * interrupted bootstrap goes on where it was.
 * @module
 */
import { join } from "node:path";
import { conflict, quote, unavailable } from "@lib/errors/mod.ts";
import { commandLine, derive } from "@lib/sandbox/mod.ts";
import { loadConfig } from "@lib/config/mod.ts";
import type { Progress } from "@lib/terminal/mod.ts";
import { analyse } from "../../services/mcpagent/runtime/analyse.ts";
import { storeBundle } from "../../services/mcpagent/runtime/bundle_store.ts";
import { type BuiltBundle, bundleProgram } from "../bundle/bundle.ts";
import { platformServices, type ProgramName, programs } from "../programs.ts";
import { writeConfigs } from "./configs.ts";
import { writeDefinition } from "./definitions.ts";
import { exists, privateFolder, writeWhole } from "./files.ts";
import { dataVersion, type Layout } from "./layout.ts";
import { agentAccount, firstCertificates, issuerName, rootOf, signIssuer } from "./pki.ts";

const mount = "pki";
/** The first administrator. */
export const adminName = "admin";

/** Whether the folder holds a whole platform. Throws Conflict when it is one of another version, or something else. */
export function isBootstrapped(layout: Layout): boolean {
  const marker = join(layout.data, "version");
  if (!exists(marker)) {
    if (exists(layout.data) && !exists(layout.srv("")) && [...Deno.readDirSync(layout.data)].length > 0) {
      throw conflict(`${layout.data} holds something else than a platform`, {
        hint: "Name an empty or new folder with --data.",
      });
    }
    return false;
  }
  const version = Deno.readTextFileSync(marker).trim();
  if (version !== dataVersion) {
    throw conflict(`${layout.data} is a data folder of version ${quote(version)}; this program knows ${dataVersion}`, {
      hint: "Start it with the program that made it, or name another folder with --data.",
    });
  }
  return true;
}

/** Lays down bundles, keys, certificates, configs, accounts and definitions. */
export async function bootstrap(layout: Layout, root: string, progress: Progress): Promise<void> {
  privateFolder(layout.data);
  for (const service of [...platformServices, "mcpagent"]) {
    for (const folder of ["", "tls", "data"]) privateFolder(layout.srv(service, folder));
  }
  for (const folder of ["run", "certs", "log"]) privateFolder(layout.srv("mcproxy", folder));
  for (const folder of ["bundles", "logs", "run", "platform"]) privateFolder(layout.srv("mcpagent", folder));
  writeConfigs(layout, Deno.execPath());

  progress.start("bundles");
  const bundles = await storeBundles(layout, root);
  progress.done([...bundles.keys()].join(" "));

  progress.start("root, kept offline, and first certificates");
  const issuer = await rootOf(layout);
  await firstCertificates(layout);
  progress.done();

  progress.start("administrator and the agent's account");
  const run = (service: ProgramName, ...args: string[]) => runVerb(layout, bundles, service, args);
  await initIdentity(layout, run);
  progress.done();

  progress.start("issuer inside Metacrypt, signed by the root");
  await run("metacrypt", "init");
  const exchange = (name: string) => layout.srv("metacrypt", "data", name);
  await run(
    "metacrypt",
    "issuer request",
    "--mount",
    mount,
    "--common-name",
    issuerName,
    "--out",
    exchange("issuer.csr"),
  );
  if (!exists(exchange("issuer.pem"))) {
    writeWhole(exchange("issuer.pem"), await signIssuer(issuer, Deno.readTextFileSync(exchange("issuer.csr"))));
  }
  await run("metacrypt", "issuer import", "--mount", mount, "--chain", exchange("issuer.pem"));
  progress.done();

  for (const service of platformServices) writeDefinition(layout, service, bundles.get(service)!.sha256);
  writeWhole(join(layout.data, "version"), dataVersion + "\n");
}

type RunVerb = (service: ProgramName, ...args: string[]) => Promise<void>;

async function initIdentity(layout: Layout, run: RunVerb): Promise<void> {
  const handover = (name: string) => layout.srv("mcias", "data", name);
  const move = (from: string, to: string) => {
    if (exists(from)) Deno.renameSync(from, to);
  };
  if (!exists(layout.adminPassword)) {
    // A run that broke off after init has left the password where init wrote it.
    if (!exists(handover("admin-password"))) {
      await run("mcias", "init", "--admin", adminName, "--write-password", "admin-password");
    }
    move(handover("admin-password"), layout.adminPassword);
  }
  const token = layout.srv("mcpagent", "token");
  if (!exists(token)) {
    await run("mcias", "account add", "--username", agentAccount, "--type", "system");
    await run(
      "mcias",
      "token issue",
      "--username",
      agentAccount,
      "--write",
      "agent-token",
      "--description",
      "this node",
    );
    move(handover("agent-token"), token);
  }
}

/** Builds every program, two at a time, and unpacks it where the agent looks. */
async function storeBundles(layout: Layout, root: string): Promise<Map<ProgramName, BuiltBundle>> {
  const builtAt = new Date();
  const waiting = Object.keys(programs) as ProgramName[];
  const built = new Map<ProgramName, BuiltBundle>();
  const bundlesDir = layout.srv("mcpagent", "bundles");
  const cache = { deno: Deno.execPath(), cacheDir: layout.srv("mcpagent", "cache") };
  const worker = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const one = await bundleProgram(root, name, builtAt);
      storeBundle(bundlesDir, one.sha256, one.config, one.files);
      await analyse(cache, join(bundlesDir, one.sha256, one.config.entry));
      built.set(name, one);
    }
  };
  await Promise.all([worker(), worker()]);
  writeWhole(layout.srv("mcpagent", "agent-bundle"), built.get("mcpagent")!.sha256 + "\n");
  return built;
}

/** Runs one of a program's verbs in the sandbox that its server will have. */
async function runVerb(
  layout: Layout,
  bundles: ReadonlyMap<ProgramName, BuiltBundle>,
  service: ProgramName,
  args: readonly string[],
): Promise<void> {
  const [verb = "", ...flags] = args;
  const configFile = layout.srv(service, `${service}.toml`);
  const { schema, sandbox: declaration } = programs[service];
  const { config } = loadConfig({ schema, service, file: configFile, environment: () => undefined });
  const sandbox = derive({ declaration, config, configFile });
  const entry = layout.srv("mcpagent", "bundles", bundles.get(service)!.sha256, "main.js");
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: commandLine(sandbox, { entry, args: [...verb.split(" "), "--config", configFile, ...flags] }),
    clearEnv: true,
    env: { DENO_DIR: layout.srv("mcpagent", "cache"), NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw unavailable(`${service} ${verb} failed: ${new TextDecoder().decode(stderr).trim()}`);
}
