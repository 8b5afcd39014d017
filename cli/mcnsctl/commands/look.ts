/** queries, explain, stats, audit, whoami: looking without changing. */
import { create } from "@bufbuild/protobuf";
import { buildCommand } from "@stricli/core";
import {
  age,
  type CliContext,
  count,
  facts,
  fetchPages,
  jsonOf,
  plain,
  printJson,
  printJsonLine,
  switchFlag,
  textFlag,
  time,
} from "@lib/cli/mod.ts";
import { table } from "@lib/terminal/mod.ts";
import {
  ExplainResponseSchema,
  ListAuditEventsResponseSchema,
  ObservedQuerySchema,
  type Stats,
  StatsSchema,
  WhoAmIResponseSchema,
} from "@proto/mcns/v1/mcns_pb.ts";
import { type ServerFlags, serverFlags, withMcns } from "../connection.ts";
import { durationFlag } from "../words.ts";

interface QueriesFlags extends ServerFlags {
  readonly name?: string;
  readonly client?: string;
  readonly for?: number;
}

export const queriesCommand = buildCommand({
  docs: {
    brief: "Show queries as they are answered",
    customUsage: [
      { input: "", brief: "all of them, for a minute" },
      { input: "--name example.org --client 192.0.2.0/24 --for 1h", brief: "below a name, from a network" },
    ],
  },
  parameters: {
    flags: {
      ...serverFlags,
      name: textFlag("Only names at or below this", "NAME"),
      client: textFlag("Only this client or network", "IP[/BITS]"),
      for: durationFlag("How long, at most 1h [1m]"),
    },
  },
  async func(this: CliContext, flags: QueriesFlags) {
    const { name = "", client = "", for: seconds = 0 } = flags;
    await withMcns(this, flags, async ({ admin }) => {
      for await (const query of admin.watchQueries({ name, client, seconds })) {
        if (flags.json) printJsonLine(this, jsonOf(ObservedQuerySchema, query));
        else {
          const { at, client, transport, name, type, rcode, octets, microseconds } = query;
          const who = `${client} ${transport}`;
          const took = microseconds < 1000 ? `${microseconds} µs` : `${(microseconds / 1000).toFixed(1)} ms`;
          this.print(`${plain(`${time(at)} ${who}  ${name} ${type}  ${rcode}  ${octets} octets in ${took}`)}\n`);
        }
        if (!this.isRead()) break;
      }
    });
  },
});

interface ExplainFlags extends ServerFlags {
  readonly client?: string;
  readonly dnssec: boolean;
}

export const explainCommand = buildCommand({
  docs: {
    brief: "Say what a client would be answered, and why",
    customUsage: [
      { input: "www.example.org", brief: "its address, as asked from here" },
      { input: "nas.example.org AAAA --client 192.0.2.7", brief: "as asked by somebody else" },
    ],
  },
  parameters: {
    flags: {
      ...serverFlags,
      client: textFlag("The client's address [ours]", "IP"),
      dnssec: switchFlag("As one that asks for signatures"),
    },
    positional: {
      kind: "tuple",
      parameters: [
        { brief: "The name asked for", parse: String, placeholder: "name" },
        { brief: "The type asked for [A]", parse: String, placeholder: "type", optional: true },
      ],
    },
  },
  async func(this: CliContext, flags: ExplainFlags, name: string, type?: string) {
    const { client = "", dnssec } = flags;
    const answer = await withMcns(
      this,
      flags,
      ({ admin }) => admin.explain({ name, type: type ?? "", client, dnssec }),
    );
    if (flags.json) return printJson(this, jsonOf(ExplainResponseSchema, answer));
    answer.steps.forEach((step, i) => this.print(`${i + 1}. ${plain(step)}\n`));
    for (const section of ["answer", "authority", "additional"] as const) {
      if (answer[section].length === 0) continue;
      this.print(`\n${section}\n`);
      for (const line of answer[section]) this.print(`  ${plain(line)}\n`);
    }
  },
});

