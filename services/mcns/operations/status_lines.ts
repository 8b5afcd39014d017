/** What `mcns status` says below the health: all that an operator wants to know at night, what is wrong first. */
import { rfc3339 } from "@lib/clock/mod.ts";
import { messageOf } from "@lib/errors/mod.ts";
import type { Counters } from "../dns/counters.ts";
import { queriesOf, type QueryRate } from "../dns/query_rate.ts";
import type { TransferCounters } from "../dns/transfer/transfer_counters.ts";
import { DomainName } from "../domain/name.ts";
import type { ZoneEditor } from "../store/zone_editor.ts";
import type { ZoneReader, ZoneRow } from "../store/zone_store.ts";
import type { DnssecControl } from "./dnssec_control.ts";
import type { ForwardControl } from "./forward_control.ts";
import type { TransferControl } from "./transfer_control.ts";

export interface StatusParts {
  /** "UDP and TCP 127.0.0.1:53", "TLS 127.0.0.1:853". */
  readonly listeners: readonly string[];
  readonly database: {
    readonly path: string;
    /** Of the file and its write-ahead log. */
    readonly bytes: () => number;
    readonly durability: "full" | "normal";
  };
  readonly zones: ZoneReader;
  readonly editor: Pick<ZoneEditor, "zone">;
  readonly transfers: Pick<TransferControl, "get">;
  readonly dnssec: Pick<DnssecControl, "get">;
  readonly forwarder: ForwardControl | null;
  readonly counters: Counters;
  readonly exchanged: TransferCounters;
  readonly rate: QueryRate;
  /** The last warnings and errors, newest first. */
  readonly problems: () => readonly string[];
  readonly now: () => number;
}

/** Zones looked at: each is asked for its signatures and peers. */
const maxZones = 500;
/** Zones shown beside those that need a look. */
const zonesShown = 20;
const problemsShown = 5;

/** Signatures are made anew days before they end: a day left means that this doesn't happen. */
const signatureAlarmMs = 86_400_000;

/** One fact and its value, and further lines below it. */
type Row = readonly [name: string, value: string];

export function statusLines(parts: StatusParts): string[] {
  const { listeners, database, zones, forwarder, problems } = parts;
  const totals = zones.totals();
  const looks = zones.list({ limit: maxZones, after: null }).map((row) => lookAt(row, parts));
  const wrong = looks.filter(({ problem }) => problem !== "");
  const fine = looks.filter(({ problem }) => problem === "").slice(0, zonesShown);
  const left = totals.zones - wrong.length - fine.length;
  return aligned([
    ...listeners.map((one, i): Row => [i === 0 ? "listening" : "", one]),
    ["database", databaseText(database)],
    ...trafficRows(parts),
    ...(forwarder?.upstreams ?? []).map(({ address, healthy, rttMs, queries, failures }): Row => [
      "upstream",
      `${address} ${healthy ? "replies" : "DOES NOT REPLY"}, ${
        rttMs.toFixed(1)
      } ms, ${failures} of ${queries} queries failed`,
    ]),
    [
      "zones",
      `${totals.zones} with ${totals.records} records${wrong.length > 0 ? `, ${wrong.length} NEED A LOOK` : ""}`,
    ],
    ...wrong.map(({ text, problem }): Row => ["zone", `${text}: ${problem}`]),
    ...fine.map(({ text }): Row => ["zone", text]),
    ...(left > 0 ? [["", `and ${left} more: mcnsctl zone list`] as const] : []),
    ...problems().slice(0, problemsShown).map((line, i): Row => [i === 0 ? "last problems" : "", line]),
  ]);
}

function databaseText({ path, bytes, durability }: StatusParts["database"]): string {
  const promise = durability === "full"
    ? "a change is on the disk before it is acknowledged"
    : "the last changes may be lost in a power cut";
  return `${path}, ${mebibytes(bytes())}, ${durability}: ${promise}`;
}

