import assert from "node:assert/strict";
import { RecordService, ZoneService } from "@proto/mcns/v1/mcns_pb.ts";
import { TransferService } from "@proto/mcns/v1/transfer_pb.ts";
import { QueryRate } from "../dns/query_rate.ts";
import { type OperationsUnderTest, operationsUnderTest } from "../testing/operations_under_test.ts";
import type { DnssecControl } from "./dnssec_control.ts";
import type { ForwardControl } from "./forward_control.ts";
import { statusLines, type StatusParts } from "./status_lines.ts";

const { createZone } = ZoneService.method;
const { createRecord } = RecordService.method;
const { setTransfer } = TransferService.method;

/** Asked for signed zones only. */
const unsigned: Pick<DnssecControl, "get"> = {
  get: () => {
    throw new Error("no zone is signed here");
  },
};

/** The lines of a store, with what differs from an idle server. */
function linesOf(test: OperationsUnderTest, more: Partial<StatusParts> = {}): string {
  const { store, counters, transfers } = test;
  using rate = new QueryRate(counters, () => 0);
  return statusLines({
    listeners: ["UDP and TCP 127.0.0.1:53", "TLS 127.0.0.1:853"],
    database: { path: "data/mcns.db", bytes: () => 1_572_864, durability: "full" },
    zones: store.zones,
    editor: store.editor,
    transfers: transfers.control,
    dnssec: unsigned,
    forwarder: null,
    ...{ counters, rate },
    exchanged: transfers.counters,
    problems: () => [],
    now: () => store.clock.now(),
    ...more,
  }).join("\n");
}

Deno.test("statusLines says where it listens, what is kept and how it goes", async () => {
  await using test = await operationsUnderTest();
  await test.calls.call(createZone, { name: "example.org" });
  await test.calls.call(createRecord, { zone: "example.org", name: "www", type: "A", value: "192.0.2.1" });
  test.counters.queriesUdp = 12;
  test.counters.authoritative = 11;
  assert.equal(
    linesOf(test),
    `listening  UDP and TCP 127.0.0.1:53
           TLS 127.0.0.1:853
database   data/mcns.db, 1.5 MiB, full: a change is on the disk before it is acknowledged
queries    0.0/s; 12 since the start: UDP 12, TCP 0, TLS 0, HTTPS 0
answers    11 own, 0 forwarded, 0 refused, 0 SERVFAIL, 0 malformed, 0 too often
exchange   0 transfers in, 0 out, 0 failed; 0 updates
zones      1 with 1 records
zone       example.org primary, serial 2026112101, 1 records`,
  );
});

Deno.test("statusLines shows what needs a look before what is fine", async () => {
  await using test = await operationsUnderTest();
  for (const name of ["a.org", "b.org"]) await test.calls.call(createZone, { name });
  await test.calls.call(createZone, { name: "c.org", kind: "secondary", primaries: ["192.0.2.53:53"] });
  await test.calls.call(setTransfer, { zone: "b.org", secondaries: [{ address: "192.0.2.54:53" }] });
  const lines = linesOf(test).split("\n").filter((line) => line.startsWith("zone"));
  assert.deepEqual(lines, [
    "zones      3 with 0 records, 1 NEED A LOOK",
    "zone       c.org secondary, serial 0, 0 records: never transferred; not answered",
    "zone       a.org primary, serial 2026112100, 0 records",
    "zone       b.org primary, serial 2026112100, 0 records, 0 of 1 secondaries up to date",
  ]);
});

Deno.test("statusLines shows upstreams, the cache and the last problems", async () => {
  await using test = await operationsUnderTest();
  const upstream = { address: "192.0.2.99:53", healthy: true, failures: 1, queries: 40, rttMs: 12.34 };
  const forwarder = {
    upstreams: [upstream, { ...upstream, healthy: false }],
    cacheStats: { entries: 7, bytes: 104_858 },
  } as unknown as ForwardControl;
  test.counters.forwarded = 8;
  test.counters.cacheHits = 6;
  const lines = linesOf(test, { forwarder, problems: () => ["2026-11-21T12:00:00Z ERROR x", "2026 WARN y"] });
  assert.ok(
    lines.includes("cache          7 answers in 0.1 MiB, 75 % of forwarded answers from it, 0 stale, 0 blocked"),
    lines,
  );
  assert.ok(lines.includes("upstream       192.0.2.99:53 replies, 12.3 ms, 1 of 40 queries failed"), lines);
  assert.ok(lines.includes("192.0.2.99:53 DOES NOT REPLY"), lines);
  assert.ok(lines.endsWith("last problems  2026-11-21T12:00:00Z ERROR x\n               2026 WARN y"), lines);
});

Deno.test("statusLines stays short with many zones", async () => {
  await using test = await operationsUnderTest();
  for (let i = 0; i < 30; i++) await test.calls.call(createZone, { name: `z${i}.org` });
  const lines = linesOf(test).split("\n");
  assert.equal(lines.filter((line) => line.startsWith("zone ")).length, 20);
  assert.equal(lines.at(-1), "           and 10 more: mcnsctl zone list");
});
