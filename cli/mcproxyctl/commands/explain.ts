/** explain, firewall test: what would happen, without any of it happening. */
import { buildCommand } from "@stricli/core";
import { type CliContext, jsonOf, plain, printJson, switchFlag, textFlag } from "@lib/cli/mod.ts";
import { ExplainResponseSchema } from "@proto/mcproxy/v1/mcproxy_pb.ts";
import { type ServerFlags, serverFlags, withMcproxy } from "../connection.ts";
import { isServed, outcomeText, stepsText } from "../explanation.ts";

interface ExplainFlags extends ServerFlags {
  readonly listener?: string;
  readonly all: boolean;
}

const explainFlags = {
  ...serverFlags,
  listener: textFlag("The listener [the first TLS one]", "NAME"),
  all: switchFlag("Also the rules that are about others"),
} as const;

export const explainCommand = buildCommand({
  docs: {
    brief: "Say what a request would meet, and why",
    fullDescription:
      "Says which listener, firewall rules, route, certificate and backend a request would meet, in that order; nothing is sent and nothing counted. Exit code 0 when it would be served, passed on or redirected, 1 when it would be refused or the route is in maintenance.",
    customUsage: [
      { input: "example.org", brief: "from here" },
      { input: "example.org /api/v1 192.0.2.7 curl/8", brief: "of somebody else's client" },
      { input: "example.org / 192.0.2.7 --listener alt --all", brief: "with the rules that don't match" },
    ],
  },
  parameters: {
    flags: explainFlags,
    positional: {
      kind: "tuple",
      parameters: [
        { brief: "The name asked for", parse: String, placeholder: "host" },
        { brief: "The path asked for [/]", parse: String, placeholder: "path", optional: true },
        { brief: "The client's address [127.0.0.1]", parse: String, placeholder: "ip", optional: true },
        { brief: "The client's User-Agent", parse: String, placeholder: "user-agent", optional: true },
      ],
    },
  },
  async func(
    this: CliContext,
    flags: ExplainFlags,
    host: string,
    ...more: [path?: string, address?: string, userAgent?: string]
  ) {
    const { listener = "", all } = flags;
    const [path = "", address = "", userAgent = ""] = more;
    const answer = await withMcproxy(
      this,
      flags,
      ({ stats }) => stats.explain({ host, path, address, userAgent, listener }),
    );
    if (!isServed(answer)) this.process.exitCode = 1;
    if (flags.json) return printJson(this, jsonOf(ExplainResponseSchema, answer));
    this.print(`${stepsText(answer.steps, all)}${plain(outcomeText(answer))}\n`);
  },
});

interface TestFlags extends ExplainFlags {
  readonly host?: string;
  readonly path?: string;
  readonly userAgent?: string;
}

export const firewallTestCommand = buildCommand({
  docs: {
    brief: "Say what the firewall would do",
    fullDescription:
      "Says which rules a client would meet and what they would do; nothing is counted. Rules about names need --host, rules about paths and user agents --host of an l7 route. Exit code 0 when it is let through, 1 when it is refused.",
    customUsage: [
      { input: "192.0.2.7", brief: "may it connect" },
      { input: "192.0.2.7 --host example.org --path /login --user-agent curl/8", brief: "may it ask for that" },
    ],
  },
  parameters: {
    flags: {
      ...explainFlags,
      host: textFlag("The name asked for", "NAME"),
      path: textFlag("The path asked for [/]", "PATH"),
      userAgent: textFlag("The client's User-Agent", "TEXT"),
    },
    positional: { kind: "tuple", parameters: [{ brief: "The client's address", parse: String, placeholder: "ip" }] },
  },
  async func(this: CliContext, flags: TestFlags, address: string) {
    const { host = "", path = "", userAgent = "", listener = "", all } = flags;
    const answer = await withMcproxy(
      this,
      flags,
      ({ stats }) => stats.explain({ host, path, address, userAgent, listener }),
    );
    const steps = answer.steps.filter(({ stage }) => stage === "firewall");
    const isRefused = steps.some(({ result }) => result === "refuse");
    if (isRefused) this.process.exitCode = 1;
    if (flags.json) return printJson(this, jsonOf(ExplainResponseSchema, { ...answer, steps }));
    this.print(stepsText(steps, all));
    if (isRefused) return this.print(`${outcomeText(answer)}\n`);
    this.print("let through\n");
    // Where the walk ended before all rules were asked.
    const end = answer.steps.find(({ stage, result }) => stage !== "firewall" && result === "refuse");
    if (host === "") this.print("Not asked: rules about names, paths and user agents, which need --host\n");
    else if (end !== undefined) this.print(`Not asked: what comes after ${plain(`${end.stage}: ${end.detail}`)}\n`);
  },
});
