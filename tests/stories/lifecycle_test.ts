/** The platform's main job from an empty folder to nothing left running. One platform; the steps build on each other. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { type Ran, run, serviceZone, TestPlatform } from "../platform.ts";
import { DnsAsker } from "./dns_asker.ts";
import { leftOf } from "./holdings.ts";

const host = `hello.${serviceZone}`;
const parts = ["mcias", "mcns", "mcpagent", "mcproxy", "mcr", "metacrypt"];

/**
 * Queries without an answer yet: the kernel keeps some 200 small datagrams for a socket, and on a busy machine the load
 * itself would overflow that, on either side.
 */
const maxWaiting = 100;

function succeeds({ code, stdout, stderr }: Ran): string {
  equal(code, 0, stderr);
  return stdout;
}

/** Every process of a platform with who runs it and what it may do. */
async function processFacts(platform: TestPlatform) {
  const facts = [];
  for (const { pid, command } of await platform.processes()) {
    const { stdout } = await run("ps", ["-o", "uid=", "-p", String(pid)]);
    const part = /\/srv\/([a-z]+)\/\1\.toml$/.exec(command)?.[1] ?? "hello";
    facts.push({ part, pid, uid: Number(stdout), words: command.split(" ") });
  }
  return facts.sort((a, b) => a.part.localeCompare(b.part));
}

/** mcp ps as data. */
async function services(platform: TestPlatform): Promise<Map<string, { state: string; version: string }>> {
  const out = succeeds(await platform.mcp("ps", "--json"));
  const { services } = JSON.parse(out) as {
    services: { name: string; state: string; components: { version: string }[] }[];
  };
  return new Map(services.map(({ name, state, components }) => [name, { state, version: components[0]!.version }]));
}

