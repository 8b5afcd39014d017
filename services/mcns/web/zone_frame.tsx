/** What every page of a zone has around it: its name, what it is, the ways to its other pages. */
import type { Child } from "@hono/hono/jsx";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { address, NavLinks, RelativeTime } from "@lib/web/mod.ts";
import type { Zone } from "@proto/mcns/v1/mcns_pb.ts";
import type { Desk } from "./desk.ts";

const tabs = [
  ["", "Records"],
  ["/history", "History"],
  ["/file", "Zone file"],
  ["/dnssec", "DNSSEC"],
  ["/transfers", "Transfers"],
  ["/settings", "Settings"],
] as const;

/** The address of one of a zone's pages. */
export function zoneAddress(zone: string, page: "" | `/${string}` = "", query: Record<string, string> = {}): string {
  return address(`/zones/{zone}${page}`, { zone }, query);
}

/** Answers with a page of the zone. @param tab what its tab leads to: "/history"; "" for the records */
export function zonePage(
  desk: Desk,
  zone: Zone,
  tab: typeof tabs[number][0],
  content: Child,
  init: { status?: number; title?: string } = {},
): Promise<Response> {
  const name = tabs.find(([path]) => path === tab)![1];
  const links = tabs.map(([path, text]) => ({ href: zoneAddress(zone.name, path), text }));
  return desk.visit.page(
    init.title ?? `${zone.name}: ${name.toLowerCase() === "dnssec" ? name : name.toLowerCase()}`,
    <>
      <ZoneFacts zone={zone} now={desk.now} />
      <nav class="tabs" aria-label={`Zone ${zone.name}`}>
        <NavLinks links={links} path={zoneAddress(zone.name, tab)} />
      </nav>
      {content}
    </>,
    { heading: zone.name, ...(init.status === undefined ? {} : { status: init.status }) },
  );
}

function ZoneFacts({ zone, now }: { zone: Zone; now: number }) {
  return (
    <p class="facts">
      <ZoneMarks zone={zone} />
      <span>
        serial <span class="mono">{zone.serial}</span>
      </span>
      <span>{countText(zone.recordCount, "record")}</span>
      {zone.updatedAt === undefined ? null : (
        <span>
          changed <RelativeTime at={timestampMs(zone.updatedAt)} now={now} />
        </span>
      )}
    </p>
  );
}

/** What a zone is besides a plain primary zone for everybody. */
export function ZoneMarks({ zone }: { zone: Zone }) {
  const marks = [
    zone.kind === "secondary" ? "secondary" : "",
    zone.signed ? "signed" : "",
    zone.isCatalog ? "catalog" : "",
    zone.catalog === "" ? "" : `in catalog ${zone.catalog}`,
    ...zone.views.map((view) => `view ${view}`),
  ].filter((mark) => mark !== "");
  return marks.map((mark) => <span class={mark === "signed" ? "mark good" : "mark"}>{mark}</span>);
}

/** "1 record", "2,000 records". */
export function countText(count: number | bigint, noun: string): string {
  return `${count.toLocaleString("en")} ${noun}${Number(count) === 1 ? "" : "s"}`;
}

/** The way to the next page of a list, and back to its start. `query` is what the list is filtered by. */
export function Pager({ path, query, next, isFirst }: {
  path: string;
  query: Record<string, string>;
  next: string;
  isFirst: boolean;
}) {
  if (isFirst && next === "") return null;
  return (
    <nav class="pager" aria-label="Pages">
      {isFirst ? null : <a href={address(path, {}, query)}>First page</a>}
      {next === "" ? null : <a href={address(path, {}, { ...query, page: next })} rel="next">Next page</a>}
    </nav>
  );
}
