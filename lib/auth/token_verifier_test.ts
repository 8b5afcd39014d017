import assert from "node:assert/strict";
import { FakeClock } from "@lib/clock/mod.ts";
import { denied } from "@lib/errors/mod.ts";
import type { Caller } from "./caller.ts";
import { maxTokenBytes, TokenVerifier } from "./token_verifier.ts";

const ann: Caller = { subject: "1", username: "ann", accountType: "human", roles: ["user"], tokenId: "t" };

/** An authority that answers as told and counts the questions. */
function authority(answer: (token: string) => Caller | null | Promise<Caller | null> = () => ann) {
  const asked: string[] = [];
  return {
    asked,
    validate: async (token: string) => {
      asked.push(token);
      return await answer(token);
    },
  };
}

Deno.test("TokenVerifier asks once per ttl and token", async () => {
  const clock = new FakeClock();
  const { asked, validate } = authority();
  const verifier = new TokenVerifier({ validate, clock, ttlMs: 30_000 });
  assert.equal(await verifier.verify("a"), ann);
  clock.advance(29_999);
  assert.equal(await verifier.verify("a"), ann);
  assert.deepEqual(asked, ["a"]);
  clock.advance(1);
  await verifier.verify("a");
  await verifier.verify("b");
  assert.deepEqual(asked, ["a", "a", "b"]);
});

Deno.test("TokenVerifier's ttl does not stretch when the wall clock is set back", async () => {
  const clock = new FakeClock();
  const { asked, validate } = authority();
  const verifier = new TokenVerifier({ validate, clock });
  await verifier.verify("a");
  clock.set(0);
  clock.advance(30_000);
  await verifier.verify("a");
  assert.equal(asked.length, 2);
});

Deno.test("TokenVerifier lets simultaneous callers share one question", async () => {
  const { promise, resolve } = Promise.withResolvers<Caller | null>();
  const { asked, validate } = authority(() => promise);
  const verifier = new TokenVerifier({ validate, clock: new FakeClock() });
  const all = Array.from({ length: 50 }, () => verifier.verify("a"));
  resolve(ann);
  assert.deepEqual(await Promise.all(all), new Array(50).fill(ann));
  assert.equal(asked.length, 1);
});

Deno.test("TokenVerifier does not keep failures, and says unavailable", async () => {
  let fail = true;
  const { asked, validate } = authority(() => {
    if (fail) throw new Error("connection refused");
    return ann;
  });
  const verifier = new TokenVerifier({ validate, clock: new FakeClock() });
  await assert.rejects(verifier.verify("a"), { code: "unavailable", message: /MCIAS does not answer/ });
  fail = false;
  assert.equal(await verifier.verify("a"), ann);
  assert.equal(asked.length, 2);
});

Deno.test("TokenVerifier passes a platform error on as it is", async () => {
  const { validate } = authority(() => {
    throw denied("x", "no");
  });
  await assert.rejects(new TokenVerifier({ validate, clock: new FakeClock() }).verify("a"), { code: "denied" });
});

Deno.test("TokenVerifier refuses an expired token even while its answer is cached", async () => {
  const clock = new FakeClock();
  const { asked, validate } = authority(() => ({ ...ann, expiresAt: clock.now() + 10_000 }));
  const verifier = new TokenVerifier({ validate, clock });
  assert.ok(await verifier.verify("a"));
  clock.advance(10_000);
  assert.equal(await verifier.verify("a"), null);
  assert.equal(asked.length, 1);
});

Deno.test("TokenVerifier refuses empty and oversized tokens without asking", async () => {
  const { asked, validate } = authority();
  const verifier = new TokenVerifier({ validate, clock: new FakeClock() });
  assert.equal(await verifier.verify(""), null);
  assert.equal(await verifier.verify("x".repeat(maxTokenBytes + 1)), null);
  assert.deepEqual(asked, []);
});

Deno.test("TokenVerifier keeps its good answers through a flood of bad tokens", async () => {
  const { asked, validate } = authority((token) => token.startsWith("good") ? ann : null);
  const verifier = new TokenVerifier({ validate, clock: new FakeClock(), maxEntries: 20 });
  await verifier.verify("good");
  for (let i = 0; i < 100; i++) assert.equal(await verifier.verify(`bad${i}`), null);
  asked.length = 0;
  await verifier.verify("good");
  await verifier.verify("bad99"); // the newest bad answers are kept too
  assert.deepEqual(asked, []);
  await verifier.verify("bad0");
  assert.deepEqual(asked, ["bad0"]);
});

Deno.test("TokenVerifier drops the least recently used good answer when full", async () => {
  const { asked, validate } = authority();
  const verifier = new TokenVerifier({ validate, clock: new FakeClock(), maxEntries: 2 });
  for (const token of ["a", "b", "a", "c"]) await verifier.verify(token);
  asked.length = 0;
  await verifier.verify("a");
  await verifier.verify("b");
  assert.deepEqual(asked, ["b"]);
});

Deno.test("TokenVerifier.clear forgets every answer", async () => {
  const { asked, validate } = authority();
  const verifier = new TokenVerifier({ validate, clock: new FakeClock() });
  await verifier.verify("a");
  verifier.clear();
  await verifier.verify("a");
  assert.equal(asked.length, 2);
});
