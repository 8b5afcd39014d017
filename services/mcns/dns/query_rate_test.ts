import assert from "node:assert/strict";
import { Counters } from "./counters.ts";
import { QueryRate } from "./query_rate.ts";

Deno.test("QueryRate is that of the last minute, whatever there was before", () => {
  const counters = new Counters();
  let now = 0;
  using rate = new QueryRate(counters, () => now);
  assert.equal(rate.perSecond, 0);
  for (const [queries, seconds, want] of [[100, 10, 10], [0, 10, 5], [400, 20, 12.5]] as const) {
    counters.queriesUdp += queries - 1;
    counters.queriesTls++;
    now += seconds * 1000;
    assert.equal(rate.perSecond, want);
  }
  for (let i = 0; i < 6; i++) {
    now += 10_000;
    rate.sample();
  }
  assert.equal(rate.perSecond, 0, "a minute without queries");
});
