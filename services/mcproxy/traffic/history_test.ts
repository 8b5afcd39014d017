import assert from "node:assert/strict";
import { ListenerCounters, RouteCounters } from "./counters.ts";
import { pieceCount, TrafficHistory } from "./history.ts";

Deno.test("TrafficHistory tells what passed between two looks, while routes come and go", () => {
  const routes = new Map([["a", new RouteCounters()], ["b", new RouteCounters()]]);
  const listener = new ListenerCounters();
  let now = 0;
  using history = new TrafficHistory({
    routes: () => [...routes.values()].map((counters) => ({ counters })),
    listeners: () => [{ door: { counters: listener } }],
    connections: () => 3,
    now: () => now++,
  });
  const pass = (name: string, status: number, bytes: number) => {
    const counters = routes.get(name)!;
    counters.answered(status);
    counters.bytesIn += bytes;
    counters.bytesOut += 2 * bytes;
  };
  pass("a", 200, 10);
  pass("a", 404, 10);
  pass("b", 502, 10);
  listener.refuse("no_sni");
  history.look();
  history.look();
  pass("b", 200, 1);
  routes.delete("a");
  routes.set("c", new RouteCounters());
  pass("c", 301, 1);
  history.look();
  assert.deepEqual(history.pieces, [
    { at: 0, answered: 2, failed: 1, bytesIn: 30, bytesOut: 60, refused: 1, connections: 3 },
    { at: 1, answered: 0, failed: 0, bytesIn: 0, bytesOut: 0, refused: 0, connections: 3 },
    { at: 2, answered: 2, failed: 0, bytesIn: 2, bytesOut: 4, refused: 0, connections: 3 },
  ]);
  for (let i = 0; i < pieceCount; i++) history.look();
  assert.equal(history.pieces.length, pieceCount);
  assert.equal(history.pieces[0]!.at, 3);
});
