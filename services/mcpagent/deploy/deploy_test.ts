import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { join } from "node:path";
import { PlatformError } from "@lib/errors/mod.ts";
import { boot } from "../boot.ts";
import type { ProcessDriver } from "../runtime/deno_driver.ts";
import { deploy } from "./deploy.ts";
import { definition, everything, greets, holdings, image, nothing, record, request, route } from "../testing/hello.ts";
import { admin, TestNode, user } from "../testing/test_node.ts";

Deno.test("deploy takes a definition to a running, certified, routed and named service", async () => {
  await using test = await TestNode.start();
  test.bundle(image("v1"), greets("one"));
  const said = await deploy(test.node, request("v1"), test.steps);
  equal(said, "hello runs web v1 at hello.svc.test");
  deepEqual(test.outcome(), [
    "pull ok",
    "certificate ok",
    "port ok",
    "start ok",
    "health ok",
    "route ok",
    "record ok",
    "registry ok",
  ]);
  equal(await test.ask(route), "one");
  equal(test.world.records.get(record), "127.0.0.1");
  deepEqual(holdings(test), everything);
  const row = test.node.registry.services.get("hello")!;
  equal(row.deployedBy, "anna");
  equal(row.release.components[0]!.digest.slice(0, 7), "sha256:");
  deepEqual(test.node.registry.deploys.unfinished(), []);
});

Deno.test("deploy again of what runs already changes nothing", async () => {
  await using test = await TestNode.start();
  test.bundle(image("v1"), greets("one"));
  await deploy(test.node, request("v1"), test.steps);
  const { pid } = test.node.fleet.get("hello", "web")!.observed();
  test.outcome();
  await deploy(test.node, request("v1"), test.steps);
  deepEqual(test.outcome(), [
    "pull ok",
    "certificate skipped",
    "start skipped",
    "route ok",
    "record ok",
    "registry ok",
  ]);
  equal(test.node.fleet.get("hello", "web")!.observed().pid, pid);
  equal(test.world.issued, 1);
});

Deno.test("deploy of a new version leads callers to it before the old one stops", async () => {
  await using test = await TestNode.start();
  test.bundle(image("v1"), greets("one"));
  test.bundle(image("v2"), greets("two"));
  await deploy(test.node, request("v1"), test.steps);
  const old = test.world.routes.get(route)!;
  const seen: string[] = [];
  test.world.before = async (what) => {
    if (what === "route hello.svc.test") seen.push(await (await fetch(`http://${old}/`)).text());
  };
  await deploy(test.node, request("v2"), test.steps);
  deepEqual(seen[0], "one", "the old process answers until the switch");
  equal(await test.ask(route), "two");
  ok(test.world.routes.get(route) !== old);
  deepEqual(holdings(test), everything);
  await rejects(fetch(`http://${old}/`), "the old process is gone");
});

/** Each part that may be down, the deploy's steps until there, and what the refusal says. */
const outages: [part: "images" | "issuer" | "ingress" | "names", last: string, said: RegExp][] = [
  ["images", "pull", /^Cannot pull: images does not answer$/],
  ["issuer", "certificate", /^Cannot sign: issuer does not answer$/],
  ["ingress", "route", /^Cannot route hello\.svc\.test: ingress does not answer$/],
  ["names", "record", /^Cannot set hello: names does not answer$/],
];
for (const [part, last, said] of outages) {
  Deno.test(`deploy with ${part} down fails at step ${last}, leaves nothing, and a rerun converges`, async () => {
    await using test = await TestNode.start();
    test.bundle(image("v1"), greets("one"));
    test.world.down.add(part);
    await rejects(deploy(test.node, request("v1"), test.steps), (error) => {
      match((error as PlatformError).message, said);
      equal((error as PlatformError).code, "unavailable");
      return true;
    });
    ok(test.outcome().includes(`${last} failed`));
    equal(test.node.registry.services.get("hello"), null);
    equal(test.node.fleet.of("hello").size, 0);
    equal(test.world.routes.size + test.world.records.size, 0);
    test.world.down.clear();
    await deploy(test.node, request("v1"), test.steps);
    deepEqual(holdings(test), everything);
    equal(await test.ask(route), "one");
  });
}

Deno.test("deploy whose health check never passes leaves no process, port, route, record or certificate", async () => {
  await using test = await TestNode.start();
  test.bundle(image("v1"), greets("one").replace("new Response(", "new Response(null, { status: 503 }, "));
  await rejects(
    deploy(test.node, { ...request("v1"), toml: definition("v1").replace("15000", "2000") }, test.steps),
    /is not healthy within 2000 ms: .* answered 503/,
  );
  deepEqual(test.outcome().slice(-2), ["health failed", "rollback ok"]);
  deepEqual(holdings(test), nothing);
  equal(test.world.revoked.length, 1);
});

