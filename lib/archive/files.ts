import { type ArchiveLimits, readTar } from "./tar_reader.ts";
import { writeTar } from "./tar_writer.ts";
import { zstdCompress, zstdDecompress } from "./zstd.ts";

/** Enough for a Deno bundle with its assets many times over. */
export const defaultFileLimits: ArchiveLimits = {
  maxEntries: 10_000,
  maxFileBytes: 256 * 1024 * 1024,
  maxTotalBytes: 512 * 1024 * 1024,
};

/** Headers, padding and end mark, beside the content itself: pax archives need at most this much for an entry. */
const overheadPerEntryBytes = 8 * 1024;

/** What a tar.zst archive within the limits may decompress to. */
export function maxTarBytes(limits: ArchiveLimits): number {
  return limits.maxTotalBytes + (limits.maxEntries + 2) * overheadPerEntryBytes;
}

/**
 * The files as one tar.zst, in memory. The same files give the same bytes: paths
 * are sorted, times are 0, modes 0644.
 */
export async function packFiles(files: ReadonlyMap<string, Uint8Array>): Promise<Uint8Array<ArrayBuffer>> {
  const sources = [...files]
    .sort(([a], [b]) => a < b ? -1 : 1)
    .map(([path, content]) => ({ path, size: content.length, content }));
  return await collect(zstdCompress(writeTar(sources)));
}

/**
 * The files of a tar.zst, in memory; folders are left out.
 * @throws PlatformError invalid or too_large: see `readTar`
 */
export async function unpackFiles(
  archive: Uint8Array,
  limits: ArchiveLimits = defaultFileLimits,
): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  for await (const entry of readTar(zstdDecompress(chunksOf([archive]), maxTarBytes(limits)), limits)) {
    if (entry.kind === "file") files.set(entry.path, await collect(entry.content));
  }
  return files;
}

async function* chunksOf(chunks: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    parts.push(chunk.slice());
    length += chunk.length;
  }
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}
