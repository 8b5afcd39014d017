/**
 * MC-Proxy as the agent runs it: the bundle in its sandbox, parsed ahead, with its defaults.
 * @module
 */
import { basename, join } from "node:path";
import { systemClock } from "@lib/clock/mod.ts";
import { openDatabase } from "@lib/db/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { commandLine, derive } from "@lib/sandbox/mod.ts";
import { type BuiltBundle, bundleProgram } from "../../../deploy/bundle/bundle.ts";
import { analyse } from "../../../services/mcpagent/runtime/analyse.ts";
import { readBundle } from "../../../services/mcpagent/runtime/bundle.ts";
import { storeBundle } from "../../../services/mcpagent/runtime/bundle_store.ts";
import { programConfig } from "../../../services/mcpagent/runtime/program_config.ts";
import { parseRoute, type RouteInput, type RouteRules } from "../../../services/mcproxy/domain/route.ts";
import { migrations } from "../../../services/mcproxy/store/migrations.ts";
import { RouteStore } from "../../../services/mcproxy/store/route_store.ts";
import { root } from "../../platform.ts";
import type { Setup } from "./proxies.ts";
import type { Launch } from "./running.ts";

let built: Promise<BuiltBundle> | null = null;

/** Of many routes one in so many ends TLS here; each of these keeps a certificate of its own in memory. */
const l7Every = 10;

export async function mcproxyCommand(setup: Setup): Promise<Launch> {
  const { folder } = setup;
  const [data, run, bundles, cacheDir] = ["data", "run", "bundles", "cache"].map((name) => join(folder, name));
  for (const path of [data!, run!, bundles!, cacheDir!]) Deno.mkdirSync(path);
  fill(join(data!, "mcproxy.db"), setup);
  const { sha256, config, files } = await (built ??= bundleProgram(root, "mcproxy", new Date()));
  storeBundle(bundles!, sha256, config, files);
  const bundle = readBundle(bundles!, sha256);
  await analyse({ deno: Deno.execPath(), cacheDir: cacheDir! }, bundle.entry);
  const configFile = join(folder, "mcproxy.toml");
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

/** Nothing but addresses: all else is as MC-Proxy has it by default. */
function configText({ folder, ports, certificates }: Setup, data: string): string {
  return `[server]
rest_addr = "unix:${folder}/run/rest.sock"
grpc_addr = "unix:${folder}/run/admin.sock"
data_dir = "${data}"
[metrics]
addr = "127.0.0.1:${ports.metrics}"
[certificates]
dir = "${certificates.dir}"
[[listeners]]
name = "l7"
addr = "127.0.0.1:${ports.l7}"
[[listeners]]
name = "l4"
addr = "127.0.0.1:${ports.l4}"
`;
}

/** By the program's own store: the API would take its time for ten thousand. */
function fill(path: string, { backend, routes, certificates }: Setup): void {
  using db = openDatabase({
    path,
    migrations: [...migrations],
    durability: "normal",
    clock: systemClock,
    log: silentLogger,
  });
  const rules: RouteRules = {
    listeners: ["l7", "l4"],
    allowedHosts: ["127.0.0.1"],
    certificateDir: certificates.dir,
  };
  const names = { tlsCert: basename(certificates.cert), tlsKey: basename(certificates.key) };
  const l7 = (hostname: string): RouteInput => (
    { listener: "l7", hostname, mode: "l7", backends: [`127.0.0.1:${backend.http}`], ...names }
  );
  const l4 = (hostname: string, port: number): RouteInput => (
    { listener: "l4", hostname, mode: "l4", backends: [`127.0.0.1:${port}`], tlsCert: "", tlsKey: "" }
  );
  const wanted = [
    l7("localhost"),
    l7("h1.bench.test"),
    l4("localhost", backend.tls),
    l4("source.bench.test", backend.source),
    l4("sink.bench.test", backend.sink),
  ];
  for (let i = 0; wanted.length < routes; i++) {
    const hostname = `r${i}.bench.test`;
    wanted.push(i % l7Every === 0 ? l7(hostname) : l4(hostname, backend.tls));
  }
  new RouteStore(db).seedOnce((put) => {
    for (const input of wanted) {
      const route = parseRoute(input, rules);
      put({ ...route, backends: route.backends.map(({ key }) => key) });
    }
  });
}