export const statsCommand = buildCommand({
  docs: {
    brief: "Show what was answered since the start",
    customUsage: [{ input: "", brief: "and how upstreams do" }],
  },
  parameters: { flags: serverFlags },
  async func(this: CliContext, flags: ServerFlags) {
    const stats = await withMcns(this, flags, ({ admin }) => admin.getStats({}));
    if (flags.json) return printJson(this, jsonOf(StatsSchema, stats));
    this.print(facts(rowsOf(stats)));
    if (stats.upstreams.length === 0) return;
    this.print(`\n${
      table(stats.upstreams, [
        { heading: "upstream", cell: ({ address }) => address },
        { heading: "state", cell: ({ healthy }) => healthy ? "replies" : "does not reply" },
        { heading: "queries", cell: ({ queries }) => String(queries), align: "right" },
        { heading: "failures", cell: ({ failures }) => String(failures), align: "right" },
        { heading: "rtt", cell: ({ rttMs }) => rttMs === 0 ? "" : `${rttMs.toFixed(1)} ms`, align: "right" },
      ])
    }`);
  },
});

function rowsOf(stats: Stats): [string, string][] {
  const sum = stats.queriesUdp + stats.queriesTcp + stats.queriesTls + stats.queriesHttps;
  return [
    ["since", `${time(stats.startedAt)} (${age(stats.startedAt, Date.now())})`],
    ["zones", `${stats.zones} with ${stats.records} records`],
    [
      "queries",
      `${sum}: UDP ${stats.queriesUdp}, TCP ${stats.queriesTcp}, TLS ${stats.queriesTls}, HTTPS ${stats.queriesHttps}`,
    ],
    ["own", `${stats.answersAuthoritative} answered from our zones`],
    [
      "forwarded",
      `${stats.answersForwarded}, of which ${stats.cacheHits} from the cache and ${stats.staleAnswers} stale`,
    ],
    ["refused", String(stats.answersRefused)],
    ["failed", `${stats.answersServfail} SERVFAIL, ${stats.malformed} malformed`],
    ["held back", `${stats.rateLimited} too often, ${stats.blocked} on block lists, ${stats.truncated} sent to TCP`],
    ["cache", `${stats.cacheEntries} answers in ${stats.cacheBytes} bytes`],
    ["changes", `${stats.updates} updates, ${stats.transfersOut} transfers out`],
  ];
}

interface AuditFlags extends ServerFlags {
  readonly actor?: string;
  readonly action?: string;
  readonly number: number;
}

export const auditCommand = buildCommand({
  docs: {
    brief: "Show who did what here, latest first",
    customUsage: [
      { input: "", brief: "the last 20 events" },
      { input: "--actor ada --action zone.delete -n 100", brief: "of one account, of one kind" },
    ],
  },
  parameters: {
    flags: {
      ...serverFlags,
      actor: textFlag("Only this account's", "NAME"),
      action: textFlag("Only these: zone.create, record.set, undo, …", "ACTION"),
      number: { kind: "parsed", parse: count, brief: "How many", placeholder: "N", default: "20" },
    },
    aliases: { n: "number" },
  },
  async func(this: CliContext, flags: AuditFlags) {
    const { actor = "", action = "", number } = flags;
    const { items } = await withMcns(this, flags, ({ admin }) =>
      fetchPages(number, async (page) => {
        const { events: items, nextPageToken } = await admin.listAuditEvents({ actor, action, ...page });
        return { items, nextPageToken };
      }));
    if (flags.json) {
      return printJson(
        this,
        jsonOf(ListAuditEventsResponseSchema, create(ListAuditEventsResponseSchema, { events: items })),
      );
    }
    this.print(table(items, [
      { heading: "at", cell: ({ at }) => time(at) },
      { heading: "by", cell: ({ actor }) => actor },
      { heading: "from", cell: ({ remote }) => remote },
      { heading: "action", cell: ({ action }) => action },
      { heading: "target", cell: ({ target }) => target },
      { heading: "outcome", cell: ({ outcome }) => outcome },
      { heading: "detail", cell: ({ detail }) => detail },
    ]));
  },
});

export const whoamiCommand = buildCommand({
  docs: {
    brief: "Show who you are here, and what you may change",
    customUsage: [{ input: "", brief: "by the session" }],
  },
  parameters: { flags: serverFlags },
  async func(this: CliContext, flags: ServerFlags) {
    const answer = await withMcns(this, flags, ({ auth }) => auth.whoAmI({}));
    if (flags.json) return printJson(this, jsonOf(WhoAmIResponseSchema, answer));
    const { username, accountType, admin, may } = answer;
    this.print(facts([
      ["account", username],
      ["type", `${accountType}${admin ? ", admin" : ""}`],
      ["may change", may.join("; ") || "nothing"],
    ]));
  },
});
