/** deploy, undeploy, stop, start, restart, node shutdown: changes that report their steps. */
import { buildCommand } from "@stricli/core";
import {
  type CliContext,
  dataFlag,
  dataFolder,
  jsonFlag,
  jsonOf,
  type PlatformFlags,
  printJsonLine,
} from "@lib/cli/mod.ts";
import { parseDefinition } from "@lib/definition/mod.ts";
import { type ErrorCode, errorTable, PlatformError } from "@lib/errors/mod.ts";
import { progress } from "@lib/terminal/mod.ts";
import { type StepEvent, StepEventSchema } from "@proto/mcp/v1/agent_pb.ts";
import { type Agent, withAgent } from "../agent.ts";
import { readDefinition } from "../definition_file.ts";
import { serviceArgument } from "../parameters.ts";

interface Flags extends PlatformFlags {
  readonly json: boolean;
}

/**
 * Shows steps as they come: on a terminal as progress, with `--json` as a line of JSON each. Prints the outcome.
 * @throws PlatformError with the code and text of a change that failed
 */
async function follow(context: CliContext, flags: Flags, events: AsyncIterable<StepEvent>): Promise<void> {
  const shown = progress(flags.json || !context.watched);
  let running = false;
  let last: StepEvent | null = null;
  for await (const event of events) {
    last = event;
    if (flags.json) printJsonLine(context, jsonOf(StepEventSchema, event));
    if (event.step === "done") break;
    if (!running) shown.start(event.state === "started" ? `${event.step} ${event.detail}` : event.step);
    running = event.state === "started";
    if (event.state === "failed") shown.fail(event.detail);
    else if (!running) shown.done(event.state === "skipped" ? `${event.detail} (nothing to do)` : event.detail);
  }
  if (last === null || last.step !== "done") {
    throw new PlatformError("unavailable", "The agent ended the call before it was done", { hint: "mcp node status" });
  }
  if (last.state === "failed") {
    const code = last.errorCode in errorTable ? last.errorCode as ErrorCode : "internal";
    throw new PlatformError(code, last.detail);
  }
  if (!flags.json) context.print(`${last.detail}\n`);
}

export const deployCommand = buildCommand({
  docs: {
    brief: "Bring a service to what its definition says",
    fullDescription:
      "Brings a service to what its definition says: pulls its program, starts it beside the old version, waits for its health check, then leads callers to it. A failure is rolled back. The argument is a definition file, or the name of one in <data>/services or ~/.config/mcp/services.",
    customUsage: [
      { input: "deploy/examples/hello/hello.toml", brief: "deploy from a file" },
      { input: "hello --json", brief: "steps as JSON lines, for scripts" },
    ],
  },
  parameters: {
    flags: { ...dataFlag, ...jsonFlag },
    positional: {
      kind: "tuple",
      parameters: [{ brief: "A definition file, or a name", parse: String, placeholder: "service|file.toml" }],
    },
  },
  async func(this: CliContext, flags: Flags, source: string) {
    const folder = dataFolder(flags.data, this.environment);
    const { toml, path } = readDefinition(source, folder, this.environment);
    // The same check as the agent's, with the path as it was given.
    parseDefinition(toml, path);
    await withAgent(this, flags, (agent) => follow(this, flags, agent.deploy({ definition: toml, fileName: path })));
  },
});

function serviceChange(
  brief: string,
  example: string,
  call: (agent: Agent, service: string) => AsyncIterable<StepEvent>,
) {
  return buildCommand({
    docs: { brief, customUsage: [{ input: "hello", brief: example }] },
    parameters: { flags: { ...dataFlag, ...jsonFlag }, positional: serviceArgument },
    async func(this: CliContext, flags: Flags, service: string) {
      await withAgent(this, flags, (agent) => follow(this, flags, call(agent, service)));
    },
  });
}

export const undeployCommand = serviceChange(
  "Remove a service with its routes, records, certificates and ports",
  "nothing of it stays but its data folder",
  (agent, service) => agent.undeploy({ service }),
);
export const stopCommand = serviceChange(
  "Stop a service and remove its routes and records",
  "it stays stopped, over a reboot too, until it is started",
  (agent, service) => agent.stopService({ service }),
);
export const startCommand = serviceChange(
  "Start a stopped service",
  "its routes and records come back with it",
  (agent, service) => agent.startService({ service }),
);
export const restartCommand = serviceChange(
  "Replace a service's processes by new ones of the same version",
  "without a gap, where the program can share its addresses",
  (agent, service) => agent.restartService({ service }),
);

export const shutdownCommand = buildCommand({
  docs: {
    brief: "Stop every service of the node in reverse boot order, then the agent",
    customUsage: [{ input: "--data .metacircular", brief: "what was running runs again at the next start" }],
  },
  parameters: { flags: { ...dataFlag, ...jsonFlag } },
  async func(this: CliContext, flags: Flags) {
    await withAgent(this, flags, (agent) => follow(this, flags, agent.shutdown({})));
  },
});
