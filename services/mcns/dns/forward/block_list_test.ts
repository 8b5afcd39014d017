import assert from "node:assert/strict";
import { join } from "node:path";
import { silentLogger } from "@lib/log/mod.ts";
import { DomainName } from "../../domain/name.ts";
import { BlockList } from "./block_list.ts";
import { addBlockLines } from "./block_list_file.ts";
import { BlockListFiles } from "./block_list_files.ts";

const keyOf = (name: string): string => DomainName.parse(name, "name").key;

function listOf(...lines: string[]): BlockList {
  const list = new BlockList();
  assert.equal(addBlockLines(list, lines.join("\n")), 0, lines.join());
  return list;
}

Deno.test("BlockList.has knows names of each form of line, and what is below", () => {
  for (
    const [line, blocked, open] of [
      ["0.0.0.0 ads.example.com", ["ads.example.com", "ADS.example.com"], ["x.ads.example.com", "example.com"]],
      ["127.0.0.1\tads.example.com track.example.net # both", ["ads.example.com", "track.example.net"], ["both"]],
      [":: ads.example.com", ["ads.example.com"], ["x.ads.example.com"]],
      ["ads.example.com", ["ads.example.com", "a.b.ads.example.com"], ["example.com", "bads.example.com", "com"]],
      ["*.ads.example.com.", ["ads.example.com", "a.ads.example.com"], ["example.com"]],
      ["||ads.example.com^", ["ads.example.com", "a.ads.example.com"], ["example.com"]],
      ["Ads.Example.com # as written by people", ["ads.example.com"], ["people"]],
      ["top", ["top", "any.top"], ["stop"]],
      ["0.0.0.0 0.0.0.0", [], ["0.0.0.0"]],
      ["127.0.0.1 localhost", [], ["localhost"]],
      ["# ads.example.com", [], ["ads.example.com"]],
      ["! Title: a list", [], ["a", "list"]],
      ["", [], ["example.com"]],
    ] as const
  ) {
    const list = listOf(line);
    for (const name of blocked) assert.ok(list.has(keyOf(name)), `${line}: ${name}`);
    for (const name of open) assert.ok(!list.has(keyOf(name)), `${line}: ${name}`);
    assert.ok(!list.has("\0"), "the root");
  }
});

Deno.test("addBlockLines passes over what isn't for DNS, and counts it", () => {
  const list = new BlockList();
  const lines = [
    "||ads.example.com/path^",
    "example.com##.banner",
    "/ads/",
    "192.0.2.1",
    "a name without address",
    "..",
    "@@||x.org^",
  ];
  assert.equal(addBlockLines(list, lines.join("\r\n")), lines.length);
  assert.equal(list.size, 0);
});

Deno.test("BlockList joins lines for one name: below, when one says so", () => {
  const list = listOf("0.0.0.0 a.net", "a.net", "0.0.0.0 a.net", "b.net", "0.0.0.0 b.net");
  assert.equal(list.size, 2);
  assert.ok(list.has(keyOf("x.a.net")) && list.has(keyOf("x.b.net")));
});

Deno.test("BlockList holds 300,000 names and takes none for another", () => {
  const list = new BlockList();
  for (let i = 0; i < 300_000; i++) list.add(keyOf(`host-${i}.ads.net`), i % 2 === 0);
  assert.equal(list.size, 300_000);
  for (let i = 0; i < 300_000; i += 7) {
    assert.ok(list.has(keyOf(`host-${i}.ads.net`)));
    assert.equal(list.has(keyOf(`x.host-${i}.ads.net`)), i % 2 === 0);
    assert.ok(!list.has(keyOf(`host-${i}.ads.org`)));
  }
});

Deno.test("BlockListFiles reads files again when they change, and keeps its list when one is gone", async () => {
  const folder = await Deno.makeTempDir();
  const paths = [join(folder, "a"), join(folder, "b")];
  // More than a piece, so that lines are cut by pieces.
  await Deno.writeTextFile(paths[0]!, Array.from({ length: 20_000 }, (_, i) => `0.0.0.0 host-${i}.net\n`).join(""));
  await Deno.writeTextFile(paths[1]!, "other.net");
  const files = new BlockListFiles(paths, silentLogger);
  assert.equal(files.has(keyOf("other.net")), false);
  assert.equal(await files.refresh(), true);
  assert.equal(files.size, 20_001);
  assert.ok(files.has(keyOf("x.other.net")) && files.has(keyOf("host-19999.net")));
  assert.equal(await files.refresh(), false, "nothing has changed");
  await Deno.remove(paths[0]!);
  assert.equal(await files.refresh(), false);
  assert.equal(files.size, 20_001);
  await Deno.writeTextFile(paths[0]!, "fresh.net\n");
  assert.equal(await files.refresh(), true);
  assert.equal(files.size, 2);
  await Deno.remove(folder, { recursive: true });
});
