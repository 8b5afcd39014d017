/** ps, status, sandbox, events, node status: looking without changing. */
import { buildCommand } from "@stricli/core";
import {
  age,
  type CliContext,
  count,
  dataFlag,
  facts,
  jsonFlag,
  jsonOf,
  plain,
  type PlatformFlags,
  printJson,
  time,
} from "@lib/cli/mod.ts";
import { table } from "@lib/terminal/mod.ts";
import {
  type Component,
  type Event,
  type Flag,
  ListEventsResponseSchema,
  ListServicesResponseSchema,
  NodeSchema,
  type Service,
  ServiceSchema,
} from "@proto/mcp/v1/agent_pb.ts";
import { withAgent } from "../agent.ts";
import { serviceArgument } from "../parameters.ts";

interface Flags extends PlatformFlags {
  readonly json: boolean;
}

export const psCommand = buildCommand({
  docs: { brief: "List the node's services", customUsage: [{ input: "", brief: "a row per component" }] },
  parameters: { flags: { ...dataFlag, ...jsonFlag } },
  async func(this: CliContext, flags: Flags) {
    const answer = await withAgent(this, flags, (agent) => agent.listServices({}));
    if (flags.json) return printJson(this, jsonOf(ListServicesResponseSchema, answer));
    const now = Date.now();
    const rows = answer.services.flatMap((service) => service.components.map((component) => ({ service, component })));
    this.print(table(rows, [
      { heading: "service", cell: ({ service }) => service.name },
      { heading: "component", cell: ({ component }) => component.name },
      { heading: "state", cell: ({ service, component }) => stateOf(service, component) },
      { heading: "version", cell: ({ component }) => component.version },
      { heading: "up", cell: ({ component }) => age(component.startedAt, now), align: "right" },
      { heading: "restarts", cell: ({ component }) => String(component.restarts), align: "right" },
      { heading: "stage", cell: ({ service }) => service.stage },
      { heading: "name", cell: ({ service }) => service.hostnames.join(", ") },
    ]));
  },
});

/** "running", "stopped", …; "unhealthy" where a process runs and doesn't pass its check. */
function stateOf(service: Service, component: Component): string {
  if (component.state === "running" && component.health === "unhealthy") return "unhealthy";
  return component.state === "stopped" && service.state === "failed" ? "down" : component.state;
}

export const statusCommand = buildCommand({
  docs: {
    brief: "Show one service",
    customUsage: [
      { input: "hello", brief: "components, routes, digests" },
      { input: "hello --sandbox", brief: "and each permission flag with its reason" },
    ],
  },
  parameters: {
    flags: {
      ...dataFlag,
      ...jsonFlag,
      sandbox: {
        kind: "boolean",
        brief: "Show the permission flags and their reasons",
        default: false,
        withNegated: false,
      },
    },
    positional: serviceArgument,
  },
  async func(this: CliContext, flags: Flags & { readonly sandbox: boolean }, name: string) {
    const service = await withAgent(this, flags, (agent) => agent.getService({ service: name }));
    if (flags.json) return printJson(this, jsonOf(ServiceSchema, service));
    this.print(serviceText(service));
    if (flags.sandbox) this.print(`\n${sandboxText(service)}`);
  },
});

function serviceText(service: Service): string {
  const lines = [facts([
    ["service", service.name],
    ["state", service.state],
    ["stage", service.stage],
    ["deployed", `${time(service.deployedAt)} by ${service.deployedBy}`],
    ["names", service.hostnames.join(", ") || "none"],
  ])];
  for (const component of service.components) {
    const { name, state, health, pid, restarts, startedAt, lastExitCode, image, digest, version, routes } = component;
    const more: [string, string][] = [
      ["state", `${state}, ${health}${pid === 0 ? "" : `, pid ${pid} since ${time(startedAt)}`}`],
      ["version", version],
      ["image", image],
      ["digest", digest || "laid down by the bootstrap"],
      ["restarts", `${restarts}${lastExitCode === undefined ? "" : `, last exit code ${lastExitCode}`}`],
      ...routes.map((route): [string, string] => [
        `route ${route.name}`,
        `${route.hostname}:${route.port} ${route.mode} to port ${route.hostPort}`,
      ]),
    ];
    lines.push(`\ncomponent ${plain(name)}\n`, facts(more, "  "));
  }
  return lines.join("");
}

function sandboxText(service: Service): string {
  return service.components.map(({ name, flags }) => {
    const heading = service.components.length === 1 ? "" : `component ${plain(name)}\n`;
    return heading + table<Flag>(flags, [
      { heading: "flag", cell: ({ flag }) => flag },
      { heading: "reason", cell: ({ reason }) => reason },
    ]);
  }).join("\n");
}

export const sandboxCommand = buildCommand({
  docs: {
    brief: "Explain each permission flag of a service",
    customUsage: [{ input: "mcns", brief: "worked out from its declaration, its config and its definition" }],
  },
  parameters: { flags: { ...dataFlag, ...jsonFlag }, positional: serviceArgument },
  async func(this: CliContext, flags: Flags, name: string) {
    const service = await withAgent(this, flags, (agent) => agent.getService({ service: name }));
    if (!flags.json) return this.print(sandboxText(service));
    printJson(
      this,
      service.components.map(({ name, flags }) => ({
        component: name,
        flags: flags.map(({ flag, reason }) => ({ flag, reason })),
      })),
    );
  },
});

export const eventsCommand = buildCommand({
  docs: {
    brief: "Show what happened, oldest first",
    customUsage: [{ input: "hello --number 50", brief: "the last 50 events of one service" }],
  },
  parameters: {
    flags: {
      ...dataFlag,
      ...jsonFlag,
      number: { kind: "parsed", parse: count, brief: "How many, from the end", placeholder: "N", default: "20" },
    },
    aliases: { n: "number" },
    positional: {
      kind: "tuple",
      parameters: [{ brief: "Only this service's", parse: String, placeholder: "service", optional: true }],
    },
  },
  async func(this: CliContext, flags: Flags & { readonly number: number }, service?: string) {
    const answer = await withAgent(
      this,
      flags,
      (agent) => agent.listEvents({ service: service ?? "", pageSize: flags.number }),
    );
    if (flags.json) return printJson(this, jsonOf(ListEventsResponseSchema, answer));
    this.print(table<Event>([...answer.events].reverse(), [
      { heading: "at", cell: ({ at }) => time(at) },
      { heading: "service", cell: ({ service, component }) => component === "" ? service : `${service}.${component}` },
      { heading: "event", cell: ({ kind }) => kind },
      { heading: "by", cell: ({ actor }) => actor },
      { heading: "detail", cell: ({ detail }) => detail.split("\n")[0]! },
    ]));
  },
});

export const nodeStatusCommand = buildCommand({
  docs: {
    brief: "Show the node, and what needs a look",
    customUsage: [{ input: "", brief: "exit code 1 while it is not ready" }],
  },
  parameters: { flags: { ...dataFlag, ...jsonFlag } },
  async func(this: CliContext, flags: Flags) {
    const node = await withAgent(this, flags, (agent) => agent.getNode({}));
    if (node.state !== "ready") this.process.exitCode = 1;
    if (flags.json) return printJson(this, jsonOf(NodeSchema, node));
    this.print(facts([
      ["node", node.name],
      ["state", node.state],
      ["services", `${node.services}, of which ${node.running} run`],
      ["agent", `${node.agentVersion} on ${node.arch}, since ${time(node.startedAt)}`],
    ]));
    if (node.problems.length > 0) this.print(`\nproblems\n${node.problems.map((one) => `  ${plain(one)}\n`).join("")}`);
  },
});
