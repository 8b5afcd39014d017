/**
 * What `mc-proxy status` says below the health: all that an operator wants to know at night, what is wrong first.
 * @module
 */
import type { OpenListener } from "../listening/listener_set.ts";
import type { LiveRoute, Router } from "../routing/router.ts";
import type { Connections } from "../traffic/connections.ts";
import type { Upstreams } from "../upstream/upstreams.ts";

export interface StatusParts {
  listeners(): readonly OpenListener[];
  router: Pick<Router, "routes" | "unserved" | "certificateOf" | "clientAuthorityOf">;
  upstreams: Pick<Upstreams, "counts">;
  connections: Connections;
  /** The last warnings and errors, newest first. */
  problems(): readonly string[];
  /** Milliseconds since the epoch. */
  now(): number;
}

/** Routes shown beside those that need a look. */
const routesShown = 20;
const refusalsShown = 3;
const problemsShown = 5;
const dayMs = 86_400_000;
/** Less than this left is said to be soon. */
const soonDays = 14;

/** One fact and its value, and further lines below it. */
type Row = readonly [name: string, value: string];

export function statusLines(parts: StatusParts): string[] {
  const { router, connections, upstreams } = parts;
  const routes = [...router.routes()];
  const looks = routes.map((live) => ({ live, problem: problemOf(live, parts) }));
  const wrong = looks.filter(({ problem }) => problem !== "");
  const fine = looks.filter(({ problem }) => problem === "").slice(0, routesShown);
  const left = routes.length - wrong.length - fine.length;
  const { active, idle } = upstreams.counts();
  return aligned([
    ...parts.listeners().map((one, i): Row => [i === 0 ? "listening" : "", listenerText(one)]),
    ["connections", `${connections.size} of clients, ${active} to backends and ${idle} idle`],
    ["routes", `${routes.length}${wrong.length > 0 ? `, ${wrong.length} NEED A LOOK` : ""}`],
    ...router.unserved.map((line): Row => ["not served", line]),
    ...wrong.map(({ live, problem }): Row => ["route", `${routeText(live)}: ${problem}`]),
    ...fine.map(({ live }): Row => ["route", routeText(live)]),
    ...(left > 0 ? [["", `and ${left} more: mcproxyctl route list`] as const] : []),
    ...parts.problems().slice(0, problemsShown).map((line, i): Row => [i === 0 ? "last problems" : "", line]),
  ]);
}

function listenerText({ listener: { name, kind }, address, door: { counters } }: OpenListener): string {
  const refused = [...counters.refused].sort(([, a], [, b]) => b - a).slice(0, refusalsShown)
    .map(([reason, count]) => `${count} ${reason.replaceAll("_", " ")}`);
  const refusedText = refused.length === 0 ? "none refused" : `refused ${refused.join(", ")}`;
  return `${name} ${kind} ${address}: ${counters.active} open, ${counters.accepted} accepted, ${refusedText}`;
}

function routeText({ route, counters }: LiveRoute): string {
  const { listener, hostname, path, mode, backends, redirect } = route;
  const to = redirect !== null ? redirect.to : backends.map(({ key }) => key).join(" ");
  const traffic = mode === "l4" ? `${counters.connections} connections` : `${counters.requests} requests`;
  return `${listener} ${hostname}${path === "/" ? "" : path} ${mode} → ${to}: ${traffic}, ${counters.active} open`;
}

/** "" when nothing is wrong. */
function problemOf(live: LiveRoute, { router, now }: StatusParts): string {
  const problems: string[] = [];
  const served = router.certificateOf(live);
  const clients = router.clientAuthorityOf(live);
  for (
    const [what, error, notAfter] of [
      ["certificate", served?.error, served?.notAfter],
      ["client CA", clients?.error, clients?.value?.notAfter],
    ] as const
  ) {
    if ((error ?? "") !== "") problems.push(error!);
    const end = notAfter?.getTime();
    if (end !== undefined && end - now() < soonDays * dayMs) {
      problems.push(`its ${what} ${end <= now() ? "EXPIRED" : "expires"} at ${new Date(end).toISOString()}`);
    }
  }
  const { requests, connections, backendErrors } = live.counters;
  const asked = live.route.mode === "l4" ? connections : requests;
  // One in a hundred: less happens at every deploy of a backend.
  if (backendErrors > 0 && backendErrors * 100 >= asked) problems.push(`backends failed ${backendErrors} of ${asked}`);
  if (live.route.maintenance !== "") problems.push("in maintenance");
  return problems.join("; ");
}

function aligned(rows: readonly Row[]): string[] {
  const width = Math.max(...rows.map(([name]) => name.length)) + 2;
  return rows.map(([name, value]) => `${name.padEnd(width)}${value}`);
}
