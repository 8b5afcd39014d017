/**
 * `deno task bench proxy`: CPU time of MC-Proxy and of other proxies for the same work, measured in turn on this machine in
 * one run. `deno task bench proxy h1 l4` measures these cases alone, and writes nothing into docs/benchmarks.md.
 */
import { join } from "node:path";
import { invalid, quote } from "@lib/errors/mod.ts";
import { throwawayCa, writeIssued } from "@lib/testing/mod.ts";
import { root, run } from "../../platform.ts";
import { machine } from "../processes.ts";
import { markdownTable, writeSection } from "../report.ts";
import { startBackend } from "./backend.ts";
import { type Case, cases, manyRoutes, type Ports, self } from "./cases.ts";
import { mcproxy, type ProxyKind, proxyKinds, type Setup } from "./proxies.ts";
import { Results } from "./results.ts";
import { Running } from "./running.ts";

/** Each number is the median of so many turns. */
const rounds = 5;
/** Everybody gets ports from here, below those that Linux gives to outgoing connections. */
const firstPort = 25_000;
const portsPerSubject = 10;

interface Subject {
  name: string;
  ports: Ports;
  running: Running;
  h2: boolean;
  kind: ProxyKind;
}

interface Measured {
  results: Results;
  versions: ReadonlyMap<string, string>;
}

async function versionsOf(): Promise<Map<string, string>> {
  const versions = new Map<string, string>();
  for (const kind of proxyKinds) {
    const version = await kind.version();
    if (version === null) {
      throw invalid("bench proxy", `${kind.name} isn't installed; every proxy of the table is needed`, {
        hint: "Install the packages nginx, libnginx-mod-stream, haproxy, caddy, nghttp2-client and apache2-utils",
      });
    }
    versions.set(kind.name, version);
  }
  return versions;
}

async function measure(wanted: readonly Case[]): Promise<Measured> {
  const versions = await versionsOf();
  const folder = await Deno.makeTempDir({ prefix: "mcproxy-bench-" });
  await using stack = new AsyncDisposableStack();
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  const certificates = await issue(folder);
  const backend = { http: firstPort, tls: firstPort + 1, source: firstPort + 2, sink: firstPort + 3 };
  stack.use(await startBackend(folder, backend, certificates));

  const subjects: Subject[] = [];
  const start = async (name: string, kind: ProxyKind, routes: number) => {
    const own = join(folder, String(subjects.length));
    Deno.mkdirSync(own);
    const port = firstPort + (subjects.length + 1) * portsPerSubject;
    const ports = { l7: port, l4: port + 1, metrics: port + 2 };
    const setup: Setup = { folder: own, ports, backend, routes, certificates };
    const running = stack.use(
      await Running.start(await kind.prepare(setup), kind.l4 ? [ports.l7, ports.l4] : [ports.l7]),
    );
    subjects.push({ name, ports, running, kind, h2: await agreesToH2(ports.l7, certificates.root) });
    console.error(`${name} ready`);
  };
  if (wanted.some(({ routes }) => !routes)) { for (const kind of proxyKinds) await start(kind.name, kind, 10); }
  else await start(self, mcproxy, 10);
  if (wanted.some(({ routes }) => routes)) await start(manyRoutes, mcproxy, 10_000);

  const results = new Results();
  for (const one of wanted) {
    const turns = subjects.filter((subject) => takesPart(subject, one));
    for (let round = 0; round < rounds; round++) {
      for (const { name, ports, running } of turns) {
        await one.warmUp(ports);
        const before = running.cpuSeconds;
        const units = await one.load(ports);
        const cost = (running.cpuSeconds - before) / units * one.unit.perSecond;
        results.add(name, one.name, cost);
        console.error(
          `${one.name} ${round + 1}/${rounds} ${name}: ${cost.toFixed(one.unit.digits + 1)} ${one.unit.text}`,
        );
      }
    }
  }
  return { results, versions };
}

