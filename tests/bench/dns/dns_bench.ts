/**
 * `deno task bench dns`: CPU time per query of MCNS, of other servers and of the runtime's own UDP echo, measured in turn
 * on this machine in one run.
 */
import { join } from "node:path";
import { invalid } from "@lib/errors/mod.ts";
import { throwawayCa, writeIssued } from "@lib/testing/mod.ts";
import { root, run } from "../../platform.ts";
import { machine } from "../processes.ts";
import { markdownTable, writeSection } from "../report.ts";
import { load } from "./load.ts";
import { RunningServer } from "./running.ts";
import { type ServerKind, serverKinds, type Setup } from "./servers.ts";
import { questionLines } from "./zone.ts";

/** Each measurement is the median of so many, each so long. */
const rounds = 9;
const seconds = 2;
/** Not counted: caches are cold after the others' turns. */
const warmUpSeconds = 0.5;
/** Every server gets ports from here, below those that Linux gives to outgoing connections. */
const firstPort = 24_000;
const portsPerServer = 10;

const small = 1000;
const medium = 100_000;
const large = 1_000_000;

type Case = "udp" | "tcp" | "dot" | "large";

const order: readonly Case[] = ["udp", "large", "tcp", "dot"];

const caseNames: Record<Case, string> = {
  udp: "UDP, 1,000 records",
  large: "UDP, 1,000,000 records",
  tcp: "TCP, pipelined",
  dot: "TLS, pipelined",
};

interface Subject {
  kind: ServerKind;
  version: string;
  setup(records: number): Setup;
}

/** Microseconds of CPU per query, by server and case. */
class Results {
  readonly #samples = new Map<string, number[]>();

  add(server: string, one: Case, microseconds: number): void {
    const key = `${one} ${server}`;
    this.#samples.set(key, [...this.#samples.get(key) ?? [], microseconds]);
  }

  median(server: string, one: Case): number | null {
    const samples = this.#samples.get(`${one} ${server}`);
    return samples === undefined ? null : medianOf(samples);
  }

