/**
 * The pages of MC-Proxy, for admins with a browser, on the HTTPS listener of `[admin]`.
 * @module
 */
import { type Authenticate, type Caller, isAdmin, type MciasLogin } from "@lib/auth/mod.ts";
import type { Clock } from "@lib/clock/mod.ts";
import type { Operation } from "@lib/contract/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import { type NavLink, type PageRoute, type SignedInVisit, type Site, site } from "@lib/web/mod.ts";
import { certificatesRoutes } from "./certificates_page.tsx";
import { connectionsRoutes } from "./connections_page.tsx";
import { deskFor, type DeskRoute } from "./desk.ts";
import { explainRoutes } from "./explain_page.tsx";
import { type OverviewParts, overviewPath, overviewRoutes } from "./overview_page.tsx";
import { routeEditRoutes } from "./route_edit_page.tsx";
import { routeListRoutes } from "./route_list_page.tsx";
import { routePageRoutes } from "./route_page.tsx";
import { ruleListRoutes } from "./rule_list_page.tsx";
import { rulePageRoutes } from "./rule_page.tsx";

export interface WebOptions extends OverviewParts {
  /** The same ones that the API serves: their access rules hold for pages too. */
  operations: readonly Operation[];
  authenticate: Authenticate;
  login: Pick<MciasLogin, "login" | "logout">;
  clock: Clock;
  log: Logger;
}

/** Answers requests for pages; null for what isn't one, which is left to the API. */
export function webRoutes({ operations, authenticate, login, clock, log, ...parts }: WebOptions): Site {
  const bound = ({ handle, ...route }: DeskRoute): PageRoute => ({
    ...route,
    handle: (visit) =>
      isAdmin(visit.caller) ? handle(deskFor(visit, operations, clock.now(), { log })) : forAdmins(visit),
  });
  return site({
    name: "mcproxy",
    title: "MC-Proxy",
    home: overviewPath,
    nav,
    routes: [
      ...overviewRoutes(parts),
      ...routeListRoutes,
      ...routePageRoutes,
      ...routeEditRoutes,
      ...ruleListRoutes,
      ...rulePageRoutes,
      ...explainRoutes,
      ...certificatesRoutes,
      ...connectionsRoutes,
    ].map(bound),
    authenticate,
    login,
    clock,
    log,
  });
}

/** Who passes here and where to is nobody else's business. */
function forAdmins(visit: SignedInVisit): Promise<Response> {
  return visit.page(
    "For admins",
    <p class="notice bad">These pages are for accounts with the role admin, and {visit.caller.username} hasn't it.</p>,
    { status: 403 },
  );
}

function nav(caller: Caller | null): NavLink[] {
  if (caller === null || !isAdmin(caller)) return [];
  return [
    { href: overviewPath, text: "Overview" },
    { href: "/routes", text: "Routes" },
    { href: "/firewall", text: "Firewall" },
    { href: "/certificates", text: "Certificates" },
    { href: "/connections", text: "Connections" },
    { href: "/explain", text: "Explain" },
  ];
}
