/**
 * The routes with what passes over them.
 * @module
 */
import { address, Choice, Field } from "@lib/web/mod.ts";
import type { BackendStats, Route, RouteStats } from "@proto/mcproxy/v1/mcproxy_pb.ts";
import { countText, latencyText, partText } from "./amounts.ts";
import type { Desk, DeskRoute } from "./desk.ts";
import { routeAddress, type RouteName, routesPath, routeTitle } from "./route_address.ts";

const pageSize = 100;
/** With a filter every route is looked at, so many at a time. */
const filterPageSize = 1000;

export const routeListRoutes: DeskRoute[] = [{ method: "GET", path: routesPath, handle: showRoutes }];

async function showRoutes(desk: Desk): Promise<Response> {
  const { visit } = desk;
  const filter = { q: visit.query("q").toLowerCase(), listener: visit.query("listener") };
  const pageToken = visit.query("page");
  const [{ routes, nextPageToken }, stats, { listeners }] = await Promise.all([
    filter.q === ""
      ? desk.routes.listRoutes({ listener: filter.listener, pageSize, pageToken })
      : found(desk, filter.q, filter.listener),
    desk.stats.getStats({}),
    desk.listeners.listListeners({}),
  ]);
  const isFiltered = filter.q + filter.listener !== "";
  return await visit.page(
    "Routes",
    <>
      <p class="actions beside">
        <a class="button" href="/new-route">Add a route</a>
      </p>
      <form method="get" action={routesPath} class="filter" role="search">
        <Field name="q" label="Find in names and backends" value={filter.q} />
        <Choice
          name="listener"
          label="Listener"
          value={filter.listener}
          options={[["", "All listeners"], ...listeners.map(({ name }) => [name, name] as const)]}
        />
        <button type="submit" class="quiet">Filter</button>
        {isFiltered ? <a href={routesPath}>Show all</a> : null}
      </form>
      {routes.length === 0
        ? <p class="empty">{isFiltered ? "No route fits the filter." : "There are no routes yet."}</p>
        : <RouteTable routes={routes} stats={stats.routes} backends={stats.backends} />}
      {nextPageToken === "" && pageToken === "" ? null : (
        <nav class="pager" aria-label="Pages">
          {pageToken === "" ? null : <a href={address(routesPath, {}, filter)}>First page</a>}
          {nextPageToken === ""
            ? null
            : <a href={address(routesPath, {}, { ...filter, page: nextPageToken })}>Next page</a>}
        </nav>
      )}
    </>,
  );
}

/** The first `pageSize` that have the text in their name, path or a backend. */
async function found(
  { routes }: Desk,
  text: string,
  listener: string,
): Promise<{ routes: Route[]; nextPageToken: string }> {
  const fitting: Route[] = [];
  for (let pageToken = ""; fitting.length < pageSize;) {
    const page = await routes.listRoutes({ listener, pageSize: filterPageSize, pageToken });
    fitting.push(
      ...page.routes.filter((route) =>
        routeTitle(route).includes(text) || route.backends.some((backend) => backend.includes(text))
      ),
    );
    pageToken = page.nextPageToken;
    if (pageToken === "") break;
  }
  return { routes: fitting.slice(0, pageSize), nextPageToken: "" };
}

const keyOf = ({ listener, hostname, path }: RouteName) => `${listener} ${hostname} ${path}`;

export function RouteTable({ routes, stats, backends }: {
  routes: readonly Route[];
  stats: readonly RouteStats[];
  backends: readonly BackendStats[];
}) {
  const statsOf = new Map(stats.map((one) => [keyOf(one), one]));
  const failing = new Set(backends.filter((one) => one.failing).map(({ backend }) => backend));
  return (
    <table class="cards">
      <thead>
        <tr>
          <th scope="col">Route</th>
          <th scope="col">To</th>
          <th scope="col" class="number">Requests</th>
          <th scope="col" class="number">Failed</th>
          <th scope="col" class="number">Half within</th>
          <th scope="col" class="number">99 % within</th>
          <th scope="col" class="number">Open</th>
        </tr>
      </thead>
      <tbody>
        {routes.map((route) => <Row route={route} stats={statsOf.get(keyOf(route))} failing={failing} />)}
      </tbody>
    </table>
  );
}

function Row(
  { route, stats, failing }: { route: Route; stats: RouteStats | undefined; failing: ReadonlySet<string> },
) {
  const isHttp = route.mode === "l7";
  return (
    <tr>
      <th scope="row">
        <a href={routeAddress(route)}>{routeTitle(route)}</a> <span class="faint">{route.listener}</span>
        <span class="marks">
          <RouteMarks route={route} isServed={stats !== undefined} />
        </span>
      </th>
      <td class="mono" data-label="To">
        <Destination route={route} failing={failing} />
      </td>
      {stats === undefined ? <td colspan={5} class="faint">not served</td> : (
        <>
          <td class="number" data-label={isHttp ? "Requests" : "Connections"}>
            {isHttp ? countText(stats.requests) : `${countText(stats.connections)} conn.`}
          </td>
          <td class="number" data-label="Failed">
            {isHttp ? partText(stats.responses["5xx"] ?? 0n, stats.requests) : countText(stats.backendErrors)}
          </td>
          <td class="number" data-label="Half within">{latencyText(stats.latencyP50Ms)}</td>
          <td class="number" data-label="99 % within">{latencyText(stats.latencyP99Ms)}</td>
          <td class="number" data-label="Open">{countText(stats.active)}</td>
        </>
      )}
    </tr>
  );
}

export function RouteMarks({ route, isServed }: { route: Route; isServed: boolean }) {
  return (
    <>
      <span class="mark">{route.mode === "l4" ? "passthrough" : "HTTP"}</span>
      {route.maintenance === "" ? null : <span class="mark bad">maintenance</span>}
      {isServed ? null : <span class="mark bad">not served</span>}
      {route.signIn === undefined ? null : <span class="mark">sign-in</span>}
      {route.acme ? <span class="mark">ACME</span> : null}
      {route.clientCert === "" ? null : <span class="mark">client certificate {route.clientCert}</span>}
    </>
  );
}

export function Destination({ route, failing }: { route: Route; failing: ReadonlySet<string> }) {
  if (route.redirect !== undefined) return <>redirects to {route.redirect.to}</>;
  if (route.backends.length === 0) return <span class="faint">none</span>;
  return (
    <ul class="plain">
      {route.backends.map((backend) => (
        <li>
          {backend} {failing.has(backend) ? <span class="mark bad">failing</span> : null}
        </li>
      ))}
    </ul>
  );
}
