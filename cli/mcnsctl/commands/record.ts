/** record list, add, set, delete, delete-owned. */
import { create } from "@bufbuild/protobuf";
import { buildCommand } from "@stricli/core";
import { type CliContext, count, fetchPages, jsonOf, printJson, switchFlag, textFlag, time } from "@lib/cli/mod.ts";
import { invalid } from "@lib/errors/mod.ts";
import { table } from "@lib/terminal/mod.ts";
import {
  DeleteOwnedRecordsResponseSchema,
  DeleteRecordsResponseSchema,
  ListRecordsResponseSchema,
  type Record,
  RecordSchema,
  SetRecordsResponseSchema,
} from "@proto/mcns/v1/mcns_pb.ts";
import { type ServerFlags, serverFlags, withMcns } from "../connection.ts";
import { durationFlag, zoneArgument } from "../words.ts";

function printRecords(context: CliContext, records: readonly Record[]): void {
  const some = (cell: (record: Record) => string, heading: string) =>
    records.some((record) => cell(record) !== "") ? [{ heading, cell }] : [];
  context.print(table(records, [
    { heading: "name", cell: ({ name }) => name },
    { heading: "ttl", cell: ({ ttl }) => String(ttl), align: "right" },
    { heading: "type", cell: ({ type }) => type },
    { heading: "value", cell: ({ value }) => value },
    ...some(({ view }) => view, "view"),
    ...some(({ expiresAt }) => time(expiresAt), "expires"),
    ...some(({ service, lease }) => lease === "" ? service : `${service} ${lease}`, "owner"),
  ]));
}

interface ListFlags extends ServerFlags {
  readonly name?: string;
  readonly type?: string;
  readonly contains?: string;
  readonly service?: string;
  readonly lease?: string;
  readonly number: number;
}

export const recordListCommand = buildCommand({
  docs: {
    brief: "List a zone's records",
    customUsage: [
      { input: "example.org", brief: "all of them" },
      { input: "example.org --name www --type A", brief: "of one name and type" },
      { input: "example.org --contains 192.0.2.", brief: "by a text in name or value" },
    ],
  },
  parameters: {
    flags: {
      ...serverFlags,
      name: textFlag("Only this name", "NAME"),
      type: textFlag("Only this type", "TYPE"),
      contains: textFlag("Only those with this text in name or value", "TEXT"),
      service: textFlag("Only those that stand for this service", "NAME"),
      lease: textFlag("Only those of this lease", "ID"),
      number: { kind: "parsed", parse: count, brief: "How many at most", placeholder: "N", default: "1000" },
    },
    aliases: { n: "number" },
    positional: zoneArgument,
  },
  async func(this: CliContext, flags: ListFlags, zone: string) {
    const { name = "", type = "", contains = "", service = "", lease = "", number } = flags;
    const { items, hasMore } = await withMcns(this, flags, (mcns) =>
      fetchPages(number, async (page) => {
        const { records: items, nextPageToken } = await mcns.records.listRecords({
          ...{ zone, name, type, contains, service, lease },
          ...page,
        });
        return { items, nextPageToken };
      }));
    if (flags.json) {
      printJson(this, jsonOf(ListRecordsResponseSchema, create(ListRecordsResponseSchema, { records: items })));
    } else printRecords(this, items);
    if (hasMore) this.process.stderr.write(`mcnsctl: there are more; -n takes up to 10000, export prints all\n`);
  },
});

interface WriteFlags extends ServerFlags {
  readonly ttl?: number;
  readonly view?: string;
  readonly expires?: number;
  readonly service?: string;
  readonly lease?: string;
  readonly ptr: boolean;
}

const writeFlags = {
  ...serverFlags,
  ttl: durationFlag("How long others keep it [5m]"),
  view: textFlag("Only for clients in this view", "VIEW"),
  expires: durationFlag("It goes by itself after that"),
  service: textFlag("What it stands for: it goes with that", "NAME"),
  lease: textFlag("The lease of the service that it stands for", "ID"),
  ptr: switchFlag("Of an address: its PTR record as well"),
} as const;

const placeParameters = [
  ...zoneArgument.parameters,
  { brief: "The name: www, @ for the zone's own", parse: String, placeholder: "name" },
  { brief: "The type: A, AAAA, CNAME, MX, TXT, …", parse: String, placeholder: "type" },
] as const;

/** The fields that add and set share. */
function written({ ttl = 0, view = "", expires = 0, service = "", lease = "", ptr }: WriteFlags) {
  return { ttl, view, expiresIn: expires, service, lease, withPtr: ptr };
}

