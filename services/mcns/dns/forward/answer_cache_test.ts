import assert from "node:assert/strict";
import { DomainName } from "../../domain/name.ts";
import { AnswerCache, CacheEntry, kindOf } from "./answer_cache.ts";
import { Cached } from "./cached_answer.ts";
import { entriesPage } from "./cache_view.ts";
import { AnswerPacker } from "./packed_answer.ts";
import type { Question } from "./upstream_reply.ts";

const keyOf = (name: string): string => DomainName.parse(name, "name").key;

const question = (name: string, { type = 1, dnssecOk = false, checkingDisabled = false } = {}): Question => ({
  key: keyOf(name),
  type,
  dnssecOk,
  checkingDisabled,
});

const packer = new AnswerPacker();

function entry(name: string, { ttlSeconds = 300, at = 0, type = 1, rcode = 0, flags = 0 } = {}): CacheEntry {
  const key = keyOf(name);
  const answers = rcode === 0 ? [{ owner: key, type: 1, class: 1, ttlSeconds, data: Uint8Array.of(192, 0, 2, 1) }] : [];
  const packed = packer.pack(key, { rcode, answers, authorities: [] })!;
  return new CacheEntry(key, kindOf(type, false, false) | flags << 16, packed, at, at + ttlSeconds * 1000);
}

const openCache = (maxBytes = 100_000, staleSeconds = 0) => new AnswerCache({ maxBytes, staleSeconds });

Deno.test("AnswerCache keeps an answer for its TTL and says how old it is", () => {
  const cache = openCache();
  cache.put(entry("a.net", { ttlSeconds: 10, at: 1000 }));
  const age = (now: number) => {
    const found = cache.find(question("a.net"), now);
    return found && new Cached(question("a.net"), found, now).ageSeconds;
  };
  assert.deepEqual([age(1000), age(8999), age(10_999), age(11_000)], [0, 7, 9, undefined]);
  assert.deepEqual([cache.size, cache.bytes], [0, 0]);
});

Deno.test("AnswerCache tells type, DO and CD apart", () => {
  const cache = openCache();
  cache.put(entry("a.net"));
  for (
    const [of, found] of [
      [{}, true],
      [{ type: 28 }, false],
      [{ dnssecOk: true }, false],
      [{ checkingDisabled: true }, false],
    ] as const
  ) assert.equal(cache.find(question("a.net", of), 0) !== undefined, found, JSON.stringify(of));
});

Deno.test("AnswerCache has a name error ready for every type, but the same DO and CD (RFC 2308 §5)", () => {
  const cache = openCache();
  cache.put(entry("a.net", { rcode: 3 }));
  assert.ok(cache.find(question("a.net", { type: 28 }), 0));
  assert.equal(cache.find(question("a.net", { type: 28, dnssecOk: true }), 0), undefined);
  assert.equal(cache.find(question("b.a.net"), 0), undefined);
  // What is known of the type itself comes first while it is fresh.
  cache.put(entry("a.net", { type: 28, ttlSeconds: 5 }));
  assert.equal(cache.find(question("a.net", { type: 28 }), 0)?.isNameError, false);
  assert.equal(cache.find(question("a.net", { type: 28 }), 6000)?.isNameError, true);
});

Deno.test("AnswerCache keeps expired answers as long as stale ones may be used", () => {
  const cache = openCache(100_000, 60);
  cache.put(entry("a.net", { ttlSeconds: 10 }));
  const found = cache.find(question("a.net"), 69_999)!;
  assert.equal(new Cached(question("a.net"), found, 69_999).stale, true);
  assert.equal(cache.find(question("a.net"), 70_000), undefined);
  assert.equal(cache.size, 0);
});

Deno.test("AnswerCache stays within its bytes and drops what was not used for longest", () => {
  const probe = openCache();
  probe.put(entry("a.net"));
  const cache = openCache(probe.bytes * 3);
  for (const name of ["a.net", "b.net", "c.net"]) cache.put(entry(name));
  cache.touch(cache.find(question("a.net"), 0)!);
  cache.put(entry("d.net"));
  const there = ["a.net", "b.net", "c.net", "d.net"].filter((name) => cache.find(question(name), 0));
  assert.deepEqual(there, ["a.net", "c.net", "d.net"]);
  cache.put(entry("d.net"));
  assert.equal(cache.bytes, probe.bytes * 3, "put again counts once");
  assert.equal(cache.clear(), 3);
  assert.deepEqual([cache.size, cache.bytes], [0, 0]);
  const tiny = openCache(probe.bytes - 1);
  tiny.put(entry("a.net"));
  assert.equal(tiny.size, 0, "larger than the whole cache");
});

Deno.test("AnswerCache.clear forgets a name with all that is below it", () => {
  const cache = openCache();
  for (const name of ["example.net", "www.example.net", "a.www.example.net", "wwwexample.net"]) cache.put(entry(name));
  cache.put(entry("www.example.net", { type: 28 }));
  assert.equal(cache.clear(keyOf("www.example.net")), 3);
  assert.deepEqual([...cache].map(({ name }) => name), [keyOf("example.net"), keyOf("wwwexample.net")]);
  assert.ok(cache.find(question("example.net"), 0));
});

Deno.test("AnswerCache.restore takes nothing that is older than what it has, or of no use any more", () => {
  const cache = openCache(100_000, 60);
  cache.put(entry("a.net", { ttlSeconds: 100 }));
  assert.equal(cache.restore(entry("a.net", { ttlSeconds: 50 }), 0), false);
  assert.equal(cache.restore(entry("a.net", { ttlSeconds: 150 }), 0), true);
  assert.equal(cache.restore(entry("b.net", { ttlSeconds: 10, at: -70_000 }), 0), false);
  assert.equal(cache.size, 1);
});

Deno.test("entriesPage gives pages in the order of names from the root down, each entry once", () => {
  const cache = openCache();
  const names = ["b.net", "a.b.net", "c.net", "z.com", "b-a.net", "aa.b.net"];
  for (const name of names) cache.put(entry(name));
  cache.put(entry("b.net", { type: 28 }));
  const seen: string[] = [];
  let after: string | null = null;
  for (;;) {
    const page = entriesPage(cache, { after, limit: 2 }, 1000);
    assert.ok(page.length <= 2);
    if (page.length === 0) break;
    for (const { name, type, ttlSeconds } of page) {
      seen.push(`${name.replaceAll(/[^-a-z]/g, ".")} ${type} ${ttlSeconds}`);
    }
    after = page.at(-1)!.key;
  }
  assert.deepEqual(seen, [
    ".z.com. 1 299",
    ".b.net. 1 299",
    ".b.net. 28 299",
    ".a.b.net. 1 299",
    ".aa.b.net. 1 299",
    ".b-a.net. 1 299",
    ".c.net. 1 299",
  ]);
  const below = entriesPage(cache, { after: null, limit: 10, name: keyOf("b.net") }, 0);
  assert.deepEqual(below.map(({ records }) => records.length), [1, 1, 1, 1]);
});
