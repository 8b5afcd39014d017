/** The local platform's tool: `up`, `down`, `status`, `deploy NAME`. */
import { fileURLToPath } from "node:url";
import { errorTable, invalid, messageOf, notFound, quote, toPlatformError } from "@lib/errors/mod.ts";
import { progress } from "@lib/terminal/mod.ts";
import { agentHealth, startAgent, stopAgent, untilHealthy } from "./agent_process.ts";
import { type LocalArguments, parseLocalArguments } from "./arguments.ts";
import { bootstrap, isBootstrapped } from "./bootstrap.ts";
import { deployService } from "./deploy.ts";
import { requireFreePorts } from "./free_ports.ts";
import type { Layout } from "./layout.ts";
import { firstCertificates } from "./pki.ts";
import { findLayout, platformText, writePlatform } from "./platform_file.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

// Every service has 30 s to become healthy, in five stages of which the first three wait for each other.
const bootTimeoutMs = 90_000;

async function up(layout: Layout): Promise<void> {
  const steps = progress();
  const known = isBootstrapped(layout);
  if (known && await agentHealth(layout) !== null) {
    await untilHealthy(layout, bootTimeoutMs);
  } else {
    await requireFreePorts(layout.ports);
    if (known) await firstCertificates(layout);
    else await bootstrap(layout, root, steps);
    steps.start("boot");
    startAgent(layout);
    const { version } = await untilHealthy(layout, bootTimeoutMs);
    steps.done(`agent ${version}`);
  }
  writePlatform(layout);
  console.log(platformText(layout));
}

async function down(layout: Layout): Promise<void> {
  if (!isBootstrapped(layout)) throw notFound("platform", layout.data, { hint: "Start one: deno task up" });
  const steps = progress();
  steps.start("stop");
  const stopped = await stopAgent(layout, ({ state, detail }) => {
    // Services of one stage stop at the same time: a line a service when it has, timed from the one before.
    if (state !== "ok") return;
    steps.done(detail);
    steps.start("stop");
  });
  console.log(stopped ? "stopped; deno task up brings it back as it was" : "nothing was running");
}

async function status(layout: Layout): Promise<number> {
  if (!isBootstrapped(layout)) throw notFound("platform", layout.data, { hint: "Start one: deno task up" });
  const health = await agentHealth(layout);
  if (health === null) {
    console.log("down: the agent does not answer; start it with deno task up");
    return 1;
  }
  console.log(`agent ${health.version}: ${health.status}`);
  for (const reason of health.reasons) console.log(`  ${reason}`);
  return health.status === "serving" ? 0 : 1;
}

async function deploy(layout: Layout, { words }: LocalArguments): Promise<void> {
  const [name, ...more] = words;
  if (name === undefined || more.length > 0) throw invalid("deploy", "names one service, e.g. deno task deploy hello");
  if (!isBootstrapped(layout)) throw notFound("platform", layout.data, { hint: "Start one: deno task up" });
  const { image, hostnames } = await deployService(layout, root, name, progress());
  console.log(`${name} runs ${image}`);
  for (const host of hostnames) console.log(`  https://${host}:${layout.ports.proxy}/`);
}

async function run(argv: readonly string[]): Promise<number> {
  const args = parseLocalArguments(argv);
  const layout = findLayout(args.data, args.portsBase);
  if (args.verb !== "deploy" && args.words.length > 0) {
    throw invalid(args.verb, `unknown argument ${quote(args.words[0])}`);
  }
  switch (args.verb) {
    case "up":
      await up(layout);
      return 0;
    case "down":
      await down(layout);
      return 0;
    case "status":
      return await status(layout);
    case "deploy":
      await deploy(layout, args);
      return 0;
    default:
      throw invalid("verb", `must be up, down, status or deploy, got ${quote(args.verb)}`);
  }
}

try {
  Deno.exitCode = await run(Deno.args);
} catch (error) {
  const known = toPlatformError(error);
  console.error(known.code === "internal" ? messageOf(error) : known.message);
  if (known.hint !== undefined) console.error(`  ${known.hint}`);
  if (known.code === "internal" && error instanceof Error) console.error(error.stack);
  Deno.exitCode = errorTable[known.code].exit;
}
