import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { join } from "node:path";
import { type ComponentDefinition, parseDefinition } from "@lib/definition/mod.ts";
import { readBundle } from "./bundle.ts";
import { explainLaunch, type LaunchRequest, type LaunchSettings, prepareLaunch } from "./launch.ts";

const sha256 = "a".repeat(64);

class Bench implements Disposable {
  readonly folder = Deno.makeTempDirSync();
  readonly settings: LaunchSettings = {
    nodeAddress: "127.0.0.1",
    srvDir: join(this.folder, "srv"),
    runDir: join(this.folder, "run"),
    cacheDir: join(this.folder, "cache"),
    caCert: join(this.folder, "root.pem"),
  };

  constructor() {
    for (const name of ["srv/hello", "run", `bundles/${sha256}`]) {
      Deno.mkdirSync(join(this.folder, name), { recursive: true });
    }
  }

  bundle(description: Record<string, unknown>): void {
    const text = JSON.stringify({ name: "hello", version: "1.0.0", ...description });
    Deno.writeTextFileSync(join(this.folder, "bundles", sha256, "bundle.json"), text);
  }

  request(more: string, ports: Record<string, number> = { main: 12_345 }, platform = false): LaunchRequest {
    const toml = `name = "hello"\n[[components]]\nname = "web"\nimage = "localhost/hello:1"\n${more}`;
    const definition: ComponentDefinition = parseDefinition(toml, "hello.toml").components[0]!;
    const bundle = readBundle(join(this.folder, "bundles"), sha256);
    return { service: "hello", definition, bundle, ports, peers: [], platform };
  }

  /** The grants of a component, without the flags that every program gets. */
  grants(request: LaunchRequest): string[] {
    return explainLaunch(request, this.settings).map(({ flag }) => flag.replaceAll(this.folder, ""))
      .filter((flag) => flag.startsWith("--allow-") && !flag.startsWith("--allow-import"));
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}

Deno.test("a bundle without a declaration may listen on its routes and read its port variables, nothing else", () => {
  using bench = new Bench();
  bench.bundle({});
  deepEqual(bench.grants(bench.request("")), [
    "--allow-net=127.0.0.1:12345",
    "--allow-env=PORT",
    "--allow-env=PORT_MAIN",
  ]);
  equal(bench.grants(bench.request("", {})).length, 0);
});

Deno.test("volumes, env and peers of the definition are granted", () => {
  using bench = new Bench();
  bench.bundle({});
  const data = join(bench.settings.srvDir, "hello", "data");
  const request = bench.request(`volumes = ["${data}:${data}"]\nenv = ["GREETING=hi"]`, {});
  deepEqual(
    bench.grants({ ...request, peers: [{ address: "127.0.0.1:18102", reason: "connect of the definition: mcias" }] }),
    [
      "--allow-net=127.0.0.1:18102",
      "--allow-read=/srv/hello/data",
      "--allow-write=/srv/hello/data",
      "--allow-env=GREETING",
    ],
  );
});

Deno.test("a declaration is read against the bundle's defaults, the config file and its variables", () => {
  using bench = new Bench();
  bench.bundle({
    declaration: {
      program: "hello",
      listen: ["server.rest_addr", "server.grpc_addr"],
      connect: ["upstream.addresses"],
      write: ["server.data_dir"],
      read: ["server.tls_cert"],
    },
    config_defaults: {
      server: { rest_addr: "127.0.0.1:1", grpc_addr: "127.0.0.1:2", data_dir: "data", tls_cert: "" },
      upstream: { addresses: [] },
    },
  });
  const config = join(bench.settings.srvDir, "hello", "hello.toml");
  Deno.writeTextFileSync(config, '[server]\nrest_addr = "127.0.0.1:3"\n');
  const request = bench.request(
    `cmd = ["server", "--config", "${config}"]\nenv = ["HELLO_UPSTREAM_ADDRESSES=10.0.0.1:53,10.0.0.2:53"]`,
    {},
  );
  deepEqual(bench.grants(request), [
    "--allow-read=/srv/hello/hello.toml",
    "--allow-env=HELLO_*",
    "--allow-net=127.0.0.1:3",
    "--allow-net=127.0.0.1:2",
    "--allow-net=10.0.0.1:53",
    "--allow-net=10.0.0.2:53",
    "--allow-read=/srv/hello/data",
    "--allow-write=/srv/hello/data",
  ]);
});

/** Ways in which a bundle from the registry could ask for what is not its own. */
const escapes: [name: string, description: Record<string, unknown>, more: string, refusal: RegExp][] = [
  [
    "another service's data by its defaults",
    { declaration: { program: "hello", write: ["a.b"] }, config_defaults: { a: { b: "/srv/mcias/data" } } },
    "",
    /can't use \/srv\/mcias\/data/,
  ],
  [
    "the ingress's admin socket",
    {
      declaration: { program: "hello", connect: ["a.b"] },
      config_defaults: { a: { b: "unix:/srv/mcproxy/admin.sock" } },
    },
    "",
    /can't use \/srv\/mcproxy\/admin\.sock/,
  ],
  [
    "to start programs",
    { declaration: { program: "hello", run: ["a.b"] }, config_defaults: {} },
    "",
    /declaration\.run/,
  ],
  ["a volume elsewhere", {}, 'volumes = ["/etc:/etc:ro"]', /can't use \/etc/],
  ["a config elsewhere", {}, 'cmd = ["--config", "/etc/passwd"]', /can't use \/etc\/passwd/],
  ["a config elsewhere, joined", {}, 'cmd = ["--config=/etc/passwd"]', /can't use \/etc\/passwd/],
  ["a volume under another path", {}, 'volumes = ["/srv/a:/srv/b"]', /gives a folder another path/],
  ["an entry outside its folder", { entry: "../../x.js" }, "", /must name a JavaScript file of the bundle/],
];
for (const [name, description, more, refusal] of escapes) {
  Deno.test(`a bundle can't have ${name}`, () => {
    using bench = new Bench();
    bench.bundle(description);
    throws(() => prepareLaunch(bench.request(more), bench.settings), refusal);
  });
}

Deno.test("prepareLaunch refuses a symbolic link in a folder that the program may write", () => {
  using bench = new Bench();
  bench.bundle({});
  const data = join(bench.settings.srvDir, "hello", "data");
  Deno.mkdirSync(data);
  Deno.symlinkSync("/etc", join(data, "etc"));
  throws(() => prepareLaunch(bench.request(`volumes = ["${data}:${data}"]`), bench.settings), { rule: "no-symlinks" });
});

Deno.test("prepareLaunch hands over ports and version, and nothing of the agent's own environment", () => {
  using bench = new Bench();
  bench.bundle({});
  const { args, env } = prepareLaunch(bench.request('cmd = ["--fast"]'), bench.settings);
  deepEqual(env, {
    PORT: "12345",
    PORT_MAIN: "12345",
    HELLO_BUNDLE_VERSION: "1.0.0",
    DENO_DIR: bench.settings.cacheDir,
    DENO_NO_UPDATE_CHECK: "1",
    NO_COLOR: "1",
    DENO_SERVE_ADDRESS: "tcp:127.0.0.1:12345",
  });
  ok(args.includes("--no-prompt"));
  deepEqual(args.slice(-2), [join(bench.folder, "bundles", sha256, "main.js"), "--fast"]);
});
