/** zone list, show, add, set, delete. */
import { create } from "@bufbuild/protobuf";
import { buildCommand } from "@stricli/core";
import {
  type CliContext,
  facts,
  fetchPages,
  jsonOf,
  listFlag,
  printJson,
  switchFlag,
  textFlag,
  time,
} from "@lib/cli/mod.ts";
import { invalid } from "@lib/errors/mod.ts";
import { table } from "@lib/terminal/mod.ts";
import { ListZonesResponseSchema, type Zone, ZoneSchema } from "@proto/mcns/v1/mcns_pb.ts";
import { type ServerFlags, serverFlags, withMcns } from "../connection.ts";
import { durationFlag, seconds, zoneArgument } from "../words.ts";

/** The SOA's settings, as flags. */
interface SettingFlags extends ServerFlags {
  readonly primaryNs?: string;
  readonly adminEmail?: string;
  readonly refresh?: number;
  readonly retry?: number;
  readonly expire?: number;
  readonly minimum?: number;
  readonly view?: readonly string[];
}

const settingFlags = {
  primaryNs: textFlag("Primary name server", "NAME"),
  adminEmail: textFlag("Administrator's mail address", "ADDRESS"),
  refresh: durationFlag("Secondaries ask that often"),
  retry: durationFlag("Secondaries ask again after a failure"),
  expire: durationFlag("Secondaries stop answering when they couldn't ask for that long"),
  minimum: durationFlag("How long others keep that a name doesn't exist"),
  view: listFlag("Only clients in this view see the zone; several by repeating", "VIEW"),
} as const;

/** The settings that were given. */
function settingsOf({ primaryNs, adminEmail, refresh, retry, expire, minimum }: SettingFlags) {
  return {
    ...(primaryNs === undefined ? {} : { primaryNs }),
    ...(adminEmail === undefined ? {} : { adminEmail }),
    ...(refresh === undefined ? {} : { refresh }),
    ...(retry === undefined ? {} : { retry }),
    ...(expire === undefined ? {} : { expire }),
    ...(minimum === undefined ? {} : { minimum }),
  };
}

// More zones than that are looked through in the web pages.
const maxZones = 100_000;

export const zoneListCommand = buildCommand({
  docs: { brief: "List the zones", customUsage: [{ input: "", brief: "with serial, records, and how they are kept" }] },
  parameters: { flags: serverFlags },
  async func(this: CliContext, flags: ServerFlags) {
    const { items } = await withMcns(this, flags, (mcns) =>
      fetchPages(maxZones, async (page) => {
        const { zones: items, nextPageToken } = await mcns.zones.listZones(page);
        return { items, nextPageToken };
      }));
    if (flags.json) {
      return printJson(this, jsonOf(ListZonesResponseSchema, create(ListZonesResponseSchema, { zones: items })));
    }
    this.print(table(items, [
      { heading: "zone", cell: ({ name }) => name },
      { heading: "kind", cell: (zone) => kindOf(zone) },
      { heading: "serial", cell: ({ serial }) => String(serial), align: "right" },
      { heading: "records", cell: ({ recordCount }) => String(recordCount), align: "right" },
      { heading: "signed", cell: ({ signed }) => signed ? "yes" : "no" },
      { heading: "views", cell: ({ views }) => views.join(", ") || "all" },
      { heading: "catalog", cell: ({ catalog }) => catalog },
    ]));
  },
});

function kindOf({ kind, isCatalog }: Zone): string {
  return isCatalog ? `${kind}, catalog` : kind;
}

export const zoneShowCommand = buildCommand({
  docs: { brief: "Show one zone", customUsage: [{ input: "example.org", brief: "its settings and state" }] },
  parameters: { flags: serverFlags, positional: zoneArgument },
  async func(this: CliContext, flags: ServerFlags, zone: string) {
    show(this, flags, await withMcns(this, flags, (mcns) => mcns.zones.getZone({ zone })));
  },
});