Deno.test("deploy of a version that crashes goes back to the one before, which never stopped", async () => {
  await using test = await TestNode.start();
  test.bundle(image("v1"), greets("one"));
  test.bundle(image("v2"), `console.error("cannot find table"); Deno.exit(1);`);
  await deploy(test.node, request("v1"), test.steps);
  const { pid } = test.node.fleet.get("hello", "web")!.observed();
  await rejects(
    deploy(test.node, request("v2"), test.steps),
    /Component web of hello ended with code 1; its last lines:\n(?:.*\n)* {2}cannot find table/,
  );
  equal(await test.ask(route), "one");
  equal(test.node.fleet.get("hello", "web")!.observed().pid, pid);
  deepEqual(holdings(test), everything);
  equal(test.node.registry.services.get("hello")!.release.components[0]!.version, "v1");
});

Deno.test("deploy that fails after the switch leads callers back to the old version", async () => {
  await using test = await TestNode.start();
  test.bundle(image("v1"), greets("one"));
  test.bundle(image("v2"), greets("two"));
  await deploy(test.node, request("v1"), test.steps);
  test.world.down.add("names");
  await rejects(deploy(test.node, request("v2"), test.steps), /names does not answer/);
  equal(await test.ask(route), "one");
  test.world.down.clear();
  await deploy(test.node, request("v2"), test.steps);
  equal(await test.ask(route), "two");
  deepEqual(holdings(test), everything);
});

Deno.test("deploy that needs the old process's files stops it first, and starts it again on failure", async () => {
  await using test = await TestNode.start();
  const volume = join(test.node.settings.srvDir, "hello");
  const volumes = `volumes = ["${volume}:${volume}"]`;
  // A lock file stands for a database that takes one process.
  const locked = (text: string) =>
    `Deno.writeTextFileSync("${volume}/lock", "x", { createNew: true });
     Deno.addSignalListener("SIGTERM", () => { Deno.removeSync("${volume}/lock"); Deno.exit(0); }); ${greets(text)}`;
  test.bundle(image("v1"), locked("one"));
  test.bundle(image("v2"), locked("two"));
  test.bundle(image("v3"), "Deno.exit(1);");
  await deploy(test.node, request("v1", volumes), test.steps);
  await deploy(test.node, request("v2", volumes), test.steps);
  equal(await test.ask(route), "two");
  await rejects(deploy(test.node, request("v3", volumes), test.steps), /ended with code 1/);
  equal(await test.ask(route), "two");
  deepEqual(holdings(test), everything);
});

Deno.test("deploy is cut off at every step and converges at the next start", async () => {
  for (const cutAt of ["pull", "sign", "route hello.svc.test", "set hello"]) {
    const test = await TestNode.start();
    test.bundle(image("v1"), greets("one"));
    const stuck = Promise.withResolvers<void>();
    const reached = Promise.withResolvers<void>();
    test.world.before = (what) => {
      if (what !== cutAt) return;
      reached.resolve();
      return stuck.promise;
    };
    const cut = deploy(test.node, request("v1"), test.steps);
    await reached.promise;
    // The deploy hangs for ever, as far as the next agent can tell; its processes went with the lifeline.
    test.world.before = () => {};
    const orphans = test.node.registry.deploys.unfinished();
    equal(orphans.length, 1, cutAt);
    await using next = await crash(test, cut, stuck.reject);
    await boot(next.node);
    deepEqual(holdings(next), nothing, cutAt);
    deepEqual(next.node.registry.deploys.unfinished(), []);
    await deploy(next.node, request("v1"), next.steps);
    equal(await next.ask(route), "one");
    deepEqual(holdings(next), everything);
  }
});

/** Ends the hanging deploy without letting it undo anything, as a kill would. */
async function crash(test: TestNode, cut: Promise<string>, end: (error: Error) => void): Promise<TestNode> {
  const { registry } = test.node;
  const claims = registry.claims.of("hello");
  const [unfinished] = registry.deploys.unfinished();
  const routes = new Map(test.world.routes);
  const records = new Map(test.world.records);
  end(new Error("killed"));
  await cut.catch(() => {});
  // What the rollback tidied is put back.
  for (const claim of claims) registry.claims.take("hello", claim);
  registry.deploys.begin("hello", "", unfinished!.actor);
  for (const [key, value] of routes) test.world.routes.set(key, value);
  for (const [key, value] of records) test.world.records.set(key, value);
  return await test.afterCrash();
}

Deno.test("boot after a crash brings back what ran, on its port, with route and record", async () => {
  await using test = await TestNode.start();
  test.bundle(image("v1"), greets("one"));
  await deploy(test.node, request("v1"), test.steps);
  const backend = test.world.routes.get(route);
  test.world.routes.clear();
  await using next = await test.afterCrash();
  await boot(next.node);
  equal(await next.ask(route), "one");
  equal(next.world.routes.get(route), backend);
  deepEqual(holdings(next), everything);
});

