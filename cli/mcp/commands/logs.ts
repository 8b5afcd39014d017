/** logs. */
import { buildCommand } from "@stricli/core";
import {
  type CliContext,
  count,
  dataFlag,
  jsonFlag,
  jsonOf,
  plain,
  type PlatformFlags,
  printJsonLine,
  time,
} from "@lib/cli/mod.ts";
import { LogLineSchema } from "@proto/mcp/v1/agent_pb.ts";
import { withAgent } from "../agent.ts";
import { serviceArgument } from "../parameters.ts";

interface Flags extends PlatformFlags {
  readonly json: boolean;
  readonly follow: boolean;
  readonly number: number;
  readonly component?: string;
}

export const logsCommand = buildCommand({
  docs: {
    brief: "Show what a service printed",
    customUsage: [
      { input: "hello -f", brief: "the last 100 lines, then what follows" },
      { input: "hello --component web -n 1000", brief: "more, of one component" },
    ],
  },
  parameters: {
    flags: {
      ...dataFlag,
      ...jsonFlag,
      follow: { kind: "boolean", brief: "Go on with what is printed from now on", default: false, withNegated: false },
      number: { kind: "parsed", parse: count, brief: "How many lines, from the end", placeholder: "N", default: "100" },
      component: { kind: "parsed", parse: String, brief: "Only this component's", placeholder: "NAME", optional: true },
    },
    aliases: { f: "follow", n: "number" },
    positional: serviceArgument,
  },
  async func(this: CliContext, flags: Flags, service: string) {
    await withAgent(this, flags, async (agent) => {
      const { follow, number: tail, component = "" } = flags;
      for await (const line of agent.streamLogs({ service, component, tail, follow })) {
        if (flags.json) printJsonLine(this, jsonOf(LogLineSchema, line));
        else {this.print(
            `${time(line.at)} ${line.component === "" ? "" : `${plain(line.component)}: `}${plain(line.line)}\n`,
          );}
        if (!this.isRead()) break;
      }
    });
  },
});
