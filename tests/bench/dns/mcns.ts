/**
 * MCNS as the agent runs it: the bundle in its sandbox, parsed ahead, on a database that its own store has filled.
 * @module
 */
import { join } from "node:path";
import { AuditLog, auditMigration } from "@lib/audit/mod.ts";
import { systemClock } from "@lib/clock/mod.ts";
import { openDatabase } from "@lib/db/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { commandLine, derive } from "@lib/sandbox/mod.ts";
import { type BuiltBundle, bundleProgram } from "../../../deploy/bundle/bundle.ts";
import { analyse } from "../../../services/mcpagent/runtime/analyse.ts";
import { readBundle } from "../../../services/mcpagent/runtime/bundle.ts";
import { storeBundle } from "../../../services/mcpagent/runtime/bundle_store.ts";
import { programConfig } from "../../../services/mcpagent/runtime/program_config.ts";
import { DomainName } from "../../../services/mcns/domain/name.ts";
import { Views } from "../../../services/mcns/domain/views.ts";
import { migrations } from "../../../services/mcns/store/migrations.ts";
import { zoneStores } from "../../../services/mcns/store/zone_stores.ts";
import { root } from "../../platform.ts";
import type { Launch, Setup } from "./servers.ts";
import { origin, zoneText } from "./zone.ts";

let built: Promise<BuiltBundle> | null = null;

export async function mcnsCommand(setup: Setup): Promise<Launch> {
  const { folder } = setup;
  const [data, bundles, cacheDir] = ["data", "bundles", "cache"].map((name) => join(folder, name));
  for (const path of [data!, bundles!, cacheDir!]) Deno.mkdirSync(path);
  await fill(join(data!, "mcns.db"), setup.records);

  const { sha256, config, files } = await (built ??= bundleProgram(root, "mcns", new Date()));
  storeBundle(bundles!, sha256, config, files);
  const bundle = readBundle(bundles!, sha256);
  await analyse({ deno: Deno.execPath(), cacheDir: cacheDir! }, bundle.entry);
  const configFile = join(folder, "mcns.toml");
  Deno.writeTextFileSync(configFile, configText(setup, data!));
  const sandbox = derive({
    declaration: bundle.declaration,
    config: programConfig(bundle, configFile, {}),
    configFile,
    verb: "server",
  });
  return {
    command: Deno.execPath(),
    args: commandLine(sandbox, { entry: bundle.entry, args: ["server", "--config", configFile] }),
    env: { DENO_DIR: cacheDir!, DENO_NO_UPDATE_CHECK: "1" },
  };
}

/** Nothing but addresses: all else is as MCNS has it by default. MCIAS, which DNS does without, is not there. */
function configText({ port, tlsPort, cert, key }: Setup, data: string): string {
  return `[server]
rest_addr = "127.0.0.1:${port + 2}"
grpc_addr = "127.0.0.1:${port + 3}"
tls_cert = "${cert}"
tls_key = "${key}"
data_dir = "${data}"
[mcias]
address = "127.0.0.1:1"
ca_cert = "${cert}"
[dns]
listen_addrs = ["127.0.0.1:${port}"]
tls_listen_addrs = ["127.0.0.1:${tlsPort}"]
`;
}

async function fill(path: string, records: number): Promise<void> {
  using db = openDatabase({
    path,
    migrations: [auditMigration, ...migrations],
    durability: "normal",
    clock: systemClock,
    log: silentLogger,
  });
  const audit = new AuditLog(db);
  const { files } = zoneStores(db, {
    audit,
    views: new Views(),
    journalBytes: 0,
    clock: systemClock,
    log: silentLogger,
  });
  const zone = DomainName.parse(origin, "zone");
  await files.import(zone, zoneText(records), { dryRun: false, create: true }, { actor: "bench", remote: "" });
}
