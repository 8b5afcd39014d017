/** The pages of MCNS, for browsers, on the HTTPS listener beside the REST API. */
import { type Authenticate, type Caller, isAdmin, type MciasLogin } from "@lib/auth/mod.ts";
import type { Clock } from "@lib/clock/mod.ts";
import type { Operation } from "@lib/contract/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import type { HealthReport } from "@lib/service/mod.ts";
import { type NavLink, type PageRoute, type SignedInVisit, type Site, site } from "@lib/web/mod.ts";
import { cacheRoutes } from "./cache_page.tsx";
import { deskFor, type DeskRoute } from "./desk.ts";
import { dnssecRoutes } from "./dnssec_page.tsx";
import { explainRoutes } from "./explain_page.tsx";
import { historyRoutes } from "./history_page.tsx";
import { queriesRoutes } from "./queries_page.tsx";
import { QueryWatch } from "./query_watch.ts";
import { recordRoutes } from "./record_page.tsx";
import { recordsRoutes } from "./records_page.tsx";
import { settingsRoutes } from "./settings_page.tsx";
import { showStatus } from "./status_page.tsx";
import { transferRoutes } from "./transfers_page.tsx";
import { zoneFileRoutes } from "./zone_file_page.tsx";
import { zoneListRoutes } from "./zone_list_page.tsx";

export interface WebOptions {
  /** The same ones that the API serves: their access rules hold for pages too. */
  operations: readonly Operation[];
  authenticate: Authenticate;
  login: Pick<MciasLogin, "login" | "logout">;
  health: () => HealthReport;
  version: string;
  clock: Clock;
  log: Logger;
}

/** Disposing ends what pages have running: the watch of queries. */
export type WebRoutes = Site & Disposable;

/** Answers requests for pages; null for what isn't one, which is left to the API. */
export function webRoutes(options: WebOptions): WebRoutes {
  const { operations, authenticate, login, health, version, clock, log } = options;
  const watch = new QueryWatch(clock, log);
  const deskOf = (visit: SignedInVisit) => deskFor(visit, operations, clock.now(), { log });
  const bound = ({ handle, ...route }: DeskRoute): PageRoute => ({
    ...route,
    handle: (visit) => handle(deskOf(visit)),
  });
  const answer = site({
    name: "mcns",
    title: "MCNS",
    home: "/zones",
    nav,
    routes: [
      ...zoneListRoutes,
      ...recordsRoutes,
      ...recordRoutes,
      ...historyRoutes,
      ...zoneFileRoutes,
      ...dnssecRoutes,
      ...transferRoutes,
      ...settingsRoutes,
      ...cacheRoutes,
      ...queriesRoutes(watch, operations, { log }),
      ...explainRoutes,
    ].map(bound).concat({
      method: "GET",
      path: "/status",
      open: true,
      handle: (visit) => {
        const desk = visit.caller === null ? null : deskOf(visit as SignedInVisit);
        return showStatus(visit, { health: health(), version, now: clock.now(), desk });
      },
    }),
    authenticate,
    login,
    clock,
    log,
  });
  return Object.assign(answer, { [Symbol.dispose]: () => watch[Symbol.dispose]() });
}

function nav(caller: Caller | null): NavLink[] {
  const status = { href: "/status", text: "Status" };
  if (caller === null) return [status];
  return [
    { href: "/zones", text: "Zones" },
    ...(isAdmin(caller) ? [{ href: "/queries", text: "Queries" }] : []),
    { href: "/cache", text: "Cache" },
    { href: "/explain", text: "Explain" },
    status,
  ];
}
