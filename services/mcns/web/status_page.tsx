/**
 * How MCNS is doing, for somebody who was woken up: what is wrong first, then what to look at. Its health is shown
 * without a session, as `/v1/health` does, because there may be none to be had.
 */
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { messageOf } from "@lib/errors/mod.ts";
import type { HealthReport } from "@lib/service/mod.ts";
import { lengthText, type Visit } from "@lib/web/mod.ts";
import type { Stats, Zone } from "@proto/mcns/v1/mcns_pb.ts";
import { Tile, Upstreams } from "./cache_page.tsx";
import type { Desk } from "./desk.ts";
import { zoneAddress } from "./zone_frame.tsx";

/** Something that an operator should know, and where to go about it. */
export interface Concern {
  readonly text: string;
  readonly href?: string;
  readonly advice: string;
}

/** Zones looked into; a server with more has its metrics watched. */
const maxZones = 200;
const soonMs = 3 * 86_400_000;

export async function showStatus(
  visit: Visit,
  { health, version, now, desk }: { health: HealthReport; version: string; now: number; desk: Desk | null },
): Promise<Response> {
  return await visit.page(
    "Status",
    <>
      <Verdict health={health} />
      {desk === null
        ? (
          <p>
            <a href="/sign-in?next=%2Fstatus">Sign in</a> to see more.
          </p>
        )
        : await details(desk)}
      <FirstAid />
      <p class="faint">MCNS {version}</p>
    </>,
  );

  async function details(desk: Desk) {
    const stats = await desk.admin.getStats({});
    const concerns = await concernsOf(desk, stats);
    return (
      <>
        <Concerns concerns={concerns} />
        <Numbers stats={stats} now={now} />
        <h2>Upstreams</h2>
        <Upstreams upstreams={stats.upstreams} />
      </>
    );
  }
}

export function Verdict({ health }: { health: HealthReport }) {
  const isWell = health.status === "serving";
  return (
    <section class={isWell ? "verdict good" : "verdict bad"} aria-label="Health">
      <strong>{isWell ? "Everything works" : "Something is wrong"}</strong>
      {health.reasons.length === 0
        ? <p>Names are answered.</p>
        : <ul>{health.reasons.map((reason) => <li>{reason}</li>)}</ul>}
    </section>
  );
}

function Concerns({ concerns }: { concerns: readonly Concern[] }) {
  if (concerns.length === 0) return null;
  return (
    <>
      <h2>Needs attention</h2>
      <ul class="concerns">
        {concerns.map(({ text, href, advice }) => (
          <li>
            <strong>{href === undefined ? text : <a href={href}>{text}</a>}</strong>
            <span>{advice}</span>
          </li>
        ))}
      </ul>
    </>
  );
}

function Numbers({ stats, now }: { stats: Stats; now: number }) {
  const queries = stats.queriesUdp + stats.queriesTcp + stats.queriesTls + stats.queriesHttps;
  const count = (value: bigint | number) => value.toLocaleString("en");
  return (
    <dl class="tiles">
      {stats.startedAt === undefined
        ? null
        : <Tile name="Up for" value={lengthText(now - timestampMs(stats.startedAt))} />}
      <Tile name="Zones" value={count(stats.zones)} />
      <Tile name="Records" value={count(stats.records)} />
      <Tile name="Queries" value={count(queries)} />
      <Tile name="With authority" value={count(stats.answersAuthoritative)} />
      <Tile name="Forwarded" value={count(stats.answersForwarded)} />
      <Tile name="SERVFAIL" value={count(stats.answersServfail)} bad={isMuch(stats.answersServfail, queries)} />
      <Tile name="Refused" value={count(stats.answersRefused)} />
      <Tile name="Malformed" value={count(stats.malformed)} />
      <Tile name="Over the rate limit" value={count(stats.rateLimited)} />
    </dl>
  );
}

/** One in twenty, of enough to tell. */
const isMuch = (part: bigint, whole: bigint): boolean => whole >= 100n && part * 20n > whole;

function FirstAid() {
  return (
    <>
      <h2>When a name doesn't resolve</h2>
      <ol class="steps">
        <li>
          <a href="/explain">Explain</a>{" "}
          says what a client would be answered, from which zone or upstream, and why: begin here, with the client's own
          address.
        </li>
        <li>
          <a href="/queries">Queries</a> shows whether the client's queries arrive at all.
        </li>
        <li>
          <a href="/zones">Zones</a>, then History: was it changed just now? Undo takes one change back.
        </li>
        <li>
          <a href="/cache">Cache</a> forgets an answer that an upstream gave and that is no longer true.
        </li>
      </ol>
    </>
  );
}

async function concernsOf(desk: Desk, stats: Stats): Promise<Concern[]> {
  const concerns: Concern[] = [];
  const queries = stats.queriesUdp + stats.queriesTcp + stats.queriesTls + stats.queriesHttps;
  if (isMuch(stats.answersServfail, queries)) {
    concerns.push({
      text: `${stats.answersServfail.toLocaleString("en")} answers were SERVFAIL`,
      href: "/queries",
      advice: "Look which names: one zone of ours, or everything that is forwarded?",
    });
  }
  const { zones } = await desk.zones.listZones({ pageSize: maxZones });
  for (const zone of zones) {
    try {
      if (zone.kind === "secondary") concerns.push(...await transferConcerns(desk, zone));
      if (zone.signed) concerns.push(...await dnssecConcerns(desk, zone));
    } catch (error) {
      concerns.push({ text: `${zone.name} can't be looked into`, advice: messageOf(error) });
    }
  }
  return concerns;
}

async function transferConcerns(desk: Desk, { name }: Zone): Promise<Concern[]> {
  const { expired, error } = await desk.transfer.getTransfer({ zone: name });
  const href = zoneAddress(name, "/transfers");
  if (expired) return [{ text: `${name} has expired`, href, advice: `Queries get SERVFAIL. ${error}` }];
  if (error !== "") return [{ text: `${name} isn't transferred`, href, advice: error }];
  return [];
}

async function dnssecConcerns(desk: Desk, { name }: Zone): Promise<Concern[]> {
  const state = await desk.dnssec.getDnssec({ zone: name });
  const href = zoneAddress(name, "/dnssec");
  const concerns: Concern[] = [];
  if (state.signaturesExpireAt !== undefined && timestampMs(state.signaturesExpireAt) - desk.now < soonMs) {
    const left = lengthText(timestampMs(state.signaturesExpireAt) - desk.now);
    concerns.push({
      text: `A signature in ${name} ends in ${left}`,
      href,
      advice: "They are made anew well before. The log says why not.",
    });
  }
  if (state.waitsForDs) {
    concerns.push({
      text: `${name} waits for its parent`,
      href,
      advice: "Give the DS to the parent zone and confirm it.",
    });
  }
  return concerns;
}
