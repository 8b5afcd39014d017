/** The agent of a local platform: started detached, asked over HTTPS, stopped over its local socket. */
import { closeSync, openSync } from "node:fs";
import { spawn } from "node:child_process";
import { loadConfig } from "@lib/config/mod.ts";
import { messageOf, PlatformError, unavailable } from "@lib/errors/mod.ts";
import { grpcClient } from "@lib/grpc/mod.ts";
import { HttpsClient } from "@lib/http/mod.ts";
import { commandLine, derive } from "@lib/sandbox/mod.ts";
import { untilReleased } from "@lib/service/mod.ts";
import { AgentService, type StepEvent } from "@proto/mcp/v1/agent_pb.ts";
import { programs } from "../programs.ts";
import { type Layout, loopback } from "./layout.ts";

/** Where the agent's own output goes; each start begins a new file, the one before is kept. */
const logFile = (layout: Layout) => layout.srv("mcpagent", "agent.log");

/** Starts the agent so that it outlives this process. @returns its process id */
export function startAgent(layout: Layout): number {
  const { schema, sandbox: declaration } = programs.mcpagent;
  const configFile = layout.srv("mcpagent", "mcpagent.toml");
  // The runtime that runs this tool, not the one of the first start: a package cache may have been emptied since.
  const variables: Record<string, string> = { MCPAGENT_DENO_PATH: Deno.execPath() };
  const { config } = loadConfig({
    schema,
    service: "mcpagent",
    file: configFile,
    environment: (name) => variables[name],
  });
  const sandbox = derive({ declaration, config, configFile });
  const bundle = Deno.readTextFileSync(layout.srv("mcpagent", "agent-bundle")).trim();
  const entry = layout.srv("mcpagent", "bundles", bundle, "main.js");
  const { version } = JSON.parse(Deno.readTextFileSync(layout.srv("mcpagent", "bundles", bundle, "bundle.json")));
  try {
    Deno.renameSync(logFile(layout), `${logFile(layout)}.1`);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const out = openSync(logFile(layout), "a", 0o600);
  try {
    const child = spawn(Deno.execPath(), commandLine(sandbox, { entry, args: ["server", "--config", configFile] }), {
      cwd: layout.srv("mcpagent"),
      detached: true,
      stdio: ["ignore", out, out],
      env: {
        DENO_DIR: layout.srv("mcpagent", "cache"),
        DENO_NO_UPDATE_CHECK: "1",
        NO_COLOR: "1",
        ...variables,
        MCPAGENT_BUNDLE_VERSION: String(version),
      },
    });
    child.unref();
    if (child.pid === undefined) throw unavailable(`The agent could not be started by ${Deno.execPath()}`);
    return child.pid;
  } finally {
    closeSync(out);
  }
}

/** What `GET /v1/health` of the agent says. */
export interface AgentHealth {
  status: string;
  version: string;
  reasons: string[];
}

/** The agent's health, or null when nothing answers at its address as this platform's agent. */
export async function agentHealth(layout: Layout): Promise<AgentHealth | null> {
  const address = `${loopback}:${layout.ports.agent.rest}`;
  const ca = Deno.readTextFileSync(layout.pki.root);
  const client = new HttpsClient({ address, serverName: "localhost", ca, timeoutMs: 5000 });
  try {
    const { body } = await client.request({ method: "GET", path: "/v1/health" });
    return JSON.parse(await new Response(body).text()) as AgentHealth;
  } catch (error) {
    if (error instanceof PlatformError || error instanceof SyntaxError) return null;
    throw error;
  } finally {
    client.close();
  }
}

/** A service may crash once while it boots, and is started again within a second or two. */
const ailingPatienceMs = 5_000;

/** Waits until everything has booted. @param timeoutMs after it, or when a part stays ill, Unavailable says what is wrong */
export async function untilHealthy(layout: Layout, timeoutMs: number): Promise<AgentHealth> {
  const end = performance.now() + timeoutMs;
  let last: AgentHealth | null = null;
  let ailingSince: number | null = null;
  while (performance.now() < end) {
    last = await agentHealth(layout);
    if (last?.status === "serving") return last;
    const ailing = last !== null && !last.reasons.includes("booting");
    ailingSince = ailing ? ailingSince ?? performance.now() : null;
    if (ailingSince !== null && performance.now() - ailingSince > ailingPatienceMs) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const reasons = last === null ? ["the agent does not answer"] : last.reasons;
  const said = last === null ? [] : await lastWords(layout);
  throw unavailable(["The platform is not healthy:", ...reasons, ...said].join("\n  "), {
    hint: `More is in ${logFile(layout)} and ${layout.srv("mcpagent", "logs")}. deno task down stops what runs.`,
  });
}

/** What the services that should run and don't have printed last. */
async function lastWords(layout: Layout): Promise<string[]> {
  await using agent = localAgent(layout);
  const said: string[] = [];
  try {
    for (const { name, state } of (await agent.listServices({})).services) {
      if (state === "running" || state === "stopped") continue;
      for await (const { line } of agent.streamLogs({ service: name, tail: 3 })) said.push(`${name} printed: ${line}`);
    }
  } catch (error) {
    if (!(error instanceof PlatformError)) throw error;
  }
  return said;
}

/** The agent over its local socket: whoever can open that is its operator. */
function localAgent(layout: Layout) {
  return grpcClient(AgentService, { address: `unix:${layout.srv("mcpagent", "run", "agent.sock")}` });
}

/** From the agent's last answer to its process's end: it closes its listeners and its database. */
const endingMs = 30_000;

/** Has the agent drain and stop everything and itself, and waits for its process's end; false when none runs. */
export async function stopAgent(layout: Layout, onStep: (step: StepEvent) => void): Promise<boolean> {
  const wasRunning = await shutDown(layout, onStep);
  // Its lock is the kernel's: free when nothing of the process is left, and nobody has the data folder open.
  if (await untilReleased(layout.srv("mcpagent", "run", "agent.lock"), endingMs)) return wasRunning;
  throw unavailable(`The agent's process has not ended ${endingMs / 1000} s after it was asked to stop`, {
    hint: `What it does is in ${logFile(layout)}. Once it has ended, or you have ended it, run deno task down again.`,
  });
}

async function shutDown(layout: Layout, onStep: (step: StepEvent) => void): Promise<boolean> {
  await using agent = localAgent(layout);
  try {
    // Every service has its shutdown time-out (10 s), stage after stage.
    for await (const step of agent.shutdown({}, { deadlineMs: 120_000 })) onStep(step);
    return true;
  } catch (error) {
    if (!(error instanceof PlatformError) || error.code !== "unavailable") throw error;
    if (await agentHealth(layout) !== null) throw unavailable(`The agent does not stop: ${messageOf(error)}`);
    return false;
  }
}