export const recordAddCommand = buildCommand({
  docs: {
    brief: "Add a record beside those that are there",
    fullDescription: "Adds a record beside those that are there. A value of several words is one argument: quote it.",
    customUsage: [
      { input: "example.org www A 192.0.2.1 --ptr", brief: "an address, with the PTR record in the reverse zone" },
      { input: "example.org @ MX '10 mail.example.org'", brief: "names in values are absolute" },
      { input: "example.org _acme-challenge TXT xyz --expires 10m", brief: "goes by itself" },
      { input: "example.org nas A 192.0.2.5 --view lan", brief: "for clients in a view only" },
    ],
  },
  parameters: {
    flags: writeFlags,
    positional: {
      kind: "tuple",
      parameters: [...placeParameters, { brief: "The value", parse: String, placeholder: "value" }],
    },
  },
  async func(this: CliContext, flags: WriteFlags, zone: string, name: string, type: string, value: string) {
    const record = await withMcns(
      this,
      flags,
      ({ records }) => records.createRecord({ zone, name, type, value, ...written(flags) }),
    );
    if (flags.json) return printJson(this, jsonOf(RecordSchema, record));
    printRecords(this, [record]);
  },
});

export const recordSetCommand = buildCommand({
  docs: {
    brief: "Make the records of a name and type exactly these",
    fullDescription:
      "Makes the records of a name and type exactly these. Once more changes nothing. A value of several words is one argument: quote it.",
    customUsage: [
      { input: "example.org www A 192.0.2.1 192.0.2.2", brief: "two addresses, whatever there was" },
      { input: "example.org www TXT 'hello world' --ttl 1h", brief: "one text of two words" },
    ],
  },
  parameters: {
    flags: writeFlags,
    positional: {
      kind: "array",
      minimum: 4,
      parameter: { brief: "zone, name, type, then each value", parse: String, placeholder: "zone name type value" },
    },
  },
  async func(this: CliContext, flags: WriteFlags, ...words: string[]) {
    const [zone = "", name = "", type = "", ...values] = words;
    const answer = await withMcns(
      this,
      flags,
      ({ records }) => records.setRecords({ zone, name, type, values, ...written(flags) }),
    );
    if (flags.json) return printJson(this, jsonOf(SetRecordsResponseSchema, answer));
    printRecords(this, answer.records);
  },
});

interface DeleteFlags extends ServerFlags {
  readonly view?: string;
  readonly ptr: boolean;
  readonly all: boolean;
}

export const recordDeleteCommand = buildCommand({
  docs: {
    brief: "Delete records of a name",
    customUsage: [
      { input: "example.org www A 192.0.2.1", brief: "one record" },
      { input: "example.org www A --ptr", brief: "all of that type, and the PTR records of the addresses" },
      { input: "example.org www --all", brief: "everything at that name" },
    ],
  },
  parameters: {
    flags: {
      ...serverFlags,
      view: textFlag("Only those of this view", "VIEW"),
      ptr: switchFlag("Of addresses: their PTR records as well"),
      all: switchFlag("Records of all types"),
    },
    positional: {
      kind: "tuple",
      parameters: [
        placeParameters[0],
        placeParameters[1],
        { ...placeParameters[2], optional: true },
        { brief: "The value; all of that type without it", parse: String, placeholder: "value", optional: true },
      ],
    },
  },
  async func(this: CliContext, flags: DeleteFlags, zone: string, name: string, type?: string, value?: string) {
    if (flags.all === (type !== undefined)) {
      throw invalid("type", "name the type, or give --all for records of all types");
    }
    const { view = "", ptr: withPtr } = flags;
    const answer = await withMcns(
      this,
      flags,
      ({ records }) => records.deleteRecords({ zone, name, type: type ?? "", value: value ?? "", view, withPtr }),
    );
    if (flags.json) return printJson(this, jsonOf(DeleteRecordsResponseSchema, answer));
    const { deleted, serial } = answer;
    this.print(`Deleted ${deleted} record${deleted === 1 ? "" : "s"}, serial ${serial}\n`);
  },
});

export const recordDeleteOwnedCommand = buildCommand({
  docs: {
    brief: "Delete what stands for a service, in every zone",
    customUsage: [
      { input: "web", brief: "undeployed" },
      { input: "web --lease node1", brief: "only what one node held" },
    ],
  },
  parameters: {
    flags: { ...serverFlags, lease: textFlag("Only the records of this lease", "ID") },
    positional: {
      kind: "tuple",
      parameters: [{ brief: "The service's name", parse: String, placeholder: "service" }],
    },
  },
  async func(this: CliContext, flags: ServerFlags & { readonly lease?: string }, service: string) {
    const { lease = "" } = flags;
    const answer = await withMcns(this, flags, ({ records }) => records.deleteOwnedRecords({ service, lease }));
    if (flags.json) return printJson(this, jsonOf(DeleteOwnedRecordsResponseSchema, answer));
    const { deleted, zones } = answer;
    this.print(
      `Deleted ${deleted} record${deleted === 1 ? "" : "s"}${zones.length === 0 ? "" : ` in ${zones.join(", ")}`}\n`,
    );
  },
});
