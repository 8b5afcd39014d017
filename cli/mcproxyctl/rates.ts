/** What passes through, a second: two looks at counters, and the difference. */
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { age, plain } from "@lib/cli/mod.ts";
import { table } from "@lib/terminal/mod.ts";
import type { BackendStats, RouteStats, Stats } from "@proto/mcproxy/v1/mcproxy_pb.ts";
import { bytesText, latencyText, perSecondText } from "./amounts.ts";
import { routeName } from "./route_text.ts";

/** A look at the counters. */
export interface Look {
  readonly stats: Stats;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** One route, per second, and as it is now. */
interface RouteRates {
  readonly name: string;
  readonly mode: string;
  readonly requests: number;
  readonly connections: number;
  readonly active: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly failures: number;
  readonly p50: number;
  readonly p99: number;
}

function ratesBetween(before: Look, after: Look): RouteRates[] {
  // A new start counts from 0 again.
  const isSame = startOf(before.stats) === startOf(after.stats);
  const earlier = new Map(isSame ? before.stats.routes.map((one) => [routeName(one), one]) : []);
  const seconds = (after.at - (isSame ? before.at : Math.max(before.at, startOf(after.stats)))) / 1000;
  return after.stats.routes.map((now) => {
    const was = earlier.get(routeName(now));
    const rate = (count: (route: RouteStats) => bigint) =>
      // A route that was deleted and put again counts from 0 as well.
      Math.max(0, Number(count(now) - (was === undefined ? 0n : count(was)))) / Math.max(seconds, 0.001);
    return {
      name: routeName(now),
      mode: now.mode,
      active: Number(now.active),
      requests: rate(({ requests }) => requests),
      connections: rate(({ connections }) => connections),
      bytesIn: rate(({ bytesIn }) => bytesIn),
      bytesOut: rate(({ bytesOut }) => bytesOut),
      failures: rate(({ backendErrors, responses }) => backendErrors + (responses["5xx"] ?? 0n)),
      p50: now.latencyP50Ms,
      p99: now.latencyP99Ms,
    };
  });
}

const startOf = ({ startedAt }: Stats): number => startedAt === undefined ? 0 : timestampMs(startedAt);

/**
 * The picture of the time between two looks: the busiest routes, then the backends, failing ones first.
 * @param most routes, and backends, that are shown
 */
export function topText(before: Look, after: Look, most: { routes: number; backends: number }): string {
  const routes = ratesBetween(before, after);
  const busiest = [...routes].sort((one, other) =>
    other.requests + other.connections - one.requests - one.connections ||
    other.bytesIn + other.bytesOut - one.bytesIn - one.bytesOut ||
    other.active - one.active || (one.name < other.name ? -1 : 1)
  );
  const { backends } = after.stats;
  const worst = [...backends].sort((one, other) =>
    Number(other.failing) - Number(one.failing) || Number(other.active - one.active) ||
    (one.backend < other.backend ? -1 : 1)
  );
  return [
    headText(after, routes),
    "\n",
    routeTable(busiest.slice(0, most.routes)),
    moreText(routes.length - most.routes),
    ...(backends.length === 0 ? [] : ["\n", backendTable(worst.slice(0, most.backends))]),
    moreText(backends.length - most.backends),
  ].join("");
}

function headText({ stats, at }: Look, routes: readonly RouteRates[]): string {
  const sum = (of: (route: RouteRates) => number) => routes.reduce((total, route) => total + of(route), 0);
  return plain([
    `${new Date(at).toISOString().slice(11, 19)} UTC`,
    `up ${age(stats.startedAt, at)}`,
    `${stats.listeners.reduce((total, { active }) => total + Number(active), 0)} connections`,
    `${perSecondText(sum(({ requests }) => requests))} requests/s`,
    `in ${bytesText(sum(({ bytesIn }) => bytesIn))}/s`,
    `out ${bytesText(sum(({ bytesOut }) => bytesOut))}/s`,
  ].join(", ")) + "\n";
}

function routeTable(routes: readonly RouteRates[]): string {
  return table(routes, [
    { heading: "route", cell: ({ name }) => name },
    { heading: "req/s", cell: ({ mode, requests }) => mode === "l4" ? "" : perSecondText(requests), align: "right" },
    { heading: "conn/s", cell: ({ connections }) => perSecondText(connections), align: "right" },
    { heading: "open", cell: ({ active }) => String(active), align: "right" },
    { heading: "in/s", cell: ({ bytesIn }) => bytesText(bytesIn), align: "right" },
    { heading: "out/s", cell: ({ bytesOut }) => bytesText(bytesOut), align: "right" },
    { heading: "p50", cell: ({ p50 }) => latencyText(p50), align: "right" },
    { heading: "p99", cell: ({ p99 }) => latencyText(p99), align: "right" },
    { heading: "errors/s", cell: ({ failures }) => perSecondText(failures), align: "right" },
  ]);
}

function backendTable(backends: readonly BackendStats[]): string {
  return table(backends, [
    { heading: "backend", cell: ({ backend }) => backend },
    { heading: "busy", cell: ({ active }) => String(active), align: "right" },
    { heading: "idle", cell: ({ idle }) => String(idle), align: "right" },
    {
      heading: "state",
      cell: ({ failing, reason }) => failing ? `FAILS${reason === "" ? "" : `: ${reason}`}` : "well",
    },
  ]);
}

function moreText(left: number): string {
  return left > 0 ? `and ${left} more\n` : "";
}
