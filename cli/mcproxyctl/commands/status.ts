import { create } from "@bufbuild/protobuf";
import { buildCommand } from "@stricli/core";
import { age, type CliContext, facts, jsonOf, plain, printJson, switchFlag, time } from "@lib/cli/mod.ts";
import { table } from "@lib/terminal/mod.ts";
import {
  ListCertificatesResponseSchema,
  type ListenerStats,
  ListRoutesResponseSchema,
  type Route,
  type RouteStats,
  type Stats,
  StatsSchema,
} from "@proto/mcproxy/v1/mcproxy_pb.ts";
import { latencyText } from "../amounts.ts";
import { type ServerFlags, serverFlags, withMcproxy } from "../connection.ts";
import { problemsOf } from "../problems.ts";
import { destination, routeName } from "../route_text.ts";
import { allRoutes } from "../routes.ts";

/** Routes that fit on a screen beside the rest. */
const routesShown = 20;

/** Reasons of refusals that are shown. */
const reasonsShown = 4;

export const statusCommand = buildCommand({
  docs: {
    brief: "Show how MC-Proxy is, what is wrong first",
    fullDescription:
      "Shows what needs a look (backends that fail, routes that have no other, certificates that end), then listeners with what they refused, then routes, those with errors first. Counts are since MC-Proxy's start. Exit code 1 when something needs a look.",
    customUsage: [
      { input: "", brief: "one screen" },
      { input: "--all", brief: "all routes" },
    ],
  },
  parameters: { flags: { ...serverFlags, all: switchFlag("All routes, not the first 20") } },
  async func(this: CliContext, flags: ServerFlags & { readonly all: boolean }) {
    const [stats, { certificates }, routes] = await withMcproxy(
      this,
      flags,
      (proxy) => Promise.all([proxy.stats.getStats({}), proxy.certificates.listCertificates({}), allRoutes(proxy)]),
    );
    const now = Date.now();
    const problems = problemsOf({ stats, certificates, routes, now });
    if (problems.length > 0) this.process.exitCode = 1;
    if (flags.json) {
      const listed = create(ListCertificatesResponseSchema, { certificates });
      return printJson(this, {
        stats: jsonOf(StatsSchema, stats),
        ...jsonOf(ListCertificatesResponseSchema, listed) as object,
        ...jsonOf(ListRoutesResponseSchema, create(ListRoutesResponseSchema, { routes })) as object,
      });
    }
    const open = stats.listeners.reduce((sum, { active }) => sum + active, 0n);
    this.print(facts([
      ["up", `${age(stats.startedAt, now)}, since ${time(stats.startedAt)}`],
      [
        "connections",
        `${open} of clients, ${stats.backends.reduce((sum, { active }) => sum + active, 0n)} to backends`,
      ],
      ["health", problems.length === 0 ? "nothing needs a look" : `${problems.length} NEED A LOOK`],
    ]));
    for (const problem of problems) this.print(`  ${plain(problem)}\n`);
    this.print(`\n${listenerTable(stats.listeners)}\n${routeTable(stats, routes, flags.all ? Infinity : routesShown)}`);
  },
});

function listenerTable(listeners: readonly ListenerStats[]): string {
  return table(listeners, [
    { heading: "listener", cell: ({ name }) => name },
    { heading: "address", cell: ({ address }) => address },
    { heading: "open", cell: ({ active }) => String(active), align: "right" },
    { heading: "accepted", cell: ({ accepted }) => String(accepted), align: "right" },
    { heading: "refused", cell: refusedText },
  ]);
}

/** The most frequent reasons: "12 no sni, 3 firewall". */
function refusedText({ refused }: ListenerStats): string {
  const reasons = Object.entries(refused).filter(([, count]) => count > 0n)
    .sort(([one, a], [other, b]) => Number(b - a) || (one < other ? -1 : 1));
  const left = reasons.slice(reasonsShown).reduce((sum, [, count]) => sum + count, 0n);
  return [
    ...reasons.slice(0, reasonsShown).map(([reason, count]) => `${count} ${reason.replaceAll("_", " ")}`),
    ...(left > 0n ? [`${left} others`] : []),
  ].join(", ") || "none";
}

function routeTable({ routes: counted }: Stats, routes: readonly Route[], most: number): string {
  const settings = new Map(routes.map((route) => [routeName(route), route]));
  const failures = ({ backendErrors, responses }: RouteStats) => backendErrors + (responses["5xx"] ?? 0n);
  const sorted = [...counted].sort((one, other) =>
    Number(failures(other) - failures(one)) || Number(other.requests - one.requests) ||
    Number(other.connections - one.connections)
  );
  const number = (value: bigint | undefined) => value === undefined || value === 0n ? "" : String(value);
  const shown = table(sorted.slice(0, most), [
    { heading: "route", cell: routeName },
    { heading: "mode", cell: ({ mode }) => mode },
    {
      heading: "to",
      cell: (one) => {
        const route = settings.get(routeName(one));
        return route === undefined ? "" : destination(route);
      },
    },
    { heading: "open", cell: ({ active }) => String(active), align: "right" },
    { heading: "connections", cell: ({ connections }) => String(connections), align: "right" },
    { heading: "requests", cell: ({ mode, requests }) => mode === "l4" ? "" : String(requests), align: "right" },
    { heading: "4xx", cell: ({ responses }) => number(responses["4xx"]), align: "right" },
    { heading: "5xx", cell: ({ responses }) => number(responses["5xx"]), align: "right" },
    { heading: "backend errors", cell: ({ backendErrors }) => number(backendErrors), align: "right" },
    { heading: "p99", cell: ({ latencyP99Ms }) => latencyText(latencyP99Ms), align: "right" },
  ]);
  return sorted.length <= most ? shown : `${shown}and ${sorted.length - most} more: mcproxyctl status --all\n`;
}