  /** How many times as much one costs as the other: the median over turns that followed each other, as machines drift. */
  ratio([server, one]: [string, Case], [other, its]: [string, Case]): number {
    const others = this.#samples.get(`${its} ${other}`)!;
    return medianOf(this.#samples.get(`${one} ${server}`)!.map((value, round) => value / others[round]!));
  }

  /** Who of them costs least. */
  best(servers: readonly string[], one: Case): string {
    const able = servers.filter((server) => this.median(server, one) !== null);
    return able.reduce((best, server) => this.median(server, one)! < this.median(best, one)! ? server : best);
  }
}

function medianOf(samples: readonly number[]): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

async function subjects(folder: string): Promise<Subject[]> {
  const ca = await throwawayCa();
  const { cert, key } = await writeIssued(folder, await ca.issue(["localhost", "127.0.0.1"]));
  // Servers that give up root read it as somebody else.
  Deno.chmodSync(folder, 0o755);
  Deno.chmodSync(key, 0o644);
  const found: Subject[] = [];
  for (const [index, kind] of serverKinds.entries()) {
    const version = await kind.version();
    if (version === null) {
      throw invalid("bench dns", `${kind.name} isn't installed; every server of the table is needed`);
    }
    found.push({
      kind,
      version,
      setup(records) {
        const own = join(folder, `${index}-${records}`);
        Deno.mkdirSync(own);
        const port = firstPort + index * portsPerServer + (records === large ? portsPerServer / 2 : 0);
        return { folder: own, records, port, tlsPort: port + 1, cert, key };
      },
    });
  }
  return found;
}

async function started(
  subject: Subject,
  records: number,
): Promise<{ server: RunningServer; setup: Setup; ms: number }> {
  const setup = subject.setup(records);
  const launch = await subject.kind.prepare(setup);
  return { setup, ...await RunningServer.start(launch, setup.port, records) };
}

/** Milliseconds from start to the first answer, each server alone. */
async function startTimes(all: readonly Subject[]): Promise<Map<string, number>> {
  const times = new Map<string, number>();
  for (const subject of all) {
    const setup = subject.setup(medium);
    const launch = await subject.kind.prepare(setup);
    const samples: number[] = [];
    for (let i = 0; i < 5; i++) {
      const { server, ms } = await RunningServer.start(launch, setup.port, medium);
      await server[Symbol.asyncDispose]();
      samples.push(ms);
    }
    times.set(subject.kind.name, medianOf(samples));
    console.error(`${subject.kind.name}: first answer after ${samples.map((ms) => ms.toFixed(0)).join(", ")} ms`);
  }
  return times;
}

/** All servers side by side, idle but for the one whose turn it is. */
async function costs(all: readonly Subject[], folder: string): Promise<Results> {
  const results = new Results();
  const files: Record<number, string> = {
    [small]: join(folder, "questions"),
    [large]: join(folder, "questions.large"),
  };
  for (const records of [small, large]) Deno.writeTextFileSync(files[records]!, questionLines(records));
  await using stack = new AsyncDisposableStack();
  const turns: { name: string; one: Case; server: RunningServer; setup: Setup }[] = [];
  for (const subject of all) {
    const { name, speaks } = subject.kind;
    const { server, setup } = await started(subject, small);
    stack.use(server);
    for (const one of ["udp", ...speaks] as const) turns.push({ name, one, server, setup });
    // An echo has no records.
    if (speaks.length === 0) continue;
    const withMany = await started(subject, large);
    stack.use(withMany.server);
    turns.push({ name, one: "large", ...withMany });
  }
  // What is compared follows each other.
  turns.sort((a, b) => order.indexOf(a.one) - order.indexOf(b.one));
  for (let round = 0; round < rounds; round++) {
    for (const { name, one, server, setup: { port, tlsPort, records } } of turns) {
      const transport = one === "large" ? "udp" : one;
      const asked = { transport, port: one === "dot" ? tlsPort : port, questionsFile: files[records]! } as const;
      await load({ ...asked, seconds: warmUpSeconds });
      const before = server.cpuSeconds;
      const answered = await load({ ...asked, seconds });
      const microseconds = (server.cpuSeconds - before) / answered * 1e6;
      results.add(name, one, microseconds);
      console.error(`${round + 1}/${rounds} ${name} ${caseNames[one]}: ${microseconds.toFixed(2)} µs`);
    }
  }
  return results;
}

/** The goals, and what came out. */
function verdicts(results: Results, startMs: number, peers: readonly string[]): string[] {
  const times = (value: number) => `${value.toFixed(2)} ×`;
  const againstBest = (one: Case) => {
    const best = results.best(peers, one);
    return `${times(results.ratio(["MCNS", one], [best, one]))} ${best}, the best of the others; the goal is 0.5`;
  };
  return [
    `- UDP: ${times(results.ratio(["MCNS", "udp"], ["UDP echo", "udp"]))} the runtime's echo; the goal is 1.15.`,
    `- TCP, pipelined: ${againstBest("tcp")}.`,
    `- TLS, pipelined: ${againstBest("dot")}.`,
    `- 1,000,000 records: ${times(results.ratio(["MCNS", "large"], ["MCNS", "udp"]))} of 1,000; the goal is 1.10.`,
    `- First answer ${startMs.toFixed(0)} ms after the start with 100,000 records; the goal is 1,000.`,
  ];
}

async function measure(): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "mcns-bench-" });
  try {
    const all = await subjects(folder);
    const servers = all.filter(({ kind }) => kind.speaks.length > 0);
    const startMs = await startTimes(servers);
    const results = await costs(all, folder);
    const names = all.map(({ kind }) => kind.name);
    const peers = names.filter((name) => name !== "MCNS" && name !== "UDP echo");
    const cell = (value: number | null, digits: number) => value === null ? "" : value.toFixed(digits);
    const commit = (await run("git", ["-C", root, "rev-parse", "--short", "HEAD"])).stdout.trim();
    return [
      `Measured ${
        new Date().toISOString().slice(0, 10)
      } at ${commit} by \`deno task bench dns\`: ${machine()}. CPU time per query in microseconds, of all processes of a server, in user and kernel; medians of ${rounds} turns of ${seconds} s under dnsperf, the servers taking turns.`,
      markdownTable([
        ["", ...all.map(({ kind, version }) => `${kind.name} (${version})`)],
        ...order.map((one) => [
          caseNames[one],
          ...names.map((name) => cell(results.median(name, one), 1)),
        ]),
        ["first answer with 100,000 records, ms", ...names.map((name) => cell(startMs.get(name) ?? null, 0))],
      ]),
      verdicts(results, startMs.get("MCNS")!, peers).join("\n"),
    ].join("\n\n");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

export async function benchDns(): Promise<void> {
  const section = await measure();
  await writeSection(root, "dns", section);
  console.log(section);
}
