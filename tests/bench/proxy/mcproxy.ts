/**
 * MC-Proxy as the agent runs it: the bundle in its sandbox, parsed ahead, with its defaults.
 * @module
 */
import { basename, join } from "node:path";
import { commandLine, derive } from "@lib/sandbox/mod.ts";
import { type BuiltBundle, bundleProgram } from "../../../deploy/bundle/bundle.ts";
import { analyse } from "../../../services/mcpagent/runtime/analyse.ts";
import { readBundle } from "../../../services/mcpagent/runtime/bundle.ts";
import { storeBundle } from "../../../services/mcpagent/runtime/bundle_store.ts";
import { programConfig } from "../../../services/mcpagent/runtime/program_config.ts";
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

function configText({ folder, ports, backend, routes, certificates }: Setup, data: string): string {
  const names = { tls_cert: basename(certificates.cert), tls_key: basename(certificates.key) };
  const l7 = (hostname: string) =>
    route({ listener: "l7", hostname, mode: "l7", ...names }, [`127.0.0.1:${backend.http}`]);
  const l4 = (hostname: string, port: number) => route({ listener: "l4", hostname, mode: "l4" }, [`127.0.0.1:${port}`]);
  const wanted = [
    l7("localhost"),
    l7("h1.bench.test"),
    l4("localhost", backend.tls),
    l4("source.bench.test", backend.source),
    l4("sink.bench.test", backend.sink),
  ];
  const others = Array.from(
    { length: Math.max(0, routes - wanted.length) },
    (_, i) => i % l7Every === 0 ? l7(`r${i}.bench.test`) : l4(`r${i}.bench.test`, backend.tls),
  );
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
${[...wanted, ...others].join("")}`;
}

function route(fields: Record<string, string>, backends: string[]): string {
  const lines = Object.entries(fields).map(([name, value]) => `${name} = "${value}"\n`).join("");
  return `[[routes]]\n${lines}backends = [${backends.map((one) => `"${one}"`).join(", ")}]\n`;
}
