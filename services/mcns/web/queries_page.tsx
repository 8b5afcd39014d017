/** Queries as they come: a picture of the last minutes and the latest ones. */
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { isAdmin } from "@lib/auth/mod.ts";
import { localClient, type LocalOptions, type Operation } from "@lib/contract/mod.ts";
import { address, Field } from "@lib/web/mod.ts";
import { AdminService, type ObservedQuery } from "@proto/mcns/v1/mcns_pb.ts";
import type { Desk, DeskRoute } from "./desk.ts";
import { type Observed, QueryWatch } from "./query_watch.ts";
import { RatePicture } from "./rate_picture.tsx";

const path = "/queries";
/** Between two looks, while the page is followed. */
const everySeconds = 5;
const shownQueries = 50;

export function queriesRoutes(
  watch: QueryWatch,
  operations: readonly Operation[],
  options: LocalOptions,
): DeskRoute[] {
  return [{
    method: "GET",
    path,
    handle: async (desk) => {
      const { visit } = desk;
      // One watch serves all who look, so the contract's check at its start is not enough.
      if (!isAdmin(visit.caller)) {
        return await visit.page("Queries", <p class="notice">Only admins see what is asked.</p>, { status: 403 });
      }
      const seen = watch.look((signal) =>
        localClient(AdminService, operations, { ...visit.call, signal }, options).watchQueries({ seconds: 3600 })
      );
      return await showQueries(desk, seen);
    },
  }];
}

function showQueries({ visit, now }: Desk, seen: Observed): Promise<Response> {
  const filter = { name: visit.query("name"), client: visit.query("client") };
  const isPaused = visit.query("paused") !== "";
  const latest = seen.latest.filter((query) =>
    query.name.includes(filter.name.toLowerCase()) && query.client.startsWith(filter.client)
  ).slice(0, shownQueries);
  const here = address(path, {}, filter);
  return visit.page(
    "Queries",
    <>
      <p class="actions">
        {isPaused
          ? <a class="button quiet" href={here}>Go on</a>
          : <a class="button quiet" href={address(path, {}, { ...filter, paused: "1" })}>Pause</a>}{" "}
        <span class="faint">
          {isPaused ? "Paused" : `Fresh every ${everySeconds} s`}; watched since{" "}
          {new Date(seen.since).toISOString().slice(11, 19)} UTC
        </span>
      </p>
      <form method="get" action={path} class="filter" role="search">
        <Field name="name" label="Name has" value={filter.name} mono />
        <Field name="client" label="Client begins with" value={filter.client} mono />
        <button type="submit" class="quiet">Filter</button>
        {filter.name + filter.client === "" ? null : <a href={path}>Show all</a>}
      </form>
      <div {...(isPaused ? {} : { "data-live": everySeconds })}>
        <RatePicture pieces={seen.pieces} />
        <h2>Latest</h2>
        <LatestQueries queries={latest} now={now} />
      </div>
    </>,
    isPaused ? {} : {
      live: true,
      head: (
        <noscript>
          <meta http-equiv="refresh" content={`${everySeconds}; url=${here}`} />
        </noscript>
      ),
    },
  );
}

export function LatestQueries({ queries, now }: { queries: readonly ObservedQuery[]; now: number }) {
  if (queries.length === 0) return <p class="empty">None yet.</p>;
  return (
    <table class="cards">
      <thead>
        <tr>
          <th scope="col">Time, UTC</th>
          <th scope="col">Client</th>
          <th scope="col">Question</th>
          <th scope="col">Answer</th>
          <th scope="col" class="number">Took</th>
        </tr>
      </thead>
      <tbody>
        {queries.map(({ at, client, transport, name, type, rcode, octets, microseconds }) => (
          <tr>
            <td class="mono" data-label="Time">
              {new Date(at === undefined ? now : timestampMs(at)).toISOString().slice(11, 23)}
            </td>
            <td class="mono" data-label="Client">
              {client} <span class="faint">{transport}</span>
            </td>
            <th scope="row" class="mono">
              {name} <span class="type">{type}</span>
            </th>
            <td data-label="Answer">
              <span class={rcodeClass(rcode)}>{rcode}</span> <span class="faint">{octets} B</span>
            </td>
            <td class="number" data-label="Took">{tookText(microseconds)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function rcodeClass(rcode: string): string {
  if (rcode === "NOERROR") return "mark good";
  return rcode === "SERVFAIL" || rcode === "REFUSED" ? "mark bad" : "mark";
}

function tookText(microseconds: number): string {
  return microseconds < 1000 ? `${microseconds} µs` : `${(microseconds / 1000).toFixed(1)} ms`;
}
