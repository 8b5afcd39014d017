/**
 * One route: what passes over it, how its backends are, its settings, and resting it for maintenance.
 * @module
 */
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { CsrfField, Field, RelativeTime, type Visit } from "@lib/web/mod.ts";
import type { BackendStats, Certificate, HealthCheck, Route, RouteStats } from "@proto/mcproxy/v1/mcproxy_pb.ts";
import { bytesText, countText, latencyText, partText } from "./amounts.ts";
import { State } from "./certificates_page.tsx";
import type { Desk, DeskRoute } from "./desk.ts";
import { Tile } from "./overview_page.tsx";
import { routeAddress, type RouteName, routePath, routeTitle } from "./route_address.ts";
import { RouteMarks } from "./route_list_page.tsx";

export const routePageRoutes: DeskRoute[] = [{ method: "GET", path: routePath, handle: showRoute }];

/** Of the address of a route's page. */
export function routeNameOf({ visit }: Desk): Required<RouteName> {
  const path = visit.query("path");
  return { listener: visit.param("listener"), hostname: visit.param("hostname"), path: path === "" ? "/" : path };
}

async function showRoute(desk: Desk): Promise<Response> {
  const { visit, now } = desk;
  const name = routeNameOf(desk);
  const [route, stats, { certificates }] = await Promise.all([
    desk.routes.getRoute(name),
    desk.stats.getStats({}),
    desk.certificates.listCertificates({}),
  ]);
  const isSame = (one: RouteName) =>
    one.listener === name.listener && one.hostname === name.hostname && (one.path ?? "/") === name.path;
  const own = stats.routes.find(isSame);
  const certificate = name.path === "/" ? certificates.find(isSame) : undefined;
  return await visit.page(
    routeTitle(route),
    <>
      <p class="facts">
        <span>on listener {route.listener}</span>
        <RouteMarks route={route} isServed={own !== undefined} />
        {route.updatedAt === undefined ? null : (
          <span>
            changed <RelativeTime at={timestampMs(route.updatedAt)} now={now} />
          </span>
        )}
      </p>
      <p class="actions">
        <a class="button" href={routeAddress(route, "/edit")}>Change</a>
        <a href={routeAddress(route, "/delete")}>Delete</a>
      </p>
      {own === undefined
        ? <p class="notice bad">It is stored, and can't be served as things are. The overview says why.</p>
        : <Numbers stats={own} />}
      <h2>Backends</h2>
      <Backends route={route} stats={stats.backends} />
      <h2>Settings</h2>
      <Settings route={route} certificate={certificate} now={now} />
      {route.mode === "l7" ? <Maintenance visit={visit} route={route} /> : null}
    </>,
    { heading: <span class="mono">{routeTitle(route)}</span> },
  );
}

function Numbers({ stats }: { stats: RouteStats }) {
  const classes = Object.entries(stats.responses).sort(([a], [b]) => a < b ? -1 : 1);
  if (stats.mode === "l4") {
    return (
      <dl class="tiles four">
        <Tile name="Connections" value={countText(stats.connections)} />
        <Tile name="Open" value={countText(stats.active)} />
        <Tile name="Backends failed" value={countText(stats.backendErrors)} bad={stats.backendErrors > 0n} />
        <Tile name="From clients" value={bytesText(stats.bytesIn)} />
        <Tile name="To clients" value={bytesText(stats.bytesOut)} />
      </dl>
    );
  }
  return (
    <dl class="tiles four">
      <Tile name="Requests" value={countText(stats.requests)} />
      {classes.map(([name, count]) => (
        <Tile
          name={`Answered ${name}`}
          value={`${countText(count)}${classes.length > 1 ? ` · ${partText(count, stats.requests)}` : ""}`}
          bad={name === "5xx"}
        />
      ))}
      <Tile name="Backends failed" value={countText(stats.backendErrors)} bad={stats.backendErrors > 0n} />
      <Tile name="Half answered within" value={latencyText(stats.latencyP50Ms)} />
      <Tile name="99 of 100 within" value={latencyText(stats.latencyP99Ms)} />
      <Tile name="From clients" value={bytesText(stats.bytesIn)} />
      <Tile name="To clients" value={bytesText(stats.bytesOut)} />
      <Tile name="Open connections" value={countText(stats.active)} />
    </dl>
  );
}