function trafficRows({ counters, exchanged, rate, forwarder }: StatusParts): Row[] {
  const { queriesUdp, queriesTcp, queriesTls, queriesHttps, authoritative, forwarded, cacheHits } = counters;
  const { refused, servfail, malformed, rateLimited, staleAnswers, blocked } = counters;
  const rows: Row[] = [
    [
      "queries",
      `${rate.perSecond.toFixed(1)}/s; ${
        queriesOf(counters)
      } since the start: UDP ${queriesUdp}, TCP ${queriesTcp}, TLS ${queriesTls}, HTTPS ${queriesHttps}`,
    ],
    [
      "answers",
      `${authoritative} own, ${forwarded} forwarded, ${refused} refused, ${servfail} SERVFAIL, ${malformed} malformed, ${rateLimited} too often`,
    ],
    [
      "exchange",
      `${exchanged.transfersIn} transfers in, ${exchanged.transfersOut} out, ${exchanged.transfersFailed} failed; ${exchanged.updates} updates`,
    ],
  ];
  if (forwarder !== null) {
    const { entries, bytes } = forwarder.cacheStats;
    // The addresses of an ALIAS come from the cache, too, but count as our own answer.
    const share = forwarded === 0 ? 0 : Math.round(100 * Math.min(1, cacheHits / forwarded));
    rows.push([
      "cache",
      `${entries} answers in ${
        mebibytes(bytes)
      }, ${share} % of forwarded answers from it, ${staleAnswers} stale, ${blocked} blocked`,
    ]);
  }
  return rows;
}

interface Look {
  /** "example.org primary, serial 2026112100, 12 records" */
  readonly text: string;
  /** "" for none. */
  readonly problem: string;
}

function lookAt(row: ZoneRow, parts: StatusParts): Look {
  const facts = [row.kind, `serial ${row.serial}`, `${parts.zones.countRecords(row)} records`];
  const problems: string[] = [];
  try {
    const name = DomainName.parse(`${row.name}.`, "zone");
    lookAtTransfer(name, row, parts, facts, problems);
    lookAtSignatures(name, parts, facts, problems);
  } catch (error) {
    problems.push(messageOf(error));
  }
  return { text: `${row.name} ${facts.join(", ")}`, problem: problems.join("; ") };
}

function lookAtTransfer(
  name: DomainName,
  { kind, serial }: ZoneRow,
  { transfers }: StatusParts,
  facts: string[],
  problems: string[],
): void {
  const { expired, expiresAt, transferredAt, error, notifies, secondaries } = transfers.get(name);
  if (kind === "secondary") {
    if (expired) problems.push(`EXPIRED ${at(expiresAt)}`);
    else if (transferredAt === null) problems.push("never transferred");
    else facts.push(`expires ${at(expiresAt)}`);
    if (error !== "") problems.push(error);
  }
  const behind = notifies.filter((one) => !one.acknowledged || one.serial !== serial);
  for (const { address, acknowledged, error } of behind) {
    problems.push(`secondary ${address} ${acknowledged ? "is behind" : error || "has not answered NOTIFY"}`);
  }
  if (secondaries.length > 0) {
    facts.push(`${notifies.length - behind.length} of ${secondaries.length} secondaries up to date`);
  }
}

function lookAtSignatures(
  name: DomainName,
  { editor, dnssec, now }: StatusParts,
  facts: string[],
  problems: string[],
): void {
  const zone = editor.zone(name);
  if (!zone.isAnswerable) problems.push("not answered");
  if (!zone.isSigned) return;
  const { signed, signaturesExpireAt, waitsForDs } = dnssec.get(name);
  if (!signed) {
    facts.push("signed by its primary");
    return;
  }
  if (signaturesExpireAt !== null && signaturesExpireAt - now() < signatureAlarmMs) {
    problems.push(`SIGNATURES END ${at(signaturesExpireAt)}`);
  }
  facts.push(`signed until ${at(signaturesExpireAt)}`);
  if (waitsForDs) problems.push(`the parent's DS is waited for: mcnsctl zone ds ${name}`);
}

const at = (time: number | null): string => time === null ? "never" : rfc3339(time).replace(/\.\d+Z$/, "Z");

const mebibytes = (bytes: number): string => `${(bytes / 1024 ** 2).toFixed(1)} MiB`;

function aligned(rows: readonly Row[]): string[] {
  const width = Math.max(...rows.map(([name]) => name.length)) + 2;
  return rows.map(([name, value]) => name.padEnd(width) + value);
}
