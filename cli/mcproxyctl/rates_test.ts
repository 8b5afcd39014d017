import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import assert from "node:assert/strict";
import { type RouteStatsSchema, StatsSchema } from "@proto/mcproxy/v1/mcproxy_pb.ts";
import { type Look, topText } from "./rates.ts";

const start = Date.UTC(2026, 0, 2, 3, 4, 5);

/** A look at the counters, so many seconds after `start`. */
function look(
  seconds: number,
  routes: MessageInitShape<typeof RouteStatsSchema>[],
  { startedAt = start, failing = false } = {},
): Look {
  const stats = create(StatsSchema, {
    startedAt: timestampFromMs(startedAt),
    listeners: [{ name: "https", active: 3n }, { name: "alt", active: 1n }],
    routes: routes.map((route) => ({ listener: "https", path: "/", mode: "l7", ...route })),
    backends: [{ backend: "a:1", active: 2n, idle: 1n }, { backend: "b:2", active: 0n, failing, reason: "refused" }],
  });
  return { stats, at: start + seconds * 1000 };
}

const most = { routes: 10, backends: 10 };

Deno.test("topText has what passed between two looks, a second, the busiest route first", () => {
  const before = look(100, [
    { hostname: "idle.org", connections: 5n },
    { hostname: "busy.org", requests: 1000n, bytesIn: 1000n, bytesOut: 4096n, responses: { "5xx": 3n } },
    { hostname: "db.org", mode: "l4", connections: 10n },
  ]);
  const after = look(104, [
    { hostname: "idle.org", connections: 5n, active: 1n },
    {
      ...{ hostname: "busy.org", requests: 1400n, bytesIn: 2000n, bytesOut: 4096n + 8192n, active: 2n },
      ...{ responses: { "5xx": 5n }, backendErrors: 4n, latencyP50Ms: 0.5, latencyP99Ms: 20 },
    },
    { hostname: "db.org", mode: "l4", connections: 12n, active: 1n },
  ], { failing: true });
  assert.equal(
    topText(before, after, most),
    `03:05:49 UTC, up 104s, 4 connections, 100 requests/s, in 250 B/s, out 2.0 KiB/s

ROUTE           REQ/S  CONN/S  OPEN   IN/S    OUT/S     P50    P99  ERRORS/S
https busy.org    100       0     2  250 B  2.0 KiB  0.5 ms  20 ms       1.5
https db.org              0.5     1    0 B      0 B                        0
https idle.org      0       0     1    0 B      0 B                        0

BACKEND  BUSY  IDLE  STATE
b:2         0     0  FAILS: refused
a:1         2     1  well
`,
  );
});

Deno.test("topText shows so many routes and backends, and how many are left", () => {
  const before = look(0, []), after = look(2, ["a.org", "b.org", "c.org"].map((hostname) => ({ hostname })));
  const lines = topText(before, after, { routes: 1, backends: 1 }).split("\n");
  assert.deepEqual([lines[3]!.split("  ")[0], lines[4]], ["https a.org", "and 2 more"]);
  assert.deepEqual(lines.slice(-3), ["a:1         2     1  well", "and 1 more", ""]);
});

// Each would be less than nothing.
const restarts: [what: string, before: Look, after: Look, requests: string][] = [
  [
    "a restart of the proxy, from its start",
    look(100, [{ hostname: "x.org", requests: 1000n }]),
    look(110, [{ hostname: "x.org", requests: 20n }], { startedAt: start + 108_000 }),
    "10",
  ],
  [
    "a route that was deleted and put again",
    look(100, [{ hostname: "x.org", requests: 1000n }]),
    look(110, [{ hostname: "x.org", requests: 20n }]),
    "0",
  ],
  ["a new route", look(100, []), look(110, [{ hostname: "x.org", requests: 20n }]), "2.0"],
];
for (const [what, before, after, requests] of restarts) {
  Deno.test(`topText counts ${what}`, () => {
    const row = topText(before, after, most).split("\n").find((line) => line.startsWith("https x.org"));
    assert.equal(row?.split(/ {2,}/)[1], requests);
  });
}
