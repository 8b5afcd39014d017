import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { boot, stopAll } from "./boot.ts";
import { deploy } from "./deploy/deploy.ts";
import { restartService } from "./deploy/lifecycle.ts";
import { admin, TestNode } from "./testing/test_node.ts";
import { nodeProblems } from "./view.ts";

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return (listener.addr as Deno.NetAddr).port;
}

/** A program with a fixed address that it hands over, as the platform's services do. */
function fixed(port: number, text: string): [program: string, description: Record<string, unknown>] {
  return [
    `const startedAt = new Date().toISOString();
     const server = Deno.serve({ hostname: "127.0.0.1", port: ${port}, reusePort: true, onListen() {} }, () =>
       Response.json({ text: "${text}", started_at: startedAt }));
     Deno.addSignalListener("SIGTERM", () => server.shutdown().then(() => Deno.exit(0)));`,
    {
      declaration: { program: "mcns", listen: ["server.addr"], takeover: true, unstable: ["net"] },
      config_defaults: { server: { addr: `127.0.0.1:${port}` } },
    },
  ];
}

function define(
  test: TestNode,
  name: string,
  stage: string,
  bundle: string,
  more: string,
  writtenAt = new Date(),
): void {
  const path = join(test.node.settings.definitionsDir, `${name}.toml`);
  Deno.writeTextFileSync(
    path,
    `name = "${name}"\nstage = "${stage}"\n[[components]]\nname = "main"\nimage = "bundle:${bundle}"\n${more}\n`,
  );
  Deno.utimeSync(path, writtenAt, writtenAt);
}

const health = (port: number) => `health = { http = "/", address = "127.0.0.1:${port}", start_ms = 20000 }`;
const text = async (port: number) => (await (await fetch(`http://127.0.0.1:${port}/`)).json()).text;

Deno.test("boot starts the platform's own services from their folder, stage by stage", async () => {
  await using test = await TestNode.start();
  const ports = { mcias: freePort(), mcns: freePort() };
  for (const [name, stage] of [["mcias", "foundation"], ["mcns", "core"]] as const) {
    define(test, name, stage, test.bundle(name, ...fixed(ports[name], name)), health(ports[name]));
  }
  await boot(test.node);
  equal(await text(ports.mcias), "mcias");
  equal(await text(ports.mcns), "mcns");
  const started = test.node.registry.events.list("", null, 100)
    .filter(({ kind }) => kind === "started" || kind === "healthy").map(({ service, kind }) => `${service} ${kind}`)
    .reverse();
  deepEqual(started, ["mcias started", "mcias healthy", "mcns started", "mcns healthy"]);
  const row = test.node.registry.services.get("mcns")!;
  deepEqual([row.platform, row.deployedBy, row.release.stage], [true, "bootstrap", "core"]);
  await stopAll(test.node, null);
  deepEqual(test.node.fleet.services(), []);
});

Deno.test("boot goes on when a service does not come up, and says so", async () => {
  await using test = await TestNode.start();
  const port = freePort();
  define(test, "mcias", "foundation", test.bundle("mcias", `console.error("no key"); Deno.exit(1);`), 'restart = "no"');
  define(test, "mcns", "core", test.bundle("mcns", ...fixed(port, "mcns")), health(port));
  Deno.writeTextFileSync(join(test.node.settings.definitionsDir, "bad.toml"), 'name = "bad"\nstagee = "core"\n');
  await boot(test.node);
  equal(await text(port), "mcns");
  const problems = nodeProblems(test.node).join("\n");
  match(problems, /mcias: is failed/);
  match(problems, /platform definitions: bad\.toml:2: stagee: unknown key\. Did you mean "stage"\?/);
  match(test.node.registry.events.list("mcias", null, 10).map(({ detail }) => detail).join("\n"), /no key/);
});

Deno.test("a service that hands over its address is replaced without a gap", async () => {
  await using test = await TestNode.start();
  const port = freePort();
  define(test, "mcns", "core", test.bundle("mcns", ...fixed(port, "one")), health(port));
  await boot(test.node);
  let failed = 0;
  let answered = 0;
  const stop = new AbortController();
  const asking = (async () => {
    while (!stop.signal.aborted) {
      // A connection each: a kept one would not notice.
      await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: "close" } }).then((r) => r.text())
        .then(() => answered++, () => failed++);
    }
  })();
  test.bundle("mcr.test:8443/mcns:v2", ...fixed(port, "two"));
  const toml = `name = "mcns"\nstage = "core"\n[[components]]\nname = "main"\nimage = "mcr.test:8443/mcns:v2"\n${
    health(port)
  }\n`;
  await deploy(test.node, { toml, fileName: "mcns.toml", caller: admin }, test.steps);
  await restartService(test.node, "mcns", admin, test.steps);
  stop.abort();
  await asking;
  equal(await text(port), "two");
  ok(answered > 10, String(answered));
  equal(failed, 0);
});

Deno.test("a platform definition wins over what was deployed before it was written, and only then", async () => {
  await using test = await TestNode.start();
  const port = freePort();
  const bundles = ["one", "two", "three"].map((one) => test.bundle(one, ...fixed(port, one)));
  define(test, "mcns", "core", bundles[0]!, health(port), new Date(Date.now() - 10_000));
  await boot(test.node);
  const running = (at: TestNode) => at.node.registry.services.get("mcns")!.release.components[0]!.bundle;
  test.images.set("mcr.test:8443/mcns:v2", bundles[1]!);
  const toml = `name = "mcns"\nstage = "core"\n[[components]]\nname = "main"\nimage = "mcr.test:8443/mcns:v2"\n${
    health(port)
  }\n`;
  await deploy(test.node, { toml, fileName: "mcns.toml", caller: admin }, test.steps);
  equal(running(test), bundles[1]);

  // The same file, and one that is older than the deploy: the deploy stays.
  const second = await test.afterCrash();
  await boot(second.node);
  equal(running(second), bundles[1]);
  define(second, "mcns", "core", bundles[2]!, health(port), new Date(Date.now() - 60_000));
  const third = await second.afterCrash();
  await boot(third.node);
  equal(running(third), bundles[1]);

  define(third, "mcns", "core", bundles[2]!, `${health(port)}\nenv = ["X=1"]`, new Date(Date.now() + 1_000));
  await using fourth = await third.afterCrash();
  await boot(fourth.node);
  equal(running(fourth), bundles[2]);
  equal(await text(port), "three");
});
