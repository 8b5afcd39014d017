/**
 * The connections that are open, those with the most bytes first.
 * @module
 */
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { address, Choice, lengthText } from "@lib/web/mod.ts";
import type { Connection } from "@proto/mcproxy/v1/mcproxy_pb.ts";
import { bytesText, countOf, countText } from "./amounts.ts";
import type { Desk, DeskRoute } from "./desk.ts";
import { freshEverySeconds, refreshing } from "./live_page.tsx";

const path = "/connections";
const shown = 100;

export const connectionsRoutes: DeskRoute[] = [{ method: "GET", path, handle: showConnections }];

async function showConnections(desk: Desk): Promise<Response> {
  const { visit, now } = desk;
  const listener = visit.query("listener");
  const [{ connections, total }, { listeners }] = await Promise.all([
    desk.stats.listConnections({ listener, limit: shown }),
    desk.listeners.listListeners({}),
  ]);
  return await visit.page(
    "Connections",
    <>
      <form method="get" action={path} class="filter" role="search">
        <Choice
          name="listener"
          label="Listener"
          value={listener}
          options={[["", "All listeners"], ...listeners.map(({ name }) => [name, name] as const)]}
        />
        <button type="submit" class="quiet">Filter</button>
      </form>
      <div data-live={freshEverySeconds}>
        <p class="facts">
          <span>{countOf(total, "connection")} open</span>
          {total > BigInt(connections.length) && listener === ""
            ? <span>shown are the {connections.length} with the most bytes</span>
            : null}
        </p>
        {connections.length === 0
          ? <p class="empty">Nobody is connected.</p>
          : <ConnectionTable connections={connections} now={now} />}
      </div>
    </>,
    refreshing(address(path, {}, { listener })),
  );
}

export function ConnectionTable({ connections, now }: { connections: readonly Connection[]; now: number }) {
  return (
    <table class="cards">
      <thead>
        <tr>
          <th scope="col">Client</th>
          <th scope="col">Name</th>
          <th scope="col">Protocol</th>
          <th scope="col" class="number">Open for</th>
          <th scope="col" class="number">Requests</th>
          <th scope="col" class="number">From client</th>
          <th scope="col" class="number">To client</th>
        </tr>
      </thead>
      <tbody>
        {connections.map(({ client, hostname, listener, protocol, openedAt, requests, bytesIn, bytesOut }) => (
          <tr>
            <th scope="row" class="mono">{client === "" ? "not known yet" : client}</th>
            <td data-label="Name">
              {hostname === "" ? <span class="faint">none</span> : hostname} <span class="faint">{listener}</span>
            </td>
            <td data-label="Protocol">
              <span class="type">{protocol}</span>
            </td>
            <td class="number" data-label="Open for">
              {openedAt === undefined ? "" : lengthText(now - timestampMs(openedAt))}
            </td>
            <td class="number" data-label="Requests">{countText(requests)}</td>
            <td class="number" data-label="From client">{bytesText(bytesIn)}</td>
            <td class="number" data-label="To client">{bytesText(bytesOut)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
