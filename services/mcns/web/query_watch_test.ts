import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import assert from "node:assert/strict";
import { FakeClock } from "@lib/clock/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { type ObservedQuery, ObservedQuerySchema } from "@proto/mcns/v1/mcns_pb.ts";
import { pieceCount, QueryWatch } from "./query_watch.ts";

/** A stream that yields what it is fed. */
function feed() {
  const waiting: ObservedQuery[] = [];
  let wake = Promise.withResolvers<void>();
  let opened = 0;
  async function* open(signal: AbortSignal): AsyncGenerator<ObservedQuery> {
    opened++;
    signal.addEventListener("abort", () => wake.resolve());
    while (!signal.aborted) {
      while (waiting.length > 0) yield waiting.shift()!;
      await wake.promise;
      wake = Promise.withResolvers();
    }
  }
  const send = async (at: number, rcode: string, name = "x.org") => {
    waiting.push(create(ObservedQuerySchema, { at: timestampFromMs(at), rcode, name }));
    wake.resolve();
    for (let i = 0; i < 10; i++) await Promise.resolve();
  };
  return { open, send, opened: () => opened };
}

Deno.test("QueryWatch counts by piece of time and code, and keeps the latest", async () => {
  const clock = new FakeClock();
  using watch = new QueryWatch(clock, silentLogger);
  const stream = feed();
  assert.equal(watch.look(stream.open).pieces.length, pieceCount);
  await stream.send(clock.now(), "NOERROR", "a.org");
  await stream.send(clock.now() + 4999, "NXDOMAIN", "b.org");
  await stream.send(clock.now() + 5000, "NOERROR", "c.org");
  clock.advance(5000);
  const seen = watch.look(stream.open);
  assert.equal(stream.opened(), 1);
  assert.deepEqual(seen.pieces.slice(-2).map(({ counts }) => Object.fromEntries(counts)), [
    { NOERROR: 1, NXDOMAIN: 1 },
    { NOERROR: 1 },
  ]);
  assert.deepEqual(seen.latest.map(({ name }) => name), ["c.org", "b.org", "a.org"]);
});

Deno.test("QueryWatch forgets after five minutes and keeps at most 1,000 queries", async () => {
  const clock = new FakeClock();
  using watch = new QueryWatch(clock, silentLogger);
  const stream = feed();
  watch.look(stream.open);
  for (let i = 0; i < 1200; i++) await stream.send(clock.now(), "NOERROR");
  assert.ok(watch.look(stream.open).latest.length < 1000);
  clock.advance(pieceCount * 5000);
  await stream.send(clock.now(), "SERVFAIL");
  const { pieces } = watch.look(stream.open);
  assert.deepEqual(pieces.flatMap(({ counts }) => [...counts]), [["SERVFAIL", 1]]);
});

Deno.test("QueryWatch begins anew after its stream has ended", async () => {
  const clock = new FakeClock();
  using watch = new QueryWatch(clock, silentLogger);
  let opened = 0;
  const ending = async function* () {
    opened++;
    yield await Promise.reject(new Error("the stream broke"));
  };
  watch.look(ending);
  await new Promise((resolve) => setTimeout(resolve, 0));
  watch.look(ending);
  await new Promise((resolve) => setTimeout(resolve, 0));
  assert.equal(opened, 2);
});
