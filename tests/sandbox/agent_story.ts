/**
 * The agent's story: it boots the ingress, deploys a service through the whole platform, takes it away again, and
 * renews the certificates of the platform's own programs.
 * @module
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { grpcClient } from "@lib/grpc/mod.ts";
import { HttpsClient } from "@lib/http/mod.ts";
import { parseCertificate, signLeaf } from "@lib/pki/mod.ts";
import { AgentService, type StepEvent } from "@proto/mcp/v1/agent_pb.ts";
import { createPublicKey } from "node:crypto";
import { loopback, registryName } from "../../deploy/local/layout.ts";
import { rootOf } from "../../deploy/local/pki.ts";
import type { SandboxBench, StartOptions } from "./bench.ts";
import { pushHello } from "./stories.ts";

/** Programs whose certificates the agent renews. */
const renewed = ["mcias", "metacrypt", "mcns", "mcproxy", "mcr", "mcpagent"];
const dayMs = 86_400_000;

/** MCIAS, Metacrypt, MCNS and MCR run; of the definitions only MC-Proxy's is left to the agent. */
export async function agentStory(bench: SandboxBench, options: StartOptions): Promise<void> {
  const { layout } = bench;
  const image = `${registryName}/${await pushHello(bench, "hello")}`;
  Deno.removeSync(join(bench.bundlesDir, bench.hello.sha256), { recursive: true });
  try {
    await ageCertificates(bench);
    await using program = bench.start("mcpagent", options);
    await program.until(/ boot done/, 8000);
    await using agent = grpcClient(AgentService, {
      address: `${loopback}:${layout.ports.agent.grpc}`,
      tls: bench.tls,
      token: () => bench.token,
      deadlineMs: 5000,
    });
    await succeeds(
      agent.deploy({ definition: bench.helloDefinition(image), fileName: "hello.toml" }, { deadlineMs: 15_000 }),
    );
    await succeeds(agent.undeploy({ service: "hello" }, { deadlineMs: 15_000 }));
    try {
      await program.until(/ certificate renewed/, 5000, renewed.length);
    } finally {
      // What could not be renewed stands there.
      deepEqual(await healthOf(bench), { status: "serving", reasons: [] });
    }
    const socket = layout.srv("mcpagent", "run", "agent.sock");
    await using local = grpcClient(AgentService, { address: `unix:${socket}`, deadlineMs: 5000 });
    await local.getNode({});
    equal(await program.stop(), 0, program.output);
    ok(!existsSync(socket), `${socket} is left behind`);
  } finally {
    bench.keepHello();
  }
}

async function healthOf({ layout, tls }: SandboxBench): Promise<{ status: string; reasons: string[] }> {
  const client = new HttpsClient({ address: `${loopback}:${layout.ports.agent.rest}`, ...tls, timeoutMs: 5000 });
  try {
    const { body } = await client.request({ method: "GET", path: "/v1/health" });
    const { status, reasons } = JSON.parse(await new Response(body).text());
    return { status, reasons };
  } finally {
    client.close();
  }
}

async function succeeds(steps: AsyncIterable<StepEvent>): Promise<void> {
  for await (const { step, state, detail } of steps) {
    if (state === "failed") throw new Error(`${step}: ${detail}`);
  }
}

/** Gives every program a certificate of which less than a third of its lifetime is left. */
async function ageCertificates({ layout }: SandboxBench): Promise<void> {
  const root = await rootOf(layout);
  for (const service of renewed) {
    const file = layout.srv(service, "tls", "cert.pem");
    const { names } = parseCertificate(Deno.readTextFileSync(file));
    const spki = createPublicKey(Deno.readTextFileSync(layout.srv(service, "tls", "key.pem")))
      .export({ type: "spki", format: "der" });
    const key = await crypto.subtle.importKey("spki", spki, { name: "ECDSA", namedCurve: "P-256" }, true, ["verify"]);
    const [notBefore, notAfter] = [new Date(Date.now() - 80 * dayMs), new Date(Date.now() + 10 * dayMs)];
    Deno.writeTextFileSync(file, await signLeaf(root, key, { names, notBefore, notAfter }));
  }
}
