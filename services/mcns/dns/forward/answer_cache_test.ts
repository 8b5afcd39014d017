import assert from "node:assert/strict";
import { AnswerCache } from "./answer_cache.ts";
import type { Question, Resolution } from "./upstream_reply.ts";

const question = (name: string, dnssecOk = false): Question => ({
  key: name,
  type: 1,
  dnssecOk,
  checkingDisabled: false,
});

const resolution = (name: string, ttlSeconds = 300): Resolution => ({
  question: question(name),
  rcode: 0,
  answers: [{ owner: name, type: 1, class: 1, ttlSeconds, data: new Uint8Array(4) }],
  authorities: [],
  ttlSeconds,
});

Deno.test("AnswerCache keeps an answer for its TTL and says how old it is", () => {
  const cache = new AnswerCache(100_000);
  cache.put(resolution("a", 10), 1000);
  assert.equal(cache.get(question("a"), 1000)?.ageSeconds, 0);
  assert.equal(cache.get(question("a"), 8999)?.ageSeconds, 7);
  assert.equal(cache.get(question("a"), 11_000), undefined);
  assert.deepEqual([cache.size, cache.bytes], [0, 0]);
});

Deno.test("AnswerCache tells questions with and without DO apart, and keeps nothing with TTL 0", () => {
  const cache = new AnswerCache(100_000);
  cache.put(resolution("a"), 0);
  cache.put(resolution("zero", 0), 0);
  assert.equal(cache.get(question("a", true), 0), undefined);
  assert.equal(cache.get(question("zero"), 0), undefined);
});

Deno.test("AnswerCache stays within its bytes and drops what was not used for longest", () => {
  const probe = new AnswerCache(100_000);
  probe.put(resolution("a"), 0);
  const cache = new AnswerCache(probe.bytes * 3);
  for (const name of ["a", "b", "c"]) cache.put(resolution(name), 0);
  cache.get(question("a"), 0);
  cache.put(resolution("d"), 0);
  assert.deepEqual(["a", "b", "c", "d"].filter((name) => cache.get(question(name), 0)), ["a", "c", "d"]);
  cache.put(resolution("d"), 0);
  assert.equal(cache.bytes, probe.bytes * 3, "put again counts once");
  assert.equal(cache.clear(), 3);
  assert.deepEqual([cache.size, cache.bytes], [0, 0]);
  const tiny = new AnswerCache(probe.bytes - 1);
  tiny.put(resolution("a"), 0);
  assert.equal(tiny.size, 0, "larger than the whole cache");
});
