import assert from "node:assert/strict";
import { FakeClock } from "@lib/clock/mod.ts";
import { RateLimit, responseClasses, verdicts } from "./rate_limit.ts";

const { answer, denial, error } = responseClasses;
const { send, truncate, drop } = verdicts;

Deno.test("RateLimit.check lets two seconds' worth go at once, then truncates every second reply and drops the others", () => {
  const clock = new FakeClock();
  const limit = new RateLimit(5, clock);
  const next = (count: number) => Array.from({ length: count }, () => limit.check(1, answer, 7));
  assert.deepEqual(next(10), new Array(10).fill(send));
  assert.deepEqual(next(4), [truncate, drop, truncate, drop]);
  clock.advance(200);
  assert.deepEqual(next(2), [send, truncate], "one more after a fifth of a second");
  clock.advance(60_000);
  assert.deepEqual(next(11).indexOf(truncate), 10, "a pause fills up to two seconds' worth");
});

Deno.test("RateLimit.check counts networks, kinds and subjects apart", () => {
  const limit = new RateLimit(1, new FakeClock());
  const use = (network: number, kind: typeof answer | typeof denial | typeof error, subject: number) => {
    for (let i = 0; i < 2; i++) assert.equal(limit.check(network, kind, subject), send);
    assert.notEqual(limit.check(network, kind, subject), send);
  };
  use(1, answer, 7);
  use(2, answer, 7);
  use(1, answer, 8);
  use(1, denial, 7);
  use(1, error, 0);
});
