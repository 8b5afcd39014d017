/**
 * The first page: whether all is well, what passes now, what was refused.
 * @module
 */
import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { HealthReport } from "@lib/service/mod.ts";
import { lengthText } from "@lib/web/mod.ts";
import type { BackendStats, Listener, ListenerStats, Stats } from "@proto/mcproxy/v1/mcproxy_pb.ts";
import { pieceMs, type TrafficPiece } from "../traffic/history.ts";
import { bytesText, countOf, countText, partText, rateText } from "./amounts.ts";
import type { Desk, DeskRoute } from "./desk.ts";
import { freshEverySeconds, refreshing } from "./live_page.tsx";
import { TrafficPictures } from "./traffic_pictures.tsx";

export const overviewPath = "/overview";

export interface OverviewParts {
  history: { readonly pieces: readonly TrafficPiece[] };
  health: () => HealthReport;
  version: string;
}

export function overviewRoutes(parts: OverviewParts): DeskRoute[] {
  return [{ method: "GET", path: overviewPath, handle: (desk) => showOverview(desk, parts) }];
}

async function showOverview(desk: Desk, { history, health, version }: OverviewParts): Promise<Response> {
  const [stats, { listeners }] = await Promise.all([desk.stats.getStats({}), desk.listeners.listListeners({})]);
  return await desk.visit.page(
    "Overview",
    <>
      <div data-live={freshEverySeconds}>
        <Verdict concerns={[...health().reasons, ...failingBackends(stats.backends)]} />
        <Numbers stats={stats} last={history.pieces.at(-1)} now={desk.now} />
        <TrafficPictures pieces={history.pieces} />
        <h2>Listeners</h2>
        <Listeners listeners={listeners} stats={stats.listeners} />
      </div>
      <p class="faint">MC-Proxy {version}</p>
    </>,
    refreshing(overviewPath),
  );
}

/** So many are listed; the routes show the others. */
const shownFailing = 5;

function failingBackends(backends: readonly BackendStats[]): string[] {
  const failing = backends.filter((one) => one.failing);
  const lines = failing.slice(0, shownFailing).map(({ backend, reason }) => `backend ${backend}: ${reason}`);
  const left = failing.length - lines.length;
  return left === 0 ? lines : [...lines, `and ${countOf(left, "backend")} more`];
}

/** @param concerns what an operator should look at, a line each */
export function Verdict({ concerns }: { concerns: readonly string[] }) {
  const isWell = concerns.length === 0;
  return (
    <section class={isWell ? "verdict good" : "verdict bad"} aria-label="Health">
      <strong>{isWell ? "Everything works" : "Something needs a look"}</strong>
      {isWell
        ? <p>Every listener is open, and every route has what it needs.</p>
        : <ul>{concerns.map((concern) => <li>{concern}</li>)}</ul>}
    </section>
  );
}

function Numbers({ stats, last, now }: { stats: Stats; last: TrafficPiece | undefined; now: number }) {
  const sum = (read: (route: Stats["routes"][number]) => bigint) =>
    stats.routes.reduce((total, route) => total + read(route), 0n);
  const requests = sum((route) => route.requests);
  const failed = sum((route) => route.responses["5xx"] ?? 0n);
  const out = stats.backends.filter(({ failing }) => failing).length;
  const perSecond = (value: number) => value * 1000 / pieceMs;
  return (
    <dl class="tiles four">
      {stats.startedAt === undefined
        ? null
        : <Tile name="Up for" value={lengthText(now - timestampMs(stats.startedAt))} />}
      <Tile name="Open connections" value={countText(stats.listeners.reduce((total, one) => total + one.active, 0n))} />
      <Tile
        name="Requests per second"
        value={last === undefined ? "–" : rateText(perSecond(last.answered + last.failed))}
      />
      <Tile name="To clients" value={last === undefined ? "–" : `${bytesText(perSecond(last.bytesOut))}/s`} />
      <Tile name="Requests since the start" value={countText(requests)} />
      <Tile name="Of these failed (5xx)" value={partText(failed, requests)} bad={failed * 100n > requests} />
      <Tile name="Routes" value={countText(stats.routes.length)} />
      <Tile name="Backends failing" value={countText(out)} bad={out > 0} />
    </dl>
  );
}

export function Tile({ name, value, bad = false }: { name: string; value: string; bad?: boolean }) {
  return (
    <div {...(bad ? { class: "bad" } : {})}>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function Listeners({ listeners, stats }: { listeners: readonly Listener[]; stats: readonly ListenerStats[] }) {
  return (
    <table class="cards">
      <thead>
        <tr>
          <th scope="col">Listener</th>
          <th scope="col" class="number">Open</th>
          <th scope="col" class="number">Accepted</th>
          <th scope="col">Refused</th>
        </tr>
      </thead>
      <tbody>
        {listeners.map((listener) => (
          <Row
            listener={listener}
            stats={stats.find(({ name }) => name === listener.name)}
          />
        ))}
      </tbody>
    </table>
  );
}

const kinds: Record<string, string> = {
  tls: "TLS",
  tcp: "plain TCP",
  http: "redirects to HTTPS",
};

function Row({ listener, stats }: { listener: Listener; stats: ListenerStats | undefined }) {
  const { name, kind, address, proxyProtocolFrom, fromConfig } = listener;
  const refused = Object.entries(stats?.refused ?? {}).sort(([, a], [, b]) => Number(b - a));
  return (
    <tr>
      <th scope="row">
        <a href={`/routes?listener=${encodeURIComponent(name)}`}>{name}</a> <span class="faint mono">{address}</span>
        <span class="marks">
          <span class="mark">{kinds[kind] ?? kind}</span>
          {proxyProtocolFrom.length === 0 ? null : <span class="mark">PROXY from {proxyProtocolFrom.join(", ")}</span>}
          {fromConfig ? null : <span class="mark">made by the API</span>}
        </span>
      </th>
      <td class="number" data-label="Open">{countText(stats?.active ?? 0)}</td>
      <td class="number" data-label="Accepted">{countText(stats?.accepted ?? 0)}</td>
      <td data-label="Refused">
        {refused.length === 0 ? <span class="faint">none</span> : (
          <ul class="plain">
            {refused.map(([reason, count]) => (
              <li title={countOf(count, "connection")}>
                {countText(count)} <span class="faint">{refusalTexts[reason] ?? reason.replaceAll("_", " ")}</span>
              </li>
            ))}
          </ul>
        )}
      </td>
    </tr>
  );
}

/** Reasons of refusals (traffic/counters.ts) in words. */
const refusalTexts: Record<string, string> = {
  too_many_connections: "above the listener's limit",
  firewall: "by the firewall",
  no_proxy_header: "without the PROXY header",
  malformed_proxy_header: "with a malformed PROXY header",
  proxy_header_timeout: "too slow with the PROXY header",
  no_route: "without a route",
  closed_early: "gone before the ClientHello",
  hello_timeout: "too slow with the ClientHello",
  hello_too_large: "with too large a ClientHello",
  not_tls: "not speaking TLS",
  malformed_hello: "with a malformed ClientHello",
  no_tls13: "without TLS 1.3",
  no_sni: "naming no name",
  unknown_name: "for names without a route",
  no_certificate: "for lack of a certificate",
  no_common_protocol: "without a protocol in common",
  handshake_failed: "failing the handshake",
};
