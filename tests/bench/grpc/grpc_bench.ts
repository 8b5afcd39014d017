/**
 * `deno task bench grpc`: what a unary call costs as services serve it, on grpc-js over the guarded node:http2, and on bare lib/http2.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import { grpcClient } from "@lib/grpc/mod.ts";
import { Http2ClientConnection } from "@lib/http2/mod.ts";
import { run, type ThrowawayCa, throwawayCa, writeIssued } from "@lib/testing/mod.ts";
import { GetZoneRequestSchema, ZoneService } from "@proto/mcns/v1/mcns_pb.ts";
import { ConnStream } from "../../../services/mcproxy/stream/conn_stream.ts";
import { root } from "../../platform.ts";
import { machine, memoryOf } from "../processes.ts";
import { treeOf, usedTicks } from "../proxy/process_time.ts";
import { markdownTable, writeSection } from "../report.ts";

/** Each cost is the median of so many turns, each so long; the servers take turns. */
const rounds = 3;
const seconds = 1;
const warmUpSeconds = 0.3;
/** The kernel's clock tick for /proc, fixed in its interface to programs. */
const ticksPerSecond = 100;
const idleConnections = 1000;
const resets = 20_000;

const kinds = [
  { kind: "lib-grpc", title: "lib/grpc, on lib/http2" },
  { kind: "grpc-js", title: "bare: grpc-js, guarded node:http2" },
  { kind: "http2", title: "bare: lib/http2" },
] as const;

const zone = "example.org";
const path = "/mcns.v1.ZoneService/GetZone";
const fields = ["content-type", "application/grpc", "te", "trailers", "authorization", "Bearer token"];

/** Connections of the load times calls on each. */
const callsAtOnce = 8 * 8;

/** A prefix, and the zone's name as the one field of the message. */
const answerBytes = 5 + 2 + zone.length;

/** A request's one message with its prefix. */
function frame(): Uint8Array<ArrayBuffer> {
  const message = toBinary(GetZoneRequestSchema, create(GetZoneRequestSchema, { zone }));
  const framed = new Uint8Array(5 + message.length);
  new DataView(framed.buffer).setUint32(1, message.length);
  framed.set(message, 5);
  return framed;
}

class Measured implements AsyncDisposable {
  readonly calls: number[] = [];
  readonly costs: number[] = [];

  private constructor(readonly child: Deno.ChildProcess, readonly address: string, readonly isTls: boolean) {}

  static async start(kind: string, pair: { cert: string; key: string } | null): Promise<Measured> {
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        join(root, "tests/bench/grpc/server.ts"),
        kind,
        ...(pair === null ? [] : [pair.cert, pair.key]),
      ],
      cwd: root,
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const { value } = await reader.read();
    await reader.cancel();
    if (value === undefined) throw new Error(`${kind} didn't start`);
    return new Measured(child, value.trim(), pair !== null);
  }

  get port(): number {
    return Number(this.address.split(":")[1]);
  }

  get cpuSeconds(): number {
    return treeOf(this.child.pid).reduce((sum, pid) => sum + usedTicks(pid), 0) / ticksPerSecond;
  }

  /** A turn under h2load: 8 connections with 8 calls each. */
  async turn(body: string, forSeconds: number): Promise<{ calls: number; cpu: number }> {
    const before = this.cpuSeconds;
    const headers = fields.flatMap((name, at) => at % 2 === 0 ? ["-H", `${name}: ${fields[at + 1]}`] : []);
    const { code, stdout, stderr } = await run("h2load", [
      ...["-t", "1", "-c", "8", "-m", "8", "-D", `${forSeconds * 1000}ms`, "-d", body, ...headers],
      `${this.isTls ? "https" : "http"}://127.0.0.1:${this.port}${path}`,
    ]);
    // An error of gRPC is a 200 of HTTP without a message, so octets are counted: what has been answered is what they hold.
    const calls = Math.floor(Number(/\((\d+)\) data/.exec(stdout)?.[1]) / answerBytes);
    const good = Number(/status codes: (\d+) 2xx/.exec(stdout)?.[1]);
    if (code !== 0 || !(calls > 0) || good - calls > callsAtOnce) throw new Error(`h2load failed:\n${stdout}${stderr}`);
    return { calls, cpu: this.cpuSeconds - before };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.child.kill("SIGKILL");
    } catch {
      // Ended already; what failed has been said.
    }
    await this.child.status;
  }
}

/** grpc-js as a client gets the answer it should. */
async function assertCorrect(server: Measured, ca: ThrowawayCa): Promise<void> {
  await using client = grpcClient(ZoneService, {
    address: server.address,
    token: () => "token",
    ...(server.isTls ? { tls: { ca: ca.root, serverName: "localhost" } } : {}),
  });
  assert.equal((await client.getZone({ zone })).name, zone);
}

async function connected(server: Measured): Promise<{ connection: Http2ClientConnection; over: Promise<void> }> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  const connection = new Http2ClientConnection(new ConnStream(conn));
  return { connection, over: connection.run() };
}

