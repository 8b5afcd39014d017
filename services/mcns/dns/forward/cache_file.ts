/**
 * The cache in a file, over a restart: a line that names the format, the number of entries, then each with its name, kind,
 * times and octets (see packed_answer.ts), and the SHA-256 of all that. Times are the wall clock's, since the monotonic one begins
 * anew with each process. All numbers in network order.
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import type { Clock } from "@lib/clock/mod.ts";
import { messageOf } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import { maxNameOctets } from "../../domain/name.ts";
import { type AnswerCache, CacheEntry } from "./answer_cache.ts";
import { isPacked } from "./packed_answer.ts";

/** Another format, another line: the file of another version is passed over. */
const firstLine = "MCNS cache 1\n";
const hashOctets = 32;
/** Of an entry beside name and answer: their lengths (8 and 32 bits), kind (32), two times (64 each). */
const fixedOctets = 1 + 4 + 4 + 8 + 8;

/** Entries are taken in in slices, between which DNS goes on: at some 3 µs each, 5 ms. */
const sliceEntries = 1500;

/** The file's content. */
export function encodeCache(entries: Iterable<CacheEntry>, clock: Clock): Uint8Array {
  const kept = [...entries];
  const length = kept.reduce((sum, { name, packed }) => sum + fixedOctets + name.length + packed.length, 0);
  const file = Buffer.alloc(firstLine.length + 4 + length + hashOctets);
  const offset = clock.now() - clock.monotonic();
  let at = file.write(firstLine, "latin1");
  at = file.writeUInt32BE(kept.length, at);
  for (const { name, kind, packed, storedAt, expiresAt } of kept) {
    at = file.writeUInt8(name.length, at);
    at += file.write(name, at, "latin1");
    at = file.writeUInt32BE(kind, at);
    at = file.writeDoubleBE(offset + storedAt, at);
    at = file.writeDoubleBE(offset + expiresAt, at);
    at = file.writeUInt32BE(packed.length, at);
    at += file.write(packed, at, "latin1");
  }
  hashOf(file.subarray(0, at)).copy(file, at);
  return file;
}

/**
 * The entries again, in the order in which they were written. Throws for anything that isn't a whole file of this format;
 * no entry of it can be trusted then.
 */
export function* decodeCache(octets: Uint8Array, clock: Clock): Generator<CacheEntry> {
  const file = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
  if (file.toString("latin1", 0, firstLine.length) !== firstLine) throw new Error("it isn't of this version's format");
  const end = file.length - hashOctets;
  if (end < firstLine.length + 4 || !hashOf(file.subarray(0, end)).equals(file.subarray(end))) {
    throw new Error("its checksum is wrong");
  }
  const offset = clock.monotonic() - clock.now(), now = clock.monotonic();
  let at = firstLine.length + 4;
  for (let left = file.readUInt32BE(firstLine.length); left > 0; left--) {
    const nameEnd = at + 1 + file.readUInt8(at);
    const name = file.toString("latin1", at + 1, nameEnd);
    const kind = file.readUInt32BE(nameEnd);
    const storedAt = Math.round(file.readDoubleBE(nameEnd + 4) + offset);
    const expiresAt = Math.round(file.readDoubleBE(nameEnd + 12) + offset);
    const packedAt = nameEnd + 24;
    at = packedAt + file.readUInt32BE(nameEnd + 20);
    if (at > end || name.length > maxNameOctets) throw new Error("an entry is longer than the file");
    const packed = file.toString("latin1", packedAt, at);
    // Stored in the future: the clock was set back since, and how old the answer is can't be told.
    if (storedAt <= now && isPacked(packed)) yield new CacheEntry(name, kind, packed, storedAt, expiresAt);
  }
}

/** Writes the file; a failure is logged. */
export async function saveCache(
  cache: AnswerCache,
  path: string,
  { clock, log }: { clock: Clock; log: Logger },
): Promise<void> {
  try {
    const before = performance.now();
    await writeWhole(path, encodeCache(cache, clock));
    log.info("cache written", { path, entries: cache.size, ms: Math.round(performance.now() - before) });
  } catch (error) {
    log.warn("cannot write the cache: it begins empty after a restart", { path, error: messageOf(error) });
  }
}

/** Takes in what the file holds; returns how many answers. A missing file is none; one that can't be read is logged. */
export async function loadCache(
  cache: AnswerCache,
  path: string,
  { maxBytes, clock, log }: { maxBytes: number; clock: Clock; log: Logger },
): Promise<number> {
  let loaded = 0;
  try {
    // An entry takes less in the file than in memory: a larger file was made with another limit, or isn't ours.
    const { size } = await Deno.stat(path);
    if (size > maxBytes + 1024) throw new Error(`its ${size} octets are more than forward.cache_bytes`);
    let left = sliceEntries;
    for (const entry of decodeCache(await Deno.readFile(path), clock)) {
      if (cache.restore(entry, clock.monotonic())) loaded++;
      if (left-- > 0) continue;
      left = sliceEntries;
      await new Promise((resolve) => setTimeout(resolve));
    }
    log.info("cache read", { path, entries: loaded });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      log.warn("cannot read the cache: it begins empty", { path, error: messageOf(error) });
    }
  }
  return loaded;
}

/** Writes beside the file and renames, so that it is whole or not there. Only its owner may read what names were asked for. */
async function writeWhole(path: string, octets: Uint8Array): Promise<void> {
  const beside = `${path}.new`;
  {
    using file = await Deno.open(beside, { write: true, create: true, truncate: true, mode: 0o600 });
    for (let written = 0; written < octets.length;) written += await file.write(octets.subarray(written));
    await file.sync();
  }
  await Deno.rename(beside, path);
}

function hashOf(octets: Uint8Array): Buffer {
  return createHash("sha256").update(octets).digest();
}
