import assert from "node:assert/strict";
import { join } from "node:path";
import { FakeClock } from "@lib/clock/mod.ts";
import { type Fields, type Logger, silentLogger } from "@lib/log/mod.ts";
import { DomainName } from "../../domain/name.ts";
import { AnswerCache, CacheEntry, kindOf } from "./answer_cache.ts";
import { encodeCache, loadCache, saveCache } from "./cache_file.ts";
import { AnswerPacker } from "./packed_answer.ts";

const packer = new AnswerPacker();

function entry(name: string, ttlSeconds: number, now: number): CacheEntry {
  const key = DomainName.parse(name, "name").key;
  const record = { owner: key, type: 16, class: 1, ttlSeconds, data: Uint8Array.of(2, 0xff, 0x80) };
  const packed = packer.pack(key, { rcode: 0, answers: [record], authorities: [] })!;
  return new CacheEntry(key, kindOf(16, true, false), packed, now, now + ttlSeconds * 1000);
}

const openCache = () => new AnswerCache({ maxBytes: 100_000, staleSeconds: 60 });
const dump = (cache: AnswerCache, clock: FakeClock) =>
  [...cache].map(({ name, kind, packed, expiresAt }) => [name, kind, packed, Math.ceil(expiresAt - clock.monotonic())]);

async function inFolder(work: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await work(join(folder, "cache"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Logs, and the warnings. */
function warnings(): { log: Logger; texts: string[] } {
  const texts: string[] = [];
  const warn = (message: string, fields?: Fields) => texts.push(`${message}: ${fields?.error}`);
  return { log: { ...silentLogger, warn }, texts };
}

Deno.test("a cache is the same after a restart, less the time between", () =>
  inFolder(async (path) => {
    const before = new FakeClock();
    before.advance(1_000_000);
    const cache = openCache();
    for (const [name, ttl] of [["a.net", 300], ["b.net", 20], ["c.net", 100]] as const) {
      cache.put(entry(name, ttl, before.monotonic()));
    }
    await saveCache(cache, path, { clock: before, log: silentLogger });
    assert.equal((await Deno.stat(path)).mode! & 0o777, 0o600);
    // Another process: its monotonic time begins at 0, and it is half a minute later.
    const after = new FakeClock(before.now() + 30_000);
    const loaded = openCache();
    assert.equal(await loadCache(loaded, path, { maxBytes: 100_000, clock: after, log: silentLogger }), 3);
    assert.deepEqual(dump(loaded, after).map((row) => row.at(-1)), [270_000, -10_000, 70_000]);
    assert.deepEqual(
      dump(loaded, after).map((row) => row.slice(0, 3)),
      dump(cache, before).map((row) => row.slice(0, 3)),
    );
    const late = new FakeClock(before.now() + 90_000);
    assert.equal(
      await loadCache(openCache(), path, { maxBytes: 100_000, clock: late, log: silentLogger }),
      2,
      "b.net is too old",
    );
    const early = new FakeClock(before.now() - 10_000);
    assert.equal(
      await loadCache(openCache(), path, { maxBytes: 100_000, clock: early, log: silentLogger }),
      0,
      "clock set back",
    );
  }));

Deno.test("loadCache passes over a file that is damaged, of another version or too long, with a warning", () =>
  inFolder(async (path) => {
    const clock = new FakeClock();
    const cache = openCache();
    cache.put(entry("a.net", 300, 0));
    const good = encodeCache(cache, clock);
    const rows: [string, Uint8Array, RegExp][] = [
      ["empty", new Uint8Array(0), /version/],
      ["another version", good.map((octet, i) => i === 11 ? 0x32 : octet), /version/],
      ["cut off", good.subarray(0, -1), /checksum/],
      ["a bit flipped", good.map((octet, i) => i === 40 ? octet ^ 1 : octet), /checksum/],
      ["only the first line", good.subarray(0, 13), /checksum/],
      ["too long", new Uint8Array(200_000), /more than forward.cache_bytes/],
    ];
    for (const [what, octets, reason] of rows) {
      await Deno.writeFile(path, octets);
      const { log, texts } = warnings();
      const loaded = openCache();
      assert.equal(await loadCache(loaded, path, { maxBytes: 100_000, clock, log }), 0, what);
      assert.equal(loaded.size, 0, what);
      assert.match(texts.join(), reason, what);
    }
    await Deno.remove(path);
    const { log, texts } = warnings();
    assert.equal(await loadCache(openCache(), path, { maxBytes: 100_000, clock, log }), 0, "no file");
    assert.deepEqual(texts, []);
  }));

Deno.test("saveCache leaves the file alone when it can't write", () =>
  inFolder(async (path) => {
    const { log, texts } = warnings();
    await saveCache(openCache(), join(path, "in", "no", "folder"), { clock: new FakeClock(), log });
    assert.match(texts.join(), /cannot write the cache/);
  }));