Deno.test("the platform comes up, deploys, survives and goes", async (t) => {
  await using platform = TestPlatform.unstarted();
  const greets = async () => equal(succeeds(await platform.curl(host, "/kyle")), "Hello, kyle!\n");
  const addressOf = async (name: string) => {
    using dns = new DnsAsker(platform.file.dns);
    const answer = await dns.ask(name);
    await dns.close();
    return answer === null ? "no answer" : answer.rcode === 3 ? "no such name" : answer.addresses.join(" ");
  };

  await t.step("up makes a healthy platform and says where it is", async () => {
    const out = succeeds(await platform.local("up"));
    const { ca, admin_password_file, ports_base, ...rest } = platform.file;
    const at = (port: number) => `127.0.0.1:${platform.base + port}`;
    deepEqual(rest, {
      dns: at(53),
      proxy: at(443),
      mcias: `https://${at(101)}`,
      metacrypt: `https://${at(111)}`,
      mcns: `https://${at(121)}`,
      mcns_grpc: at(122),
      mcproxy: `unix:${platform.srv("mcproxy", "run", "admin.sock")}`,
      mcproxy_admin: `https://${at(192)}`,
      mcr: at(131),
      agent: at(944),
      admin: "admin",
    });
    equal(ports_base, platform.base);
    match(Deno.readTextFileSync(ca), /^-----BEGIN CERTIFICATE-----/);
    equal(Deno.statSync(admin_password_file).mode! & 0o777, 0o600);
    equal(Deno.statSync(platform.data).mode! & 0o777, 0o700);
    for (const line of [ca, rest.dns, rest.proxy, "deno task deploy hello", "deno task down"]) ok(out.includes(line));
    match(succeeds(await platform.local("status")), /^agent \S+: serving\n$/);
  });

  await t.step("every process runs as the caller in a sandbox, and only the agent may start programs", async () => {
    const facts = await processFacts(platform);
    deepEqual(facts.map(({ part }) => part), parts);
    for (const { part, uid, words } of facts) {
      equal(uid, Deno.uid(), part);
      const wide = words.filter((word) =>
        /^(-A|--allow-(all|ffi|sys|scripts).*|--allow-(read|write|net|env))$/.test(word)
      );
      deepEqual(wide, [], part);
      deepEqual(
        words.filter((word) => word.startsWith("--allow-run")),
        part === "mcpagent" ? [`--allow-run=${Deno.execPath()}`] : [],
        part,
      );
    }
  });

  await t.step("deploy brings a service from its source to running", async () => {
    match(succeeds(await platform.local("deploy", "hello")), new RegExp(`https://${host}:${platform.base + 443}/`));
    await greets();
    equal(await addressOf(host), "127.0.0.1");
    match(succeeds(await platform.mcp("ps")), new RegExp(`^hello +web +running .* applications +${host}$`, "m"));
    match(
      succeeds(await platform.mcproxyctl("route", "list")),
      new RegExp(`^https +${host} +/ +l7 +127\\.0\\.0\\.1:\\d+ `, "m"),
    );
    const hello = (await processFacts(platform)).find(({ part }) => part === "hello")!;
    deepEqual(hello.words.filter((word) => /^--allow-(?!import)/.test(word)).map((word) => word.split("=")[0]), [
      "--allow-net",
      "--allow-env",
    ]);
  });

  await t.step("a second up finds it as it was", async () => {
    const before = (await platform.processes()).map(({ pid }) => pid);
    succeeds(await platform.local("up"));
    deepEqual((await platform.processes()).map(({ pid }) => pid), before);
    await greets();
  });

  await t.step("mcns is replaced while a thousand queries a second are answered", async () => {
    const before = (await services(platform)).get("mcns")!.version;
    using dns = new DnsAsker(platform.file.dns);
    let deploying = true;
    let [asked, waiting, unanswered, longestMs] = [0, 0, 0, 0];
    const wrong: string[] = [];
    const once = async () => {
      asked++;
      waiting++;
      const since = performance.now();
      // Asked once: whatever this socket and MCNS's were sent was not too much for them, so nothing may be missing.
      const answer = await dns.ask(host, 10_000);
      waiting--;
      longestMs = Math.max(longestMs, performance.now() - since);
      if (answer === null) unanswered++;
      else if (answer.rcode !== 0 || answer.addresses[0] !== "127.0.0.1") wrong.push(JSON.stringify(answer));
    };
    const load = (async () => {
      const questions: Promise<void>[] = [];
      const since = performance.now();
      while (deploying) {
        // What is due by now, so that slow timers don't thin the load.
        const due = Math.min(maxWaiting - waiting, Math.floor(performance.now() - since) - asked);
        for (let i = 0; i < due; i++) questions.push(once());
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      await Promise.all(questions);
      return (performance.now() - since) / 1000;
    })();
    const deployed = await platform.local("deploy", "mcns");
    deploying = false;
    const seconds = await load;
    await dns.close();
    succeeds(deployed);
    console.log(`${asked} queries in ${seconds.toFixed(1)} s, longest wait ${Math.round(longestMs)} ms`);
    deepEqual({ unanswered, wrong: wrong.slice(0, 3) }, { unanswered: 0, wrong: [] });
    ok(asked / seconds > 500, "the load must be a load");
    const { state, version } = (await services(platform)).get("mcns")!;
    equal(state, "running");
    ok(version !== before, "the new version runs");
    equal(await addressOf(host), "127.0.0.1");
  });

  await t.step("a stopped service can't be reached and has no record, and start brings it back", async () => {
    succeeds(await platform.mcp("stop", "hello"));
    ok((await platform.curl(host)).code !== 0);
    equal(await addressOf(host), "no such name");
    equal((await services(platform)).get("hello")!.state, "stopped");
    succeeds(await platform.mcp("start", "hello"));
    await greets();
    equal(await addressOf(host), "127.0.0.1");
  });

  await t.step("after kill -9 of everything, up brings it all back", async () => {
    const before = await services(platform);
    await platform.killAll();
    succeeds(await platform.local("up"));
    await greets();
    equal(await addressOf(host), "127.0.0.1");
    const after = await services(platform);
    deepEqual([...after], [...before]);
  });

  await t.step("undeploy leaves no process, port, route, record or certificate", async () => {
    succeeds(await platform.mcp("undeploy", "hello"));
    deepEqual(await leftOf(platform, "hello"), []);
    equal(await addressOf(host), "no such name");
    ok((await platform.curl(host)).code !== 0);
    deepEqual((await processFacts(platform)).map(({ part }) => part), parts);
  });

  await t.step("down leaves nothing running and no port taken", async () => {
    succeeds(await platform.local("down"));
    deepEqual(await platform.processes(), []);
    for (const port of [53, 443, 101, 945]) {
      Deno.listen({ hostname: "127.0.0.1", port: platform.base + port }).close();
    }
    equal((await platform.local("status")).code, 1);
    match(succeeds(await platform.local("down")), /^nothing was running\n$/);
    // The folder is all that there is.
    ok([...Deno.readDirSync(platform.data)].some(({ name }) => name === "version"));
    ok(Deno.statSync(join(platform.data, "srv", "mcns", "data", "mcns.db")).isFile);
  });
});
