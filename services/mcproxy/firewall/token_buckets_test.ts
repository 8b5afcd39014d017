import assert from "node:assert/strict";
import { seeded } from "@lib/testing/mod.ts";
import { parseIp } from "../domain/ip_address.ts";
import { clientKey } from "./client_key.ts";
import { TokenBuckets } from "./token_buckets.ts";

const client = (text: string) => clientKey(parseIp(text));
const rate = { perSecond: 2, burst: 3 };

Deno.test("TokenBuckets gives a burst, then as many as come in a second", () => {
  const buckets = new TokenBuckets(10);
  const take = (now: number) => buckets.take(1, client("192.0.2.1"), rate, now);
  assert.deepEqual([0, 0, 0, 0].map(take), [true, true, true, false]);
  assert.deepEqual([499, 500, 500].map(take), [false, true, false]);
  // Never more than the burst.
  assert.equal(buckets.peek(1, client("192.0.2.1"), rate, 1e9), 3);
  assert.deepEqual([1e9, 1e9, 1e9, 1e9].map(take), [true, true, true, false]);
  // A time before the last is no time.
  assert.equal(take(0), false);
});

Deno.test("TokenBuckets: one refused takes none, so that whoever asks on and on gets his share", () => {
  const buckets = new TokenBuckets(10);
  let passed = 0;
  for (let now = 0; now < 10_000; now++) if (buckets.take(1, client("::1"), rate, now)) passed++;
  assert.equal(passed, 3 + 19);
});

Deno.test("TokenBuckets: rules have their own, and so have clients: an IPv4 address or a /64", () => {
  const buckets = new TokenBuckets(10);
  const one = { perSecond: 1, burst: 1 };
  const rows: [rule: number, address: string, taken: boolean][] = [
    [1, "192.0.2.1", true],
    [1, "192.0.2.1", false],
    [1, "::ffff:192.0.2.1", false],
    [1, "192.0.2.2", true],
    [2, "192.0.2.1", true],
    [1, "2001:db8::1", true],
    [1, "2001:db8::ffff:ffff:ffff:ffff", false],
    [1, "2001:db8:0:1::1", true],
    [1, "::c000:201", true],
  ];
  for (const [rule, address, taken] of rows) assert.equal(buckets.take(rule, client(address), one, 0), taken, address);
});

Deno.test("TokenBuckets: peek says what take would find, and changes nothing", () => {
  const buckets = new TokenBuckets(10);
  const key = client("192.0.2.1");
  assert.equal(buckets.peek(1, key, rate, 0), 3);
  assert.equal(buckets.size, 0);
  buckets.take(1, key, rate, 0);
  assert.equal(buckets.peek(1, key, rate, 250), 2.5);
  assert.equal(buckets.peek(1, key, rate, 0), 2);
});

Deno.test("TokenBuckets: a changed rate holds for what is in the bucket", () => {
  const buckets = new TokenBuckets(10);
  const key = client("192.0.2.1");
  buckets.take(1, key, { perSecond: 1, burst: 100 }, 0);
  assert.equal(buckets.peek(1, key, { perSecond: 1, burst: 5 }, 0), 5);
});

Deno.test("TokenBuckets keeps to its limit, and lets go of the one that was not used for longest", () => {
  const buckets = new TokenBuckets(3);
  const one = { perSecond: 0.001, burst: 1 };
  const take = (address: string) => buckets.take(1, client(address), one, 0);
  for (const address of ["10.0.0.1", "10.0.0.2", "10.0.0.3"]) assert.ok(take(address));
  assert.ok(!take("10.0.0.1"));
  assert.ok(take("10.0.0.4"));
  assert.equal(buckets.size, 3);
  // 10.0.0.2 was the oldest; the others are still known.
  assert.deepEqual(["10.0.0.1", "10.0.0.3", "10.0.0.4"].map(take), [false, false, false]);
  assert.ok(take("10.0.0.2"));
});

Deno.test("TokenBuckets agrees with a map in order of use, for 200,000 random steps", () => {
  for (const limit of [1, 7, 1500]) {
    const below = seeded(limit);
    const buckets = new TokenBuckets(limit, below(2 ** 32));
    const model = new Map<string, { tokens: number; at: number }>();
    let now = 0;
    for (let step = 0; step < 70_000; step++) {
      now += below(3);
      const rule = below(3);
      const address = `10.0.${below(4)}.${below(200)}`;
      const key = `${rule} ${address}`;
      let entry = model.get(key);
      if (entry === undefined) {
        if (model.size === limit) model.delete(model.keys().next().value!);
        entry = { tokens: 3, at: now };
      }
      model.delete(key);
      model.set(key, entry);
      entry.tokens = Math.min(3, entry.tokens + (now - entry.at) * rate.perSecond / 1000);
      entry.at = now;
      const expected = entry.tokens >= 1;
      if (expected) entry.tokens--;
      assert.equal(buckets.take(rule, client(address), rate, now), expected, `step ${step}`);
    }
    assert.equal(buckets.size, model.size);
  }
});

Deno.test("TokenBuckets: a million clients take no more memory, and the last is found as soon as the first", () => {
  const buckets = new TokenBuckets(100_000);
  const before = performance.now();
  for (let i = 0; i < 1_000_000; i++) buckets.take(1, { family: 6, high: 0x20010db8, low: i }, rate, i);
  const each = (performance.now() - before) / 1000;
  assert.equal(buckets.size, 100_000);
  // Less than one; a search through the others would be a hundred and more.
  assert.ok(each < 50, `${each} µs`);
});
