import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { systemClock } from "@lib/clock/mod.ts";
import { loadConfig } from "@lib/config/mod.ts";
import { PlatformError } from "@lib/errors/mod.ts";
import { type GrpcClient, grpcClient } from "@lib/grpc/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { Registry } from "@lib/metrics/mod.ts";
import type { RunningService } from "@lib/service/mod.ts";
import { AgentService, type StepEvent } from "@proto/mcp/v1/agent_pb.ts";
import { schema } from "./config.ts";
import { startServer } from "./server.ts";
import { Wire } from "./testing/wire.ts";

const definition = `name = "hello"
[[components]]
name = "web"
image = "mcr.test:8443/hello:v1"
[[components.routes]]
port = 443
mode = "l7"
`;
const program = `console.log("up"); Deno.serve((request) => new Response(new URL(request.url).pathname));`;

class RunningAgent implements AsyncDisposable {
  readonly #clients: GrpcClient<typeof AgentService>[] = [];

  private constructor(readonly wire: Wire, readonly agent: RunningService & { grpcAddress: string }) {}

  static async start(wire: Wire): Promise<RunningAgent> {
    const { config } = loadConfig({
      schema,
      service: "mcpagent",
      file: wire.config(Deno.execPath()),
      environment: () => undefined,
    });
    const agent = await startServer({
      config,
      log: silentLogger,
      clock: systemClock,
      metrics: new Registry(),
      name: "mcpagent",
      version: "0.1.0",
      startedAt: new Date(),
    });
    return new RunningAgent(wire, agent);
  }

  as(token: string): GrpcClient<typeof AgentService> {
    const client = grpcClient(AgentService, {
      address: this.agent.grpcAddress,
      tls: { ca: this.wire.root.certificatePem, serverName: "localhost" },
      token: () => token,
    });
    this.#clients.push(client);
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) await client.close();
    await this.agent[Symbol.asyncDispose]();
  }
}

async function outcome(events: AsyncIterable<StepEvent>): Promise<StepEvent> {
  let last: StepEvent | undefined;
  for await (const event of events) last = event;
  return last!;
}

Deno.test("the agent deploys a service over the wire, shows it, and finds it again after a restart", async () => {
  await using wire = await Wire.start();
  await wire.push("hello", "v1", program);
  {
    await using running = await RunningAgent.start(wire);
    const anna = running.as("user-token");
    const done = await outcome(anna.deploy({ definition, fileName: "hello.toml" }));
    equal(done.detail, "hello runs web v1 at hello.svc.test");
    equal(wire.records.get("hello.svc.test A"), "127.0.0.1");
    const backend = wire.routes.get("https hello.svc.test")!;
    equal(await (await fetch(`http://${backend}/kyle`)).text(), "/kyle");

    const { services: [hello] } = await anna.listServices({});
    deepEqual([hello!.name, hello!.state, hello!.deployedBy], ["hello", "running", "anna"]);
    const { components: [web] } = await anna.getService({ service: "hello" });
    ok(web!.flags.some(({ flag, reason }) => flag === `--allow-net=${backend}` && reason === "listens: route main"));
    equal(web!.flags.some(({ flag }) => /^--allow-(run|ffi|sys|all)/.test(flag)), false);

    const lines: string[] = [];
    for await (const { line } of anna.streamLogs({ service: "hello" })) lines.push(line);
    equal(lines[0], "up");
    const { events } = await anna.listEvents({ service: "hello" });
    deepEqual(events.map(({ kind }) => kind), ["deployed", "healthy", "started"]);
    const node = await anna.getNode({});
    deepEqual([node.name, node.state, node.services, node.running], ["local", "ready", 1, 1]);
  }
  await using again = await RunningAgent.start(wire);
  const anna = again.as("user-token");
  while ((await anna.getNode({})).state === "booting") await new Promise((resolve) => setTimeout(resolve, 20));
  const backend = wire.routes.get("https hello.svc.test")!;
  equal(await (await fetch(`http://${backend}/again`)).text(), "/again");
  equal((await outcome(anna.undeploy({ service: "hello" }))).detail, "hello is gone");
  equal(wire.routes.size + wire.records.size, 0);
});

Deno.test("the agent refuses guests, strangers and bad definitions, and says why a deploy failed", async () => {
  await using wire = await Wire.start();
  await using running = await RunningAgent.start(wire);
  const refused = async (token: string, toml: string) => {
    try {
      const { errorCode, detail } = await outcome(
        running.as(token).deploy({ definition: toml, fileName: "x/hello.toml" }),
      );
      return `${errorCode}: ${detail}`;
    } catch (error) {
      ok(error instanceof PlatformError, String(error));
      return `${error.code} thrown: ${error.message}`;
    }
  };
  match(await refused("guest-token", definition), /^denied thrown: /);
  match(await refused("nobody", definition), /^unauthenticated thrown: /);
  match(await refused("user-token", definition.replace(":v1", "")), /^invalid thrown: hello\.toml:4: /);
  match(await refused("user-token", `stage = "core"\n${definition}`), /^denied thrown: .*only an admin/);
  match(await refused("user-token", definition), /^not_found: Cannot pull hello:v1: MCR refuses: /);
  await rejects(outcome(running.as("user-token").shutdown({})), { code: "denied" });
});

Deno.test("the agent takes who opens its local socket for an admin, and ends in order when that asks for it", async () => {
  await using wire = await Wire.start();
  await wire.push("hello", "v1", program);
  await using running = await RunningAgent.start(wire);
  await outcome(running.as("user-token").deploy({ definition, fileName: "hello.toml" }));
  const ended = new Promise<void>((resolve) => addEventListener("metacircular:stop", () => resolve(), { once: true }));
  await using local = grpcClient(AgentService, { address: `unix:${wire.folder}/srv/mcpagent/run/agent.sock` });
  const steps: string[] = [];
  for await (const { step, state, detail } of local.shutdown({})) steps.push(`${step} ${state} ${detail}`);
  deepEqual(steps, ["stop started hello", "stop ok hello stopped", "done ok every service is stopped; the agent ends"]);
  await ended;
  equal((await local.getNode({})).state, "draining");
});

Deno.test("the agent follows logs until the reader hangs up", async () => {
  await using wire = await Wire.start();
  await wire.push("hello", "v1", `let n = 0; setInterval(() => console.log(n++), 20); ${program}`);
  await using running = await RunningAgent.start(wire);
  const anna = running.as("user-token");
  await outcome(anna.deploy({ definition, fileName: "hello.toml" }));
  const seen: number[] = [];
  for await (const { line } of anna.streamLogs({ service: "hello", follow: true, tail: 1 })) {
    if (/^\d+$/.test(line)) seen.push(Number(line));
    if (seen.length === 5) break;
  }
  deepEqual(seen, seen.map((_, i) => seen[0]! + i));
});
