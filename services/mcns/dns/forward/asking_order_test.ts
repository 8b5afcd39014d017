import assert from "node:assert/strict";
import { FakeClock } from "@lib/clock/mod.ts";
import { askingOrder, unmeasured } from "./asking_order.ts";
import type { Channel } from "./channel.ts";
import { Upstream } from "./upstream.ts";

const noChannel: Channel = {
  isBusy: true,
  ask: () => Promise.resolve(null),
  onPlainOnly: () => {},
  close: () => Promise.resolve(),
};

/** "a=40": replies after 40 ms. "a": never asked. "a=40!": refuses. "a=40?": lost a packet. "a=40x": is down. "a=40-": is overdue. */
function upstreamOf(text: string, clock: FakeClock): Upstream {
  const [, name, ms, state] = /^(\w)(?:=(\d+))?(.*)$/.exec(text)!;
  const upstream = new Upstream(name!, noChannel, clock);
  if (ms !== undefined) {
    upstream.health.asked();
    upstream.health.replied(Number(ms), state === "!");
  }
  for (let lost = state === "?" ? 1 : state === "x" ? 3 : 0; lost > 0; lost--) upstream.health.failed();
  if (state === "-") upstream.health.overdue++;
  return upstream;
}

Deno.test("askingOrder puts first who replies, then who refuses, then who is down", () => {
  for (
    const [texts, order, fastest] of [
      ["a=40 b=10", "ab", "ba"],
      ["a=40 b=10?", "ab", "ab"],
      ["a=40? b=10", "ab", "ba"],
      ["a=10 b", "ab", "ab"],
      ["a b=10", "ab", "ba"],
      ["a=10- b=40", "ba", "ba"],
      ["a=10- b=40!", "ab", "ab"],
      ["a=10! b=40", "ba", "ba"],
      ["a=10x b=40! c=90", "cba", "cba"],
      ["a=10x b=5x", "ab", "ba"],
    ] as const
  ) {
    const upstreams = texts.split(" ").map((text) => upstreamOf(text, new FakeClock()));
    const text = (strategy: "order" | "fastest") =>
      askingOrder(upstreams, strategy).map(({ address }) => address).join("");
    assert.deepEqual([text("order"), text("fastest")], [order, fastest], texts);
  }
});

Deno.test("askingOrder forgives a refusal after a minute", () => {
  const clock = new FakeClock();
  const upstreams = [upstreamOf("a=10!", clock), upstreamOf("b=40", clock)];
  const first = () => askingOrder(upstreams, "order")[0]!.address;
  clock.advance(59_999);
  assert.equal(first(), "b");
  clock.advance(1);
  assert.equal(first(), "a");
});

Deno.test("unmeasured names the one that wasn't asked for longest, if for ten seconds, and never one that is down", () => {
  const clock = new FakeClock();
  const [a, b, c] = [upstreamOf("a=10", clock), upstreamOf("b=20", clock), upstreamOf("c=30x", clock)];
  assert.equal(unmeasured([a, b, c], clock), null);
  clock.advance(10_000);
  assert.equal(unmeasured([a, b, c], clock), b);
  assert.equal(unmeasured([b, a, c], clock), a);
  b.health.asked();
  assert.equal(unmeasured([a, b, c], clock), null);
  assert.equal(unmeasured([a, upstreamOf("d", clock)], clock)?.address, "d");
});
