import assert from "node:assert/strict";
import { latencyBounds, LatencyHistogram, shownBounds } from "./latency.ts";

Deno.test("LatencyHistogram.quantile is right within a bucket's width, for any spread", () => {
  // Evenly in the logarithm from 0.2 ms to 20 s, in an order that is not sorted.
  const times = Array.from({ length: 10_000 }, (_, i) => 0.2 * 10 ** (5 * ((i * 7919) % 10_000) / 10_000));
  const histogram = new LatencyHistogram();
  for (const ms of times) histogram.observe(ms);
  times.sort((a, b) => a - b);
  for (const part of [0.01, 0.25, 0.5, 0.9, 0.99, 0.999]) {
    const exact = times[Math.ceil(part * times.length) - 1]!;
    const told = histogram.quantile(part);
    assert.ok(told / exact < 1.27 && exact / told < 1.27, `${part}: ${told} instead of ${exact}`);
  }
  assert.equal(histogram.total, 10_000);
});

Deno.test("LatencyHistogram counts the edges: nothing, zero, a bound itself, beyond the last", () => {
  const histogram = new LatencyHistogram();
  assert.equal(histogram.quantile(0.99), 0);
  assert.deepEqual(histogram.cumulative(), shownBounds.map(() => 0));
  histogram.observe(0);
  histogram.observe(1);
  histogram.observe(1_000_000);
  assert.equal(histogram.quantile(1), latencyBounds.at(-1));
  const within = (ms: number) => histogram.cumulative()[shownBounds.indexOf(ms)];
  assert.deepEqual([within(0.1), within(0.5), within(1), within(50_000)], [1, 1, 2, 2]);
  assert.equal(histogram.sumMs, 1_000_001);
});

Deno.test("latencyBounds rise by 25 to 28 % each, and shownBounds are 1, 2.5 and 5 of every power of ten", () => {
  for (let i = 1; i < latencyBounds.length; i++) {
    const ratio = latencyBounds[i]! / latencyBounds[i - 1]!;
    assert.ok(ratio >= 1.24 && ratio <= 1.29, `${latencyBounds[i]}`);
  }
  assert.deepEqual(shownBounds.slice(0, 7), [0.1, 0.25, 0.5, 1, 2.5, 5, 10]);
});
