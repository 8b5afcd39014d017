/**
 * `deno task bench platform`: what a platform costs on this machine. Brings one up in a temporary folder, stops it, starts it
 * again, deploys, and writes what it measured into docs/benchmarks.md.
 */
import { type Ran, root, run, TestPlatform } from "../platform.ts";
import { machine, type Memory, memoryOf, sumOf, takenBy } from "./processes.ts";
import { markdownTable, writeSection } from "./report.ts";

// Collections of garbage after the start are over by then, and nothing but health checks has happened since.
const settleMs = 20_000;

const agent = "mcp-agent";
const services = ["mcias", "metacrypt", "mcns", "mcproxy", "mcr"] as const;

interface Start {
  /** Of `deno task up`. */
  seconds: number;
  /** By program: milliseconds from its start to ready, as it logs them itself. */
  readyMs: Record<string, number>;
  idle: Record<string, Memory>;
}

async function timed(what: string, action: () => Promise<Ran>): Promise<number> {
  console.error(what);
  const begin = performance.now();
  const { code, stdout, stderr } = await action();
  if (code !== 0) throw new Error(`${what} failed:\n${stdout}${stderr}`);
  return (performance.now() - begin) / 1000;
}

async function start(platform: TestPlatform, what: string): Promise<Start> {
  const seconds = await timed(what, () => platform.local("up"));
  const readyMs = Object.fromEntries([agent, ...services].map((name) => [name, readyAfter(platform, name)]));
  await new Promise((resolve) => setTimeout(resolve, settleMs));
  return { seconds, readyMs, idle: await idleMemory(platform) };
}

/** From the last start's line in the program's log: "ready service=mcns … after_ms=371". */
function readyAfter(platform: TestPlatform, name: string): number {
  const log = name === agent
    ? platform.srv("mcpagent", "agent.log")
    : platform.srv("mcpagent", "logs", `${name}.server.log`);
  const ready = [...Deno.readTextFileSync(log).matchAll(/ ready service=.* after_ms=(\d+)/g)].at(-1);
  if (!ready) throw new Error(`${log} has no line that says ready`);
  return Number(ready[1]);
}

/** By program. */
async function idleMemory(platform: TestPlatform): Promise<Record<string, Memory>> {
  const found: Record<string, Memory> = {};
  for (const { pid, command } of await platform.processes()) {
    const config = /\/srv\/([a-z]+)\/[a-z]+\.toml$/.exec(command)?.[1];
    if (config !== undefined) found[config === "mcpagent" ? agent : config] = memoryOf(pid);
  }
  for (const name of [agent, ...services]) if (!found[name]) throw new Error(`No process of ${name} was found`);
  return found;
}

async function measure(): Promise<string> {
  await using platform = TestPlatform.unstarted();
  const first = await start(platform, "up, in an empty folder");
  await timed("down", () => platform.local("down"));
  const again = await start(platform, "up, again");
  const helloFirst = await timed("deploy hello", () => platform.local("deploy", "hello"));
  const helloAgain = await timed("deploy hello, again", () => platform.local("deploy", "hello"));
  const mcns = await timed("deploy mcns", () => platform.local("deploy", "mcns"));
  const down = await timed("down", () => platform.local("down"));

  const s = (seconds: number) => `${seconds.toFixed(1)} s`;
  const mib = (value: number) => value.toFixed(0);
  const row = (name: string, a: Memory, b: Memory, readyA = "", readyB = "") => [
    ...[name, readyA, readyB],
    ...[mib(a.rss), mib(a.pss), mib(b.rss), mib(b.pss)],
  ];
  const [allFirst, allAgain] = [Object.values(first.idle), Object.values(again.idle)];
  const commit = (await run("git", ["-C", root, "rev-parse", "--short", "HEAD"])).stdout.trim();
  return [
    `Measured ${
      new Date().toISOString().slice(0, 10)
    } at ${commit} by \`deno task bench platform\`: Deno ${Deno.version.deno}, ${machine()}.`,
    markdownTable([
      ["what", "time"],
      ["`deno task up`, empty data folder", s(first.seconds)],
      ["`deno task up`, again after `down`", s(again.seconds)],
      ["`deno task deploy hello`, first", s(helloFirst)],
      ["`deno task deploy hello`, second", s(helloAgain)],
      ["`deno task deploy mcns`", s(mcns)],
      ["`deno task down`", s(down)],
    ]),
    `Per program: milliseconds from its start to ready while the platform boots, and idle memory in MiB ${
      settleMs / 1000
    } s after \`up\`. RSS counts the pages of the runtime's binary in every process; PSS gives each its share of them, and is smaller when others run the same binary; the last line counts them once.`,
    markdownTable([
      ["program", "ready, first", "ready, again", "RSS, first", "PSS, first", "RSS, again", "PSS, again"],
      ...[agent, ...services].map((name) =>
        row(name, first.idle[name]!, again.idle[name]!, String(first.readyMs[name]), String(again.readyMs[name]))
      ),
      row("in all", sumOf(allFirst), sumOf(allAgain)),
      ["taken from the machine", "", "", mib(takenBy(allFirst)), "", mib(takenBy(allAgain)), ""],
    ]),
  ].join("\n\n");
}

export async function benchPlatform(): Promise<void> {
  const section = await measure();
  await writeSection(root, "platform", section);
  console.log(section);
}
