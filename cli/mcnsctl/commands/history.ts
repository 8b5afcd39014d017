/** log, undo. */
import { create } from "@bufbuild/protobuf";
import { buildCommand } from "@stricli/core";
import { type CliContext, count, fetchPages, jsonOf, plain, printJson, textFlag, time } from "@lib/cli/mod.ts";
import { invalid, quote } from "@lib/errors/mod.ts";
import { type Change, ChangeSchema, ListChangesResponseSchema } from "@proto/mcns/v1/mcns_pb.ts";
import { type ServerFlags, serverFlags, withMcns } from "../connection.ts";
import { zoneArgument } from "../words.ts";

/** Lines of one change that are shown; `--json` has them all. */
const maxLines = 20;

function printChange(context: CliContext, change: Change): void {
  const { id, at, actor, remote, action, serial, removed, added, undoes, undoneBy } = change;
  const more = [
    ...(undoes === 0n ? [] : [`takes back ${undoes}`]),
    ...(undoneBy === 0n ? [] : [`taken back by ${undoneBy}`]),
  ];
  const from = remote === "" ? "" : ` from ${remote}`;
  const head = `${id}  ${time(at)}  ${action} by ${actor}${from}, serial ${serial}`;
  context.print(`${plain([head, ...more].join(", "))}\n`);
  const lines = [...removed.map((line) => `-${line}`), ...added.map((line) => `+${line}`)];
  for (const line of lines.slice(0, maxLines)) context.print(`    ${plain(line)}\n`);
  if (lines.length > maxLines) context.print(`    … and ${lines.length - maxLines} more; --json prints all\n`);
}

export const logCommand = buildCommand({
  docs: {
    brief: "Show what was changed in a zone, by whom, latest first",
    customUsage: [
      { input: "example.org", brief: "the last 20 changes" },
      { input: "example.org --name www -n 100", brief: "those that touched one name" },
    ],
  },
  parameters: {
    flags: {
      ...serverFlags,
      name: textFlag("Only changes of this name", "NAME"),
      number: { kind: "parsed", parse: count, brief: "How many", placeholder: "N", default: "20" },
    },
    aliases: { n: "number" },
    positional: zoneArgument,
  },
  async func(this: CliContext, flags: ServerFlags & { readonly name?: string; readonly number: number }, zone: string) {
    const { name = "", number } = flags;
    const { items } = await withMcns(this, flags, ({ zones }) =>
      fetchPages(number, async (page) => {
        const { changes: items, nextPageToken } = await zones.listChanges({ zone, name, ...page });
        return { items, nextPageToken };
      }));
    if (flags.json) {
      return printJson(this, jsonOf(ListChangesResponseSchema, create(ListChangesResponseSchema, { changes: items })));
    }
    for (const change of items) printChange(this, change);
  },
});

export const undoCommand = buildCommand({
  docs: {
    brief: "Take one change back",
    fullDescription:
      "Takes one change back, as a change of its own. Refused when what it made isn't there any more: look at the log.",
    customUsage: [{ input: "example.org 42", brief: "the number is the first word of its line in the log" }],
  },
  parameters: {
    flags: serverFlags,
    positional: {
      kind: "tuple",
      parameters: [...zoneArgument.parameters, { brief: "The change's number", parse: String, placeholder: "id" }],
    },
  },
  async func(this: CliContext, flags: ServerFlags, zone: string, id: string) {
    if (!/^\d{1,15}$/.test(id)) throw invalid("id", `must be a change's number, got ${quote(id)}`);
    const change = await withMcns(this, flags, ({ zones }) => zones.undoChange({ zone, id: BigInt(id) }));
    if (flags.json) printJson(this, jsonOf(ChangeSchema, change));
    else printChange(this, change);
  },
});