function show(context: CliContext, flags: ServerFlags, zone: Zone): void {
  if (flags.json) return printJson(context, jsonOf(ZoneSchema, zone));
  const { name, primaryNs, adminEmail, refresh, retry, expire, minimum, serial, recordCount, views } = zone;
  context.print(facts([
    ["zone", name],
    ["kind", kindOf(zone)],
    ["serial", String(serial)],
    ["records", String(recordCount)],
    ["signed", zone.signed ? "yes" : "no"],
    ["views", views.join(", ") || "all clients"],
    ...(zone.catalog === "" ? [] : [["catalog", zone.catalog] as const]),
    ["primary ns", primaryNs],
    ["admin", adminEmail],
    ["times", `refresh ${seconds(refresh)}, retry ${seconds(retry)}, expire ${seconds(expire)}`],
    ["negative", `${seconds(minimum)} that a name doesn't exist`],
    ["created", time(zone.createdAt)],
    ["changed", time(zone.updatedAt)],
  ]));
}

interface AddFlags extends SettingFlags {
  readonly secondaryOf?: readonly string[];
  readonly catalog: boolean;
}

export const zoneAddCommand = buildCommand({
  docs: {
    brief: "Create a zone",
    fullDescription:
      "Creates a zone. What is left out has defaults: ns1.<zone>, hostmaster@<zone>, refresh 1h, retry 10m, expire 7d, minimum 5m.",
    customUsage: [
      { input: "example.org --primary-ns ns1.example.org", brief: "a zone whose records are kept here" },
      { input: "example.net --secondary-of 192.0.2.53:53", brief: "a copy of another server's zone" },
      { input: "catalog.example --catalog", brief: "a catalog zone, which secondaries learn new zones from" },
    ],
  },
  parameters: {
    flags: {
      ...serverFlags,
      ...settingFlags,
      secondaryOf: listFlag("Server to transfer the zone from; several by repeating", "IP:PORT"),
      catalog: switchFlag("A catalog zone (RFC 9432)"),
    },
    positional: zoneArgument,
  },
  async func(this: CliContext, flags: AddFlags, name: string) {
    const { view = [], secondaryOf = [], catalog } = flags;
    const zone = await withMcns(this, flags, (mcns) =>
      mcns.zones.createZone({
        name,
        kind: secondaryOf.length > 0 ? "secondary" : "primary",
        primaries: [...secondaryOf],
        isCatalog: catalog,
        views: [...view],
        ...settingsOf(flags),
      }));
    show(this, flags, zone);
  },
});

export const zoneSetCommand = buildCommand({
  docs: {
    brief: "Change a zone's settings",
    fullDescription: "Changes a zone's settings; what isn't given stays as it is.",
    customUsage: [
      { input: "example.org --minimum 1m --admin-email dns@example.org", brief: "of the SOA" },
      { input: "example.org --view lan --view vpn", brief: "who sees it" },
      { input: "example.org --all-clients", brief: "everybody again" },
    ],
  },
  parameters: {
    flags: { ...serverFlags, ...settingFlags, allClients: switchFlag("No view: all clients see the zone") },
    positional: zoneArgument,
  },
  async func(this: CliContext, flags: SettingFlags & { readonly allClients: boolean }, zone: string) {
    const { view, allClients } = flags;
    if (view !== undefined && allClients) throw invalid("--all-clients", "can't be given together with --view");
    const changed = await withMcns(this, flags, (mcns) =>
      mcns.zones.updateZone({
        zone,
        ...settingsOf(flags),
        ...(view === undefined && !allClients ? {} : { setViews: true, views: [...view ?? []] }),
      }));
    show(this, flags, changed);
  },
});

export const zoneDeleteCommand = buildCommand({
  docs: {
    brief: "Delete a zone with all its records",
    customUsage: [{ input: "example.org --yes", brief: "its history stays, but it can't be undone: export it before" }],
  },
  parameters: {
    flags: { ...serverFlags, yes: switchFlag("Yes, with all records") },
    positional: zoneArgument,
  },
  async func(this: CliContext, flags: ServerFlags & { readonly yes: boolean }, zone: string) {
    await withMcns(this, flags, async ({ zones }) => {
      const { name, recordCount } = await zones.getZone({ zone });
      if (!flags.yes) {
        throw invalid("--yes", `must be given to delete zone ${name} with its ${recordCount} records`, {
          hint: `mcnsctl export ${name} keeps them in a file.`,
        });
      }
      await zones.deleteZone({ zone });
      if (flags.json) printJson(this, {});
      else this.print(`Deleted zone ${name} with ${recordCount} records\n`);
    });
  },
});
