/** import, export, diff. */
import { create } from "@bufbuild/protobuf";
import { buildCommand } from "@stricli/core";
import { type CliContext, jsonOf, plain, printJson, readInput, switchFlag, textFlag } from "@lib/cli/mod.ts";
import { ExportZoneResponseSchema, type ImportZoneResponse, ImportZoneResponseSchema } from "@proto/mcns/v1/mcns_pb.ts";
import { type FileFlags, type ServerFlags, serverFlags, withMcns } from "../connection.ts";
import { zoneArgument } from "../words.ts";

interface ImportFlags extends FileFlags {
  readonly zone: string;
  readonly dryRun: boolean;
  readonly create: boolean;
}

const fileFlags = {
  ...serverFlags,
  rest: textFlag(
    "MCNS's REST address, which takes files of more than 500,000 characters [the platform's]",
    "HOST:PORT",
  ),
} as const;

const fileParameter = { brief: "A zone file (RFC 1035 §5)", parse: String, placeholder: "file" } as const;

export const importCommand = buildCommand({
  docs: {
    brief: "Make a zone's records those of a zone file",
    fullDescription:
      "Makes a zone's records those of a zone file, in one change that `undo` takes back. Times of the SOA are taken over, its serial is not.",
    customUsage: [
      { input: "example.org.zone --zone example.org --dry-run", brief: "only show what would change" },
      { input: "example.org.zone --zone example.org", brief: "change it" },
      { input: "example.net.zone --zone example.net --create", brief: "a zone that isn't there yet" },
    ],
  },
  parameters: {
    flags: {
      ...fileFlags,
      zone: { kind: "parsed", parse: String, brief: "The zone", placeholder: "ZONE" },
      dryRun: switchFlag("Change nothing, show what would"),
      create: switchFlag("Create the zone when it isn't there"),
    },
    positional: { kind: "tuple", parameters: [fileParameter] },
  },
  async func(this: CliContext, flags: ImportFlags, file: string) {
    const { zone, dryRun, create } = flags;
    const text = readInput("file", file);
    const answer = await withMcns(this, flags, (mcns) => mcns.importZone({ zone, text, dryRun, create }));
    if (flags.json) return printJson(this, jsonOf(ImportZoneResponseSchema, answer));
    printDifference(this, answer);
    const { removed, added, serial } = answer;
    const did = dryRun ? "Would remove" : "Removed", and = dryRun ? "add" : "added";
    this.print(`${did} ${removed.length} and ${and} ${added.length} records, serial ${serial}\n`);
  },
});

/** Lines that go with "-", lines that come with "+". */
function printDifference(context: CliContext, { removed, added }: ImportZoneResponse): void {
  for (const line of removed) context.print(`-${plain(line)}\n`);
  for (const line of added) context.print(`+${plain(line)}\n`);
}

export const exportCommand = buildCommand({
  docs: {
    brief: "Print a zone as a zone file",
    customUsage: [
      { input: "example.org > example.org.zone", brief: "the records as they were written" },
      { input: "example.org --published", brief: "as secondaries get it, signatures and all" },
    ],
  },
  parameters: {
    flags: { ...serverFlags, published: switchFlag("With what signing made") },
    positional: zoneArgument,
  },
  async func(this: CliContext, flags: ServerFlags & { readonly published: boolean }, zone: string) {
    const { published } = flags;
    const answer = create(ExportZoneResponseSchema);
    await withMcns(this, flags, async ({ zones }) => {
      for await (const { text, serial } of zones.exportZoneInPieces({ zone, published })) {
        answer.text += text;
        answer.serial = serial;
      }
    });
    if (flags.json) printJson(this, jsonOf(ExportZoneResponseSchema, answer));
    // Only now, when all of it is there: half a zone file looks like a whole one.
    else this.print(answer.text);
  },
});

export const diffCommand = buildCommand({
  docs: {
    brief: "Show how a zone differs from a zone file",
    fullDescription:
      "Shows how a zone differs from a zone file: with - what an import would remove, with + what it would add. Exit code 0 when they are the same, 1 when they differ.",
    customUsage: [{ input: "example.org example.org.zone", brief: "changes nothing" }],
  },
  parameters: {
    flags: fileFlags,
    positional: { kind: "tuple", parameters: [...zoneArgument.parameters, fileParameter] },
  },
  async func(this: CliContext, flags: FileFlags, zone: string, file: string) {
    const text = readInput("file", file);
    const answer = await withMcns(
      this,
      flags,
      (mcns) => mcns.importZone({ zone, text, dryRun: true, create: false }),
    );
    if (answer.removed.length + answer.added.length > 0) this.process.exitCode = 1;
    if (flags.json) printJson(this, jsonOf(ImportZoneResponseSchema, answer));
    else printDifference(this, answer);
  },
});