export function Backends({ route, stats }: { route: Route; stats: readonly BackendStats[] }) {
  if (route.backends.length === 0) {
    return <p class="empty">None: the proxy answers by itself.</p>;
  }
  return (
    <table class="cards">
      <thead>
        <tr>
          <th scope="col">Backend</th>
          <th scope="col">State</th>
          <th scope="col" class="number">In use</th>
          <th scope="col" class="number">Idle</th>
        </tr>
      </thead>
      <tbody>
        {route.backends.map((backend) => {
          const one = stats.find((state) => state.backend === backend);
          return (
            <tr>
              <th scope="row" class="mono">{backend}</th>
              <td data-label="State">
                {one === undefined ? <span class="faint">not asked yet</span> : one.failing
                  ? (
                    <>
                      <span class="mark bad">failing</span> {one.reason}
                    </>
                  )
                  : <span class="mark good">well</span>}
              </td>
              <td class="number" data-label="In use">{countText(one?.active ?? 0)}</td>
              <td class="number" data-label="Idle">{countText(one?.idle ?? 0)}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

const protocols: Record<string, string> = {
  h1: "HTTP/1.1 in the clear",
  h2c: "HTTP/2 in the clear",
  tls: "TLS, HTTP/2 or HTTP/1.1",
};

function healthText({ path, host, expectedStatuses, intervalMs, timeoutMs }: HealthCheck): string {
  const asked = path === "" ? "a connection" : `GET ${path}${host === "" ? "" : ` of ${host}`}`;
  const well = expectedStatuses.length === 0 ? "" : `, well when answered ${expectedStatuses.join(", ")}`;
  return `${asked} every ${latencyText(intervalMs)}, failed after ${latencyText(timeoutMs)}${well}`;
}

function Settings(
  { route, certificate, now }: { route: Route; certificate: Certificate | undefined; now: number },
) {
  const edits = (list: Route["requestHeaders"]) =>
    list.map(({ op, name, value }) => op === "remove" ? `remove ${name}` : `${op} ${name}: ${value}`).join("\n");
  const { redirect, healthCheck, signIn } = route;
  const rows: (readonly [name: string, value: string])[] = [
    ["Redirects", redirect === undefined ? "" : `${redirect.status} to ${redirect.to}`],
    ["Backends are spoken to by", route.mode === "l4" ? "" : protocols[route.backendProtocol] ?? ""],
    ["Their certificate", route.backendInsecure ? "any" : route.backendName],
    ["PROXY header", route.sendProxyProtocol],
    ["Certificate file", route.tlsCert],
    ["Key file", route.tlsKey],
    ["Certificates of clients", route.clientCert],
    ["Their CAs", route.clientCa],
    ["The path", route.stripPath ? "isn't passed on" : ""],
    ["Sign-in", signIn === undefined ? "" : signIn.allow.join(", ") || "every account"],
    ["Edits of requests", edits(route.requestHeaders)],
    ["Edits of answers", edits(route.responseHeaders)],
    ["Compression", route.compress ? "of text" : ""],
    ["Longest body", route.maxBodyBytes === 0n ? "" : bytesText(route.maxBodyBytes)],
    ["Longest wait for an answer", route.responseTimeoutMs === 0 ? "" : latencyText(route.responseTimeoutMs)],
    [
      "Health check",
      healthCheck === undefined ? "" : healthText(healthCheck),
    ],
  ];
  const shown = rows.filter(([, value]) => value !== "");
  if (shown.length === 0 && certificate === undefined) return <p class="faint">All as by default.</p>;
  return (
    <dl class="pairs">
      {certificate === undefined ? null : (
        <>
          <dt>Certificate</dt>
          <dd>
            {certificate.names.join(", ")}
            {certificate.notAfter === undefined ? null : (
              <>
                , ends <RelativeTime at={timestampMs(certificate.notAfter)} now={now} />
              </>
            )} <State certificate={certificate} now={now} />
          </dd>
        </>
      )}
      {shown.map(([name, value]) => (
        <>
          <dt>{name}</dt>
          <dd class="mono lines">{value}</dd>
        </>
      ))}
    </dl>
  );
}

function Maintenance({ visit, route }: { visit: Visit; route: Route }) {
  const isResting = route.maintenance !== "";
  return (
    <form method="post" action={routeAddress(route, "/maintenance")} class="narrow danger">
      <h2>Maintenance</h2>
      <CsrfField visit={visit} />
      {isResting
        ? (
          <>
            <p>Every request is answered with status 503 and this text:</p>
            <pre>{route.maintenance}</pre>
            <p class="actions">
              <button type="submit">End maintenance</button>
            </p>
          </>
        )
        : (
          <>
            <Field
              name="maintenance"
              label="Text for visitors"
              value="We are working on it and will be back in a few minutes."
              hint="Answered with status 503 instead of asking a backend, from the next request on."
              rows={2}
            />
            <p class="actions">
              <button type="submit" class="bad">Begin maintenance</button>
            </p>
          </>
        )}
    </form>
  );
}