Deno.test("boot picks another port where the old one was taken meanwhile", async () => {
  await using test = await TestNode.start();
  test.bundle(image("v1"), greets("one"));
  await deploy(test.node, request("v1"), test.steps);
  const backend = test.world.routes.get(route)!;
  await using next = await test.afterCrash();
  using _thief = Deno.listen({ hostname: "127.0.0.1", port: Number(backend.split(":")[1]) });
  await boot(next.node);
  ok(next.world.routes.get(route) !== backend);
  equal(await next.ask(route), "one");
  deepEqual(holdings(next), everything);
});

Deno.test("deploy picks another port when a program takes it just before ours", async () => {
  await using test = await TestNode.start();
  test.bundle(image("v1"), greets("one"));
  const thieves: Deno.Listener[] = [];
  const driver: ProcessDriver = {
    spawn(spec, onLines) {
      if (thieves.length < 2) thieves.push(Deno.listen({ hostname: "127.0.0.1", port: Number(spec.env.PORT) }));
      return test.node.driver.spawn(spec, onLines);
    },
  };
  await deploy({ ...test.node, driver }, request("v1"), test.steps);
  for (const thief of thieves) thief.close();
  deepEqual(test.outcome().filter((step) => /^(port|start|health)/.test(step)), [
    "port ok",
    "start ok",
    "health failed",
    "port ok",
    "start ok",
    "health failed",
    "port ok",
    "start ok",
    "health ok",
  ]);
  equal(await test.ask(route), "one");
  deepEqual(holdings(test), everything);
});

Deno.test("deploy on a fixed port that another program has says how to find it", async () => {
  await using test = await TestNode.start();
  test.bundle(image("v1"), greets("one"));
  using other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = other.addr as Deno.NetAddr;
  await rejects(
    deploy(test.node, { ...request("v1"), toml: `${definition("v1")}host_port = ${port}\n` }, test.steps),
    { code: "conflict", message: `Port ${port} of 127.0.0.1 is in use by a program that the agent did not start` },
  );
  deepEqual(holdings(test), nothing);
});

Deno.test("deploy refuses a host name that another service answers under", async () => {
  await using test = await TestNode.start();
  test.bundle(image("v1"), greets("one"));
  const named = (name: string) => ({
    ...request("v1"),
    toml: definition("v1").replace('name = "hello"', `name = "${name}"`) + 'hostname = "docs.example.org"\n',
  });
  await deploy(test.node, named("hello"), test.steps);
  ok(test.reports.some(({ step, state }) => step === "record" && state === "skipped"), "its record is not ours");
  await rejects(
    deploy(test.node, named("other"), test.steps),
    /the route docs\.example\.org on listener https: service "hello" has it/,
  );
  equal(await test.ask("https docs.example.org"), "one");
});

Deno.test("one change of a service at a time", async () => {
  await using test = await TestNode.start();
  test.bundle(image("v1"), greets("one"));
  const first = deploy(test.node, request("v1"), test.steps);
  await rejects(
    deploy(test.node, request("v1"), test.steps),
    /Cannot deploy "hello" now: deploy by anna is under way since/,
  );
  await first;
});

Deno.test("deploy refuses what the caller, the name or the node forbid", async () => {
  await using test = await TestNode.start();
  const refused = async (toml: string, caller = user) => {
    try {
      await deploy(test.node, { toml, fileName: "x.toml", caller }, test.steps);
    } catch (error) {
      return `${(error as PlatformError).code} ${(error as PlatformError).rule ?? ""}`.trim();
    }
    return "deployed";
  };
  equal(await refused(definition("latest")), "invalid");
  equal(await refused(`stage = "core"\n${definition("v1")}`), "denied platform-needs-admin");
  equal(await refused(`node = "rift"\n${definition("v1")}`), "conflict");
  equal(await refused(`active = false\n${definition("v1")}`), "conflict");
  equal(await refused(`${definition("v1")}hostname = "mcias.svc.test"\n`), "denied own-name");
  equal(await refused(definition("v1").replace("port = 443", "port = 8443")), "invalid");
  equal(await refused(definition("v1").replace("mcr.test", "evil.test")), "invalid");
  equal(await refused(definition("v9"), admin), "not_found");
  const other = { username: "mcq", accountType: "system" as const, roles: [] };
  equal(await refused(definition("v1"), other as unknown as typeof user), "denied own-service");
  test.bundle(image("v1"), greets("one"));
  equal(await refused(definition("v1", 'volumes = ["/etc:/etc:ro"]')), "denied own-data");
  equal(await refused(definition("v1", 'cmd = ["--config", "/etc/passwd"]')), "denied own-data");
  deepEqual(holdings(test), nothing);
});
