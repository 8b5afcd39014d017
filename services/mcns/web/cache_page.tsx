/** Where other zones' names come from: the upstreams, and what of their answers is kept. */
import { CsrfField, Field } from "@lib/web/mod.ts";
import type { CacheEntry, Stats, Upstream } from "@proto/mcns/v1/mcns_pb.ts";
import { type Desk, type DeskRoute, pageOf } from "./desk.ts";
import { secondsText } from "./duration.ts";
import { countText, Pager } from "./zone_frame.tsx";

const path = "/cache";

export const cacheRoutes: DeskRoute[] = [
  { method: "GET", path, handle: showCache },
  { method: "POST", path: "/flush-cache", handle: flush },
];

async function showCache(desk: Desk): Promise<Response> {
  const { visit, isAdmin } = desk;
  const name = visit.query("name");
  const page = pageOf(desk, 100);
  const stats = await desk.admin.getStats({});
  // The names that people look up are for admins only.
  const list = isAdmin ? await desk.admin.listCache({ name, ...page }) : null;
  return visit.page(
    "Cache",
    <>
      <h2>Upstreams</h2>
      <Upstreams upstreams={stats.upstreams} />
      <h2>Kept answers</h2>
      <CacheFacts stats={stats} />
      {list === null ? null : (
        <>
          <div class="line">
            <form method="get" action={path} class="filter" role="search">
              <Field name="name" label="Names at or below" value={name} mono />
              <button type="submit" class="quiet">Find</button>
              {name === "" ? null : <a href={path}>Show all</a>}
            </form>
            <form method="post" action="/flush-cache" class="filter">
              <CsrfField visit={visit} />
              <input type="hidden" name="name" value={name} />
              <button type="submit" class="quiet">
                {name === "" ? "Forget all answers" : `Forget ${name} and below`}
              </button>
            </form>
          </div>
          <CacheEntries entries={list.entries} />
          <Pager path={path} query={{ name }} next={list.nextPageToken} isFirst={page.pageToken === ""} />
        </>
      )}
    </>,
  );
}

export function Upstreams({ upstreams }: { upstreams: readonly Upstream[] }) {
  if (upstreams.length === 0) {
    return <p class="empty">None: queries for other zones' names are refused.</p>;
  }
  return (
    <table class="cards">
      <thead>
        <tr>
          <th scope="col">Address</th>
          <th scope="col">State</th>
          <th scope="col" class="number">Round trip</th>
          <th scope="col" class="number">Queries</th>
          <th scope="col" class="number">Failures</th>
        </tr>
      </thead>
      <tbody>
        {upstreams.map(({ address, healthy, rttMs, queries, failures }) => (
          <tr>
            <th scope="row" class="mono">{address}</th>
            <td data-label="State">
              <span class={healthy ? "mark good" : "mark bad"}>{healthy ? "replies" : "does not reply"}</span>
            </td>
            <td class="number" data-label="Round trip">{rttMs === 0 ? "–" : `${rttMs.toFixed(1)} ms`}</td>
            <td class="number" data-label="Queries">{queries.toLocaleString("en")}</td>
            <td class="number" data-label="Failures">{failures.toLocaleString("en")}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function CacheFacts({ stats }: { stats: Stats }) {
  const { cacheEntries, cacheBytes, cacheHits, answersForwarded, staleAnswers, blocked } = stats;
  // The addresses of an ALIAS come from the cache, too, but count as our own answer.
  const part = Math.min(1, Number(cacheHits) / Number(answersForwarded));
  const share = answersForwarded === 0n ? "–" : `${(part * 100).toFixed(0)} %`;
  return (
    <dl class="tiles">
      <Tile name="Answers kept" value={cacheEntries.toLocaleString("en")} />
      <Tile name="Memory" value={bytesText(Number(cacheBytes))} />
      <Tile name="From the cache" value={share} />
      <Tile name="Stale answers" value={staleAnswers.toLocaleString("en")} />
      <Tile name="Blocked" value={blocked.toLocaleString("en")} />
    </dl>
  );
}

/** One number with its name. */
export function Tile({ name, value, bad }: { name: string; value: string; bad?: boolean }) {
  return (
    <div class={bad ? "bad" : ""}>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

export function bytesText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const [size, unit] = bytes < 1024 ** 2 ? [1024, "KiB"] : bytes < 1024 ** 3 ? [1024 ** 2, "MiB"] : [1024 ** 3, "GiB"];
  return `${(bytes / size).toFixed(1)} ${unit}`;
}

export function CacheEntries({ entries }: { entries: readonly CacheEntry[] }) {
  if (entries.length === 0) return <p class="empty">No answers are kept.</p>;
  return (
    <table class="cards">
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">Type</th>
          <th scope="col">Answer</th>
          <th scope="col">For</th>
          <th scope="col" class="number">Used</th>
        </tr>
      </thead>
      <tbody>
        {entries.map(({ name, type, rcode, values, ttl, hits }) => (
          <tr>
            <th scope="row" class="mono">{name}</th>
            <td>
              <span class="type">{type}</span>
            </td>
            <td class="mono value" data-label="Answer">
              {values.length === 0
                ? <span class="faint">{rcode === "NOERROR" ? "no records" : rcode}</span>
                : <ul class="plain">{values.map((value) => <li>{value}</li>)}</ul>}
            </td>
            <td data-label="For">{ttl < 0 ? <span class="mark">stale</span> : secondsText(ttl)}</td>
            <td class="number" data-label="Used">{hits.toLocaleString("en")}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

async function flush({ visit, admin }: Desk): Promise<Response> {
  const name = visit.form.optional("name")?.trim() ?? "";
  const { removed } = await admin.flushCache({ name });
  return visit.redirect(path, `${countText(removed, "answer")} forgotten.`);
}
