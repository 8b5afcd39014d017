import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { zstdCompressSync } from "node:zlib";
import {
  type ArchiveLimits,
  checkEntryPath,
  extractArchive,
  packFiles,
  readArchive,
  readTar,
  unpackFiles,
  writeArchive,
  writeTar,
  zstdCompress,
  zstdDecompress,
} from "./mod.ts";
import { encodeHeader, type TarHeader } from "./tar_header.ts";

const encoder = new TextEncoder();
const limits: ArchiveLimits = { maxEntries: 10, maxFileBytes: 1000, maxTotalBytes: 2000 };

async function* chunksOf(...chunks: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array<ArrayBuffer>> {
  const parts = [];
  for await (const chunk of chunks) parts.push(chunk.slice());
  return joined(...parts);
}

function joined(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

/** A header block and its content, for archives that our writer refuses to write. */
function entry(path: string, content = "", change: (block: Uint8Array) => void = () => {}): Uint8Array {
  const header: TarHeader = { path, kind: "file", size: content.length, mode: 0o644, mtimeMs: 0 };
  const block = encodeHeader(header);
  change(block);
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.set(encoder.encode(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
  const body = new Uint8Array(Math.ceil(content.length / 512) * 512);
  body.set(encoder.encode(content));
  return joined(block, body);
}

const end = new Uint8Array(1024);

async function readAll(...parts: Uint8Array[]): Promise<string[]> {
  const seen: string[] = [];
  for await (const { kind, path, content } of readTar(chunksOf(...parts), limits)) {
    seen.push(`${kind} ${path} ${new TextDecoder().decode(await bytesOf(content))}`);
  }
  return seen;
}

Deno.test("packFiles and unpackFiles give back the same files, and the same files the same bytes", async () => {
  const random = crypto.getRandomValues(new Uint8Array(60_000));
  const files = new Map<string, Uint8Array>([
    ["main.js", encoder.encode("console.log(1);\n".repeat(400_000))], // several frames
    ["static/empty", new Uint8Array()],
    [`static/${"long/".repeat(60)}name.bin`, random],
    ["static/Größe – naïve.txt", encoder.encode("ü")],
    ["exactly-512", new Uint8Array(512).fill(7)],
  ]);
  const archive = await packFiles(files);
  const unpacked = await unpackFiles(archive);
  assert.deepEqual([...unpacked.keys()].sort(), [...files.keys()].sort());
  for (const [path, content] of files) assert.ok(Buffer.from(content).equals(unpacked.get(path)!), path);
  assert.deepEqual(await packFiles(new Map([...files].reverse())), archive);
  assert.deepEqual(await unpackFiles(await packFiles(new Map())), new Map());
});

Deno.test("checkEntryPath accepts what stays below its folder and refuses the rest", () => {
  const good: [string, string][] = [
    ["main.js", "main.js"],
    ["./a/b", "a/b"],
    ["a/", "a"],
    ["..a/b..", "..a/b.."],
    [".hidden", ".hidden"],
  ];
  for (const [path, expected] of good) assert.equal(checkEntryPath(path), expected);
  const bad: [string, RegExp][] = [
    ["/etc/passwd", /is absolute/],
    ["//x", /is absolute/],
    ["", /is empty/],
    ["./", /is empty/],
    ["..", /segment "\.\."/],
    ["a/../b", /segment "\.\."/],
    ["a/./b", /segment "\."/],
    ["a//b", /segment ""/],
    ["a\\..\\b", /backslash/],
    ["a\0b", /control character/],
    ["a\nb", /control character/],
    ["x".repeat(1025), /longer than 1024 bytes/],
  ];
  for (const [path, why] of bad) assert.throws(() => checkEntryPath(path), why);
});

Deno.test("readTar refuses archives that are hostile or broken", async (t) => {
  const big = "x".repeat(900);
  const rows: [string, Uint8Array[], RegExp][] = [
    [
      "an absolute path",
      [entry("/etc/cron.d/x", "1"), end],
      /archive: holds the path "\/etc\/cron.d\/x", which is absolute/,
    ],
    ["a path upwards", [entry("a/../../x", "1"), end], /has the segment "\.\."/],
    ["a symbolic link", [entry("x", "", (b) => b[156] = 0x32), end], /holds the link "x"; only files and folders/],
    ["a hard link", [entry("x", "", (b) => b[156] = 0x31), end], /holds the link "x"/],
    ["a device", [entry("x", "", (b) => b[156] = 0x33), end], /of tar type "3"/],
    ["a global pax header", [entry("x", "", (b) => b[156] = 0x67), end], /of tar type "g"/],
    ["a GNU sparse file", [entry("x", "", (b) => b[156] = 0x53), end], /of tar type "S"/],
    ["a file twice", [entry("x", "1"), entry("x", "2"), end], /holds "x" twice/],
    ["a file twice by another spelling", [entry("x", "1"), entry("./x", "2"), end], /holds "x" twice/],
    ["a file below a file", [entry("x", "1"), entry("x/y", "2"), end], /holds "x\/y" below the file "x"/],
    ["a file over a folder", [entry("x/y", "1"), entry("x", "2"), end], /holds "x" twice/],
    ["too large a file", [entry("x", "y".repeat(1001)), end], /"x" of the archive is larger than 1000 bytes/],
    ["too much in all", [entry("a", big), entry("b", big), entry("c", big), end], /content is larger than 2000 bytes/],
    ["too many entries", [...Array(11).keys()].map((i) => entry(`f${i}`)), /holds more than 10 entries/],
    ["too many folders", [entry("a/b/c/d/e/f/g/h/i/j/k")], /holds more than 10 entries/],
    ["a damaged header", [entry("x", "1").map((byte, i) => i === 0 ? 0x79 : byte), end], /checksum doesn't match/],
    ["no end mark", [entry("x", "1")], /cut off inside a tar header or before the end mark/],
    ["a cut-off file", [entry("x", big).subarray(0, 700)], /cut off inside "x": 712 bytes are missing/],
    ["cut-off padding", [entry("x", "1").subarray(0, 700)], /cut off inside a file's padding/],
    ["data after the end", [entry("x", "1"), end, entry("y", "2")], /holds data after its end mark/],
    ["a size that is no number", [entry("x", "", (b) => b[124] = 0x7a), end], /size is not octal/],
    ["a GNU base-256 size", [entry("x", "", (b) => b[124] = 0x80), end], /not UTF-8|not octal/],
    ["a lone pax record", [paxEntry("14 path=abcde\n"), end], /without an entry after it/],
    ["a pax record of a wrong length", [paxEntry("99 path=abcde\n"), entry("x"), end], /damaged pax record/],
    ["a pax path upwards", [paxEntry("14 path=../xy\n"), entry("x"), end], /has the segment "\.\."/],
    ["a pax size that is none", [paxEntry("11 size=-1\n"), entry("x"), end], /pax record size="-1"/],
  ];
  for (const [name, parts, message] of rows) {
    await t.step(name, async () => {
      await assert.rejects(readAll(...parts), (error: Error) => {
        assert.equal(error.name, "PlatformError");
        assert.match(error.message, message);
        return true;
      });
    });
  }
});

function paxEntry(records: string): Uint8Array {
  return entry("pax", records, (block) => block[156] = 0x78);
}

Deno.test("readTar accepts what tar programs write: folders, ustar prefixes, unknown pax records, trailing blocks", async () => {
  const prefixed = entry("name", "1", (block) => block.set(encoder.encode("some/prefix"), 345));
  const folder = entry("dir/", "", (block) => block[156] = 0x35);
  const parts = [folder, prefixed, paxEntry("20 comment=whatever\n"), entry("dir/x", "2"), end, new Uint8Array(9000)];
  assert.deepEqual(await readAll(...parts), ["folder dir ", "file some/prefix/name 1", "file dir/x 2"]);
});

Deno.test("readTar skips content that the caller leaves unread", async () => {
  const paths = [];
  for await (const { path } of readTar(chunksOf(entry("a", "x".repeat(600)), entry("b", "2"), end), limits)) {
    paths.push(path);
  }
  assert.deepEqual(paths, ["a", "b"]);
});

Deno.test("writeTar refuses a file that is not of the size announced", async () => {
  const source = (size: number) => [{ path: "x", size, content: encoder.encode("abc") }];
  await assert.rejects(bytesOf(writeTar(source(2))), /x changed while it was read: 2 bytes announced, 3 read/);
  await assert.rejects(bytesOf(writeTar(source(4))), /4 bytes announced, 3 read/);
});

Deno.test("zstdDecompress finds every kind of damage and keeps to its limit", async (t) => {
  const content = crypto.getRandomValues(new Uint8Array(50_000));
  const good = await bytesOf(zstdCompress(chunksOf(content.subarray(0, 7), content.subarray(7))));
  const flipped = good.slice();
  flipped[30_000]! ^= 1;
  const rows: [string, Uint8Array, number, RegExp][] = [
    ["cut off in the checksum", good.subarray(0, -2), 1e6, /cut off inside a zstd frame: 2 bytes are missing/],
    ["cut off in a block", good.subarray(0, 20_000), 1e6, /cut off inside a zstd frame/],
    ["a flipped bit", flipped, 1e6, /is damaged/],
    ["bytes after the frame", joined(good, encoder.encode("hello")), 1e6, /no frame where one should start/],
    ["not zstd", encoder.encode("hello world, this is no archive"), 1e6, /is not zstd/],
    ["more than the limit", good, 49_999, /is larger than 49999 bytes/],
    ["more than the limit in all", joined(good, good), 99_999, /is larger than/],
    ["a bomb", zstdCompressSync(new Uint8Array(50_000_000)), 1_000_000, /larger than 1000000 bytes/],
  ];
  for (const [name, bytes, max, message] of rows) {
    await t.step(name, () => assert.rejects(bytesOf(zstdDecompress(chunksOf(bytes), max)), message));
  }
  assert.deepEqual(await bytesOf(zstdDecompress(chunksOf(joined(good, good)), 100_000)), joined(content, content));
  assert.deepEqual(await bytesOf(zstdDecompress(chunksOf(), 1)), new Uint8Array());
});

Deno.test("writeArchive and extractArchive carry files, modes and times; extraction wants an empty folder", async () => {
  const root = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${root}/data`);
    await Deno.writeTextFile(`${root}/data/db`, "rows", { mode: 0o640 });
    await Deno.chmod(`${root}/data/db`, 0o640);
    await Deno.utime(`${root}/data/db`, 1_700_000_000.25, 1_700_000_000.25);
    await Deno.symlink("/etc/passwd", `${root}/data/link`);
    const out = `${root}/snapshot.tar.zst`;
    const sources = [{ path: "data/db", file: `${root}/data/db` }, {
      path: "about.json",
      content: encoder.encode("{}"),
    }];
    assert.equal(await writeArchive(out, sources), (await Deno.stat(out)).size);
    assert.equal((await Deno.stat(out)).mode! & 0o777, 0o600);
    await assert.rejects(writeArchive(out, sources), /Cannot write the archive .* the file exists/);
    await assert.rejects(writeArchive(`${root}/2`, [{ path: "x", file: `${root}/data/link` }]), /not a plain file/);

    const entries = [];
    for await (const { path, size, mtimeMs } of readArchive(out)) entries.push({ path, size, mtimeMs });
    assert.deepEqual(entries, [
      { path: "data/db", size: 4, mtimeMs: 1_700_000_000_250 },
      { path: "about.json", size: 2, mtimeMs: 0 },
    ]);

    assert.deepEqual(await extractArchive(out, `${root}/new`), ["data/db", "about.json"]);
    assert.equal(await Deno.readTextFile(`${root}/new/data/db`), "rows");
    assert.equal((await Deno.stat(`${root}/new/data/db`)).mode! & 0o777, 0o640);
    await assert.rejects(extractArchive(out, `${root}/new`), /Cannot unpack into .* it holds/);
    assert.deepEqual([...Deno.readDirSync(root)].map(({ name }) => name).sort(), ["data", "new", "snapshot.tar.zst"]);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
