import { buildCommand } from "@stricli/core";
import { age, type CliContext, count, jsonOf, printJson, textFlag } from "@lib/cli/mod.ts";
import { table } from "@lib/terminal/mod.ts";
import { ListConnectionsResponseSchema } from "@proto/mcproxy/v1/mcproxy_pb.ts";
import { bytesText } from "../amounts.ts";
import { type ServerFlags, serverFlags, withMcproxy } from "../connection.ts";

interface ConnectionsFlags extends ServerFlags {
  readonly listener?: string;
  readonly number: number;
}

// What the API gives at once.
const mostAtOnce = 1000;

export const connectionsCommand = buildCommand({
  docs: {
    brief: "Show who is connected, those with the most bytes first",
    customUsage: [
      { input: "", brief: "the first 100" },
      { input: "--listener https -n 1000", brief: "of one listener" },
    ],
  },
  parameters: {
    flags: {
      ...serverFlags,
      listener: textFlag("Only those of this listener", "NAME"),
      number: { kind: "parsed", parse: count, brief: "How many at most", placeholder: "N", default: "100" },
    },
    aliases: { n: "number" },
  },
  async func(this: CliContext, flags: ConnectionsFlags) {
    const { listener = "", number: limit } = flags;
    const answer = await withMcproxy(this, flags, ({ stats }) => stats.listConnections({ listener, limit }));
    const { connections, total } = answer;
    if (flags.json) printJson(this, jsonOf(ListConnectionsResponseSchema, answer));
    else {
      const now = Date.now();
      this.print(table(connections, [
        { heading: "client", cell: ({ client }) => client },
        { heading: "host", cell: ({ hostname }) => hostname },
        { heading: "listener", cell: ({ listener }) => listener },
        { heading: "protocol", cell: ({ protocol }) => protocol },
        { heading: "since", cell: ({ openedAt }) => age(openedAt, now), align: "right" },
        { heading: "requests", cell: ({ requests }) => String(requests), align: "right" },
        { heading: "in", cell: ({ bytesIn }) => bytesText(Number(bytesIn)), align: "right" },
        { heading: "out", cell: ({ bytesOut }) => bytesText(Number(bytesOut)), align: "right" },
      ]));
    }
    // With --listener the total, which is that of all listeners, says nothing about what is left out.
    if (connections.length < Math.min(limit, mostAtOnce) || BigInt(connections.length) === total) return;
    this.process.stderr.write(`mcproxyctl: ${total} in all; -n shows up to ${mostAtOnce}\n`);
  },
});