async function call(connection: Http2ClientConnection): Promise<void> {
  const head = { method: "POST", scheme: "http", authority: "localhost", path, fields };
  const stream = connection.request(head, false);
  await stream.write(frame());
  stream.end();
  await stream.response();
  while (await stream.read() !== null);
  assert.equal(stream.trailers?.[stream.trailers.indexOf("grpc-status") + 1], "0");
}

/** KiB that a connection takes which has made a call and waits. */
async function idleMemory(server: Measured): Promise<number> {
  const before = memoryOf(server.child.pid).rss;
  const all = [];
  for (let i = 0; i < idleConnections; i++) {
    const one = await connected(server);
    await call(one.connection);
    all.push(one);
  }
  // Buffers of idle connections are given up within a second.
  await new Promise((resolve) => setTimeout(resolve, 2000));
  const kib = (memoryOf(server.child.pid).rss - before) * 1024 / idleConnections;
  for (const { connection } of all) connection.destroy();
  await Promise.all(all.map(({ over }) => over));
  return kib;
}

interface Flood {
  /** CPU seconds of the server. */
  cpu: number;
  /** Streams that were opened and reset until the connection was ended; all of them when it wasn't. */
  taken: number;
  /** MiB. */
  grown: number;
}

/** One connection opens and resets streams as fast as it can (CVE-2023-44487). */
async function rapidReset(server: Measured): Promise<Flood> {
  const before = server.cpuSeconds;
  const memory = memoryOf(server.child.pid).rss;
  const { connection, over } = await connected(server);
  await call(connection);
  const head = { method: "POST", scheme: "http", authority: "localhost", path, fields };
  let taken = 0;
  while (taken < resets && connection.available > 0) {
    connection.request(head, false).reset(8);
    // A chunk's worth, then a look at what the server says.
    if (++taken % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
  }
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const flood = { cpu: server.cpuSeconds - before, taken, grown: memoryOf(server.child.pid).rss - memory };
  connection.destroy();
  await over;
  // Others are still served.
  const other = await connected(server);
  await call(other.connection);
  other.connection.destroy();
  await other.over;
  return flood;
}

function medianOf(samples: readonly number[]): number {
  return samples.toSorted((a, b) => a - b)[samples.length >> 1]!;
}

async function measure(): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "grpc-bench-" });
  try {
    await using stack = new AsyncDisposableStack();
    const ca = await throwawayCa();
    const pair = await writeIssued(folder, await ca.issue(["localhost", "127.0.0.1"]));
    const body = join(folder, "frame");
    Deno.writeFileSync(body, frame());
    const plain: Measured[] = [];
    const secure: Measured[] = [];
    for (const { kind } of kinds) {
      plain.push(stack.use(await Measured.start(kind, null)));
      secure.push(stack.use(await Measured.start(kind, pair)));
    }
    for (const server of [...plain, ...secure]) await assertCorrect(server, ca);
    for (let round = 0; round < rounds; round++) {
      for (const server of [...plain, ...secure]) {
        await server.turn(body, warmUpSeconds);
        const { calls, cpu } = await server.turn(body, seconds);
        server.calls.push(calls / seconds);
        server.costs.push(cpu / calls * 1e6);
      }
      console.error(`${round + 1}/${rounds}`);
    }
    const fresh = async <T>(use: (server: Measured) => Promise<T>) => {
      const results: T[] = [];
      for (const { kind } of kinds) {
        await using server = await Measured.start(kind, null);
        await server.turn(body, warmUpSeconds);
        results.push(await use(server));
      }
      return results;
    };
    const memory = await fresh(idleMemory);
    const floods = await fresh(rapidReset);
    const row = (
      title: string,
      values: readonly number[],
      digits = 0,
    ) => [title, ...values.map((v) => v.toFixed(digits))];
    const commit = (await run("git", ["-C", root, "rev-parse", "--short", "HEAD"])).stdout.trim();
    return [
      `Measured ${
        new Date().toISOString().slice(0, 10)
      } at ${commit} by \`deno task bench grpc\`: Deno ${Deno.version.deno}, ${machine()}. Medians of ${rounds} turns of ${seconds} s under h2load, the servers taking turns.`,
      markdownTable([
        ["", ...kinds.map(({ title }) => title)],
        row("µs of CPU per call, in the clear", plain.map(({ costs }) => medianOf(costs))),
        row("µs of CPU per call, TLS", secure.map(({ costs }) => medianOf(costs))),
        row("calls per second, in the clear", plain.map(({ calls }) => medianOf(calls))),
        row("calls per second, TLS", secure.map(({ calls }) => medianOf(calls))),
        row(`KiB per idle connection, of ${idleConnections.toLocaleString("en")}`, memory),
        row(
          `streams reset until the client saw its end, of ${resets.toLocaleString("en")}`,
          floods.map(({ taken }) => taken),
        ),
        row("CPU seconds that they cost", floods.map(({ cpu }) => cpu), 2),
        row("MiB that they left", floods.map(({ grown }) => grown), 1),
      ]),
    ].join("\n\n");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

export async function benchGrpc(): Promise<void> {
  const section = await measure();
  await writeSection(root, "grpc", section);
  console.log(section);
}