function takesPart({ name, kind, h2 }: Subject, one: Case): boolean {
  if (one.routes) return name === self || name === manyRoutes;
  return name !== manyRoutes && (one.on === "l7" || kind.l4) && (one.h2 !== true || h2);
}

/** One certificate for everybody. Programs that give up root must be able to read it. */
async function issue(folder: string): Promise<Setup["certificates"] & { root: string }> {
  Deno.chmodSync(folder, 0o755);
  const dir = join(folder, "certs");
  Deno.mkdirSync(dir);
  const ca = await throwawayCa();
  const { cert, key } = await writeIssued(dir, await ca.issue(["localhost", "*.bench.test"]));
  Deno.chmodSync(key, 0o644);
  return { dir, cert, key, root: ca.root };
}

async function agreesToH2(port: number, rootPem: string): Promise<boolean> {
  const tcp = await Deno.connect({ hostname: "127.0.0.1", port });
  using tls = await Deno.startTls(tcp, { hostname: "localhost", caCerts: [rootPem], alpnProtocols: ["h2"] });
  try {
    return (await tls.handshake()).alpnProtocol === "h2";
  } catch {
    return false;
  }
}

function tables(wanted: readonly Case[], { results, versions }: Measured): string {
  const others = wanted.filter(({ routes }) => !routes);
  const many = wanted.filter(({ routes }) => routes);
  const cell = (value: number | null, one: Case) => value === null ? "" : value.toFixed(one.unit.digits);
  const row = (names: readonly string[], one: Case) => [
    `${one.title}, ${one.unit.text}`,
    ...names.map((name) => cell(results.median(name, one.name), one)),
    goalsOf(one, results),
  ];
  const names = [...versions.keys()];
  const parts: string[] = [];
  if (others.length > 0) {
    parts.push(markdownTable([
      ["", ...names.map((name) => `${name} (${versions.get(name)})`), "MC-Proxy against, goal in brackets"],
      ...others.map((one) => row(names, one)),
    ]));
  }
  if (many.length > 0) {
    parts.push(markdownTable([
      ["MC-Proxy", "10 routes", "10,000 routes", "against, goal in brackets"],
      ...many.map((one) => row([self, manyRoutes], one)),
    ]));
  }
  for (const one of others) {
    if (results.median(self, one.name) === null) {
      parts.push(`${one.title}: MC-Proxy didn't take part, it doesn't offer it.`);
    }
  }
  return parts.join("\n\n");
}

function goalsOf(one: Case, results: Results): string {
  const subject = one.routes ? manyRoutes : self;
  return one.goals.flatMap(({ of, times }) => {
    const ratio = results.ratio(subject, of, one.name);
    const whom = one.routes ? "10 routes" : of;
    return ratio === null ? [] : [`${ratio.toFixed(2)} × ${whom} (${times})`];
  }).join(", ");
}

/** @param names of cases; none means all, and that docs/benchmarks.md is written */
export async function benchProxy(names: readonly string[]): Promise<void> {
  for (const name of names) {
    if (cases.some((one) => one.name === name)) continue;
    throw invalid("bench proxy", `has the cases ${cases.map((one) => one.name).join(", ")}, got ${quote(name)}`);
  }
  const wanted = names.length === 0 ? cases : cases.filter(({ name }) => names.includes(name));
  const measured = await measure(wanted);
  const commit = (await run("git", ["-C", root, "rev-parse", "--short", "HEAD"])).stdout.trim();
  const text = `Measured ${
    new Date().toISOString().slice(0, 10)
  } at ${commit} by \`deno task bench proxy\`: ${machine()}. CPU time of all processes of a proxy, in user and kernel; medians of ${rounds} turns, the proxies taking turns.`;
  const section = [text, tables(wanted, measured)].join("\n\n");
  if (names.length === 0) await writeSection(root, "proxy", section);
  console.log(section);
}
