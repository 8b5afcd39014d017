/** cache list, flush. */
import { create } from "@bufbuild/protobuf";
import { buildCommand } from "@stricli/core";
import { type CliContext, count, fetchPages, jsonOf, printJson } from "@lib/cli/mod.ts";
import { table } from "@lib/terminal/mod.ts";
import { FlushCacheResponseSchema, ListCacheResponseSchema } from "@proto/mcns/v1/mcns_pb.ts";
import { type ServerFlags, serverFlags, withMcns } from "../connection.ts";

const nameArgument = {
  kind: "tuple",
  parameters: [{ brief: "At or below this name only", parse: String, placeholder: "name", optional: true }],
} as const;

export const cacheListCommand = buildCommand({
  docs: {
    brief: "Show which answers of others are kept",
    customUsage: [{ input: "example.com", brief: "at or below a name; without one, all" }],
  },
  parameters: {
    flags: {
      ...serverFlags,
      number: { kind: "parsed", parse: count, brief: "How many at most", placeholder: "N", default: "100" },
    },
    aliases: { n: "number" },
    positional: nameArgument,
  },
  async func(this: CliContext, flags: ServerFlags & { readonly number: number }, name?: string) {
    const { items, hasMore } = await withMcns(this, flags, ({ admin }) =>
      fetchPages(flags.number, async (page) => {
        const { entries: items, nextPageToken } = await admin.listCache({ name: name ?? "", ...page });
        return { items, nextPageToken };
      }));
    if (flags.json) {
      printJson(this, jsonOf(ListCacheResponseSchema, create(ListCacheResponseSchema, { entries: items })));
    } else {
      this.print(table(items, [
        { heading: "name", cell: ({ name }) => name },
        { heading: "type", cell: ({ type }) => type },
        { heading: "answer", cell: ({ rcode }) => rcode },
        { heading: "ttl", cell: ({ ttl }) => ttl < 0 ? "stale" : String(ttl), align: "right" },
        { heading: "hits", cell: ({ hits }) => String(hits), align: "right" },
        { heading: "values", cell: ({ values }) => values.join("; ") },
      ]));
    }
    if (hasMore) this.process.stderr.write("mcnsctl: there are more; -n takes up to 10000\n");
  },
});

export const cacheFlushCommand = buildCommand({
  docs: {
    brief: "Forget answers of others",
    customUsage: [
      { input: "example.com", brief: "at or below a name" },
      { input: "", brief: "all" },
    ],
  },
  parameters: { flags: serverFlags, positional: nameArgument },
  async func(this: CliContext, flags: ServerFlags, name?: string) {
    const answer = await withMcns(this, flags, ({ admin }) => admin.flushCache({ name: name ?? "" }));
    if (flags.json) printJson(this, jsonOf(FlushCacheResponseSchema, answer));
    else this.print(`Forgot ${answer.removed} answers\n`);
  },
});
