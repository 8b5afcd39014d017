/** A part of the platform is away during a deploy: who it is is said, nothing is left, and the same command works once it is back. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { serviceZone, TestPlatform } from "../platform.ts";
import { answering, definition, pushProgram, registry, writeDefinition } from "../stories/bundles.ts";
import { leftOf } from "../stories/holdings.ts";

/** The part, and what a deploy says while it is stopped; ADDRESS stands for where it should answer. */
const outages: [part: string, address: (platform: TestPlatform) => string, stderr: string][] = [
  [
    "mcr",
    ({ file }) => file.mcr,
    'mcp: Cannot pull away:v1: MCR at ADDRESS does not answer (REASON). See "mcp status mcr" and "mcp logs mcr"; when it runs again, repeat the command',
  ],
  [
    "metacrypt",
    ({ base }) => `127.0.0.1:${base + 112}`,
    'mcp: Cannot get a certificate: Metacrypt at ADDRESS does not answer (REASON). See "mcp status metacrypt" and "mcp logs metacrypt"; when it runs again, repeat the command',
  ],
  [
    "mcproxy",
    (platform) => `unix:${platform.srv("mcproxy", "run", "admin.sock")}`,
    `mcp: Cannot route away.${serviceZone}: MC-Proxy at ADDRESS does not answer (REASON). See "mcp status mcproxy" and "mcp logs mcproxy"; when it runs again, repeat the command`,
  ],
  [
    "mcns",
    ({ base }) => `127.0.0.1:${base + 122}`,
    `mcp: Cannot set the A record away in ${serviceZone}: MCNS at ADDRESS does not answer (REASON). See "mcp status mcns" and "mcp logs mcns"; when it runs again, repeat the command`,
  ],
];

Deno.test("a deploy while a part is away says which, leaves nothing, and works once it is back", async (t) => {
  await using platform = await TestPlatform.start();
  const succeeds = async (...words: string[]) => {
    const { code, stderr } = await platform.mcp(...words);
    equal(code, 0, `mcp ${words.join(" ")}: ${stderr}`);
  };
  const answers = async () => equal((await platform.curl(`away.${serviceZone}`)).stdout, "answer 200\n");
  await pushProgram(platform, "away", "v1", answering(200));
  writeDefinition(platform, "away", definition("away", `${registry}/away:v1`));

  for (const [part, address, expected] of outages) {
    await t.step(part, async () => {
      await succeeds("stop", part);
      const { code, stdout, stderr } = await platform.mcp("deploy", "away");
      const [before = "", after = ""] = expected.replace("ADDRESS", address(platform)).split("REASON");
      equal(stdout, "");
      ok(stderr.trim().startsWith(before) && stderr.trim().endsWith(after), stderr);
      equal(code, 1);
      await succeeds("start", part);
      deepEqual(await untilGone(platform, "away"), []);
      await succeeds("deploy", "away");
      await answers();
      await succeeds("undeploy", "away");
      deepEqual(await leftOf(platform, "away"), []);
    });
  }

  await t.step("a push while the registry is away", async () => {
    await succeeds("stop", "mcr");
    const { code, stderr } = await platform.local("deploy", "hello");
    equal(code, 1);
    match(
      stderr,
      new RegExp(`Cannot push hello: MCR at ${platform.file.mcr} does not answer \\(.*\\)\n +See "mcp status mcr"`),
    );
    await succeeds("start", "mcr");
    equal((await platform.local("deploy", "hello")).code, 0);
  });

  await t.step("identity can't be stopped, because nobody could start it again", async () => {
    const { code, stderr } = await platform.mcp("stop", "mcias");
    deepEqual({ code, stderr }, {
      code: 1,
      stderr: `mcp: Service mcias can't be stopped alone: without it nobody can log in to start it again
  To have new processes: mcp restart mcias; to stop the node: mcp shutdown
`,
    });
  });

  await t.step("a deploy while identity is away", async () => {
    const [config, aside] = [platform.srv("mcias", "mcias.toml"), platform.srv("mcias", "aside.toml")];
    Deno.renameSync(config, aside);
    await kill(platform, "mcias");
    // A session that the agent has seen within 30 s is still known to it; nobody knows a new one.
    Deno.removeSync(`${platform.data}/cli/session.json`);
    const { code, stderr } = await platform.mcp("deploy", "away");
    equal(code, 1);
    const address = `127.0.0.1:${platform.base + 101}`;
    match(stderr, new RegExp(`^mcp: Cannot log in or out: MCIAS at ${address} does not answer \\(.*\\)\n`));
    equal((await platform.curl(`hello.${serviceZone}`)).stdout, "Hello, world!\n");
    Deno.renameSync(aside, config);
    const end = performance.now() + 20_000;
    while ((await platform.mcp("deploy", "away")).code !== 0) {
      ok(performance.now() < end, "identity comes back by itself");
    }
    await answers();
    await succeeds("undeploy", "away");
  });

  await t.step(
    "parts that are killed during a deploy come back and the deploy goes through, now or repeated",
    async () => {
      for (const [part] of outages) {
        await kill(platform, part);
        const first = await platform.mcp("deploy", "away");
        // Half a second of back-off and a start: less than the agent's patience with a part that is away.
        if (first.code !== 0) {
          match(first.stderr, /does not answer/);
          await succeeds("deploy", "away");
        }
        await answers();
        await succeeds("undeploy", "away");
      }
      deepEqual(await leftOf(platform, "away"), []);
    },
  );
});

/** kill -9 of a part's process. */
async function kill(platform: TestPlatform, part: string): Promise<void> {
  const { pid } = (await platform.processes()).find(({ command }) => command.endsWith(`/${part}.toml`))!;
  Deno.kill(pid, "SIGKILL");
}

/** What a failed deploy could not take away while a part was gone is taken away by the agent when it is back. */
async function untilGone(platform: TestPlatform, service: string): Promise<string[]> {
  const end = performance.now() + 40_000;
  for (;;) {
    const left = await leftOf(platform, service);
    if (left.length === 0 || performance.now() > end) return left;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}
