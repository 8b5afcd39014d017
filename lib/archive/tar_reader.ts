import { invalid, quote, tooLarge } from "@lib/errors/mod.ts";
import { ByteReader } from "./byte_reader.ts";
import { checkEntryPath } from "./entry_path.ts";
import { applyRecords, blockBytes, decodeHeader, paddedSize, type TarHeader } from "./tar_header.ts";

/** How much an archive may hold; what exceeds it is refused before it is read. */
export interface ArchiveLimits {
  maxEntries: number;
  maxFileBytes: number;
  /** All files together. */
  maxTotalBytes: number;
}

/** A file or folder of an archive. */
export interface TarEntry {
  /** Checked: relative, no "..". */
  readonly path: string;
  readonly kind: "file" | "folder";
  readonly size: number;
  readonly mode: number;
  readonly mtimeMs: number;
  /** The file's bytes; to be read before the next entry is asked for, or not at all. Chunks are views: copy to keep. */
  readonly content: AsyncIterable<Uint8Array>;
}

/** pax records about one entry; ours need 2 KiB. */
const maxRecordBytes = 64 * 1024;

/**
 * The entries of a tar archive, checked: no absolute path, no "..", no link or
 * device, no path twice, no file where another entry needs a folder, nothing
 * beyond the limits, and an end mark.
 * @throws PlatformError invalid or too_large while iterating
 */
export async function* readTar(chunks: AsyncIterable<Uint8Array>, limits: ArchiveLimits): AsyncGenerator<TarEntry> {
  const reader = new ByteReader(chunks);
  const seen = new Map<string, "file" | "folder">();
  let totalBytes = 0;
  try {
    for (;;) {
      const header = await nextHeader(reader);
      if (header === null) break;
      const path = checkEntryPath(header.path);
      const kind = header.kind === "folder" ? "folder" : "file";
      const size = kind === "folder" ? 0 : header.size;
      claim(seen, path, kind);
      totalBytes += size;
      if (seen.size > limits.maxEntries) throw invalid("archive", `holds more than ${limits.maxEntries} entries`);
      if (size > limits.maxFileBytes) throw tooLarge(`File ${quote(path)} of the archive`, limits.maxFileBytes);
      if (totalBytes > limits.maxTotalBytes) throw tooLarge("The archive's content", limits.maxTotalBytes);

      const left = { bytes: size };
      yield { path, kind, size, mode: header.mode, mtimeMs: header.mtimeMs, content: contentOf(reader, left, path) };
      for await (const _ of contentOf(reader, left, path)); // what the caller left unread
      await reader.exactly(paddedSize(size) - size, "a file's padding");
    }
    // What follows the end mark is padding to a record of 10 KiB, written by tar programs.
    for (let tail; (tail = await reader.some(blockBytes)) !== null;) {
      if (tail.some((byte) => byte !== 0)) throw invalid("archive", "holds data after its end mark");
    }
  } finally {
    await reader.close();
  }
}

async function nextHeader(reader: ByteReader): Promise<TarHeader | null> {
  const header = decodeHeader(await reader.exactly(blockBytes, "a tar header or before the end mark"));
  if (header === null || header.kind !== "extended") return header;
  if (header.size > maxRecordBytes) throw tooLarge("A pax record of the archive", maxRecordBytes);
  const records = await reader.exactly(header.size, "a pax record");
  await reader.exactly(paddedSize(header.size) - header.size, "a pax record's padding");
  const described = decodeHeader(await reader.exactly(blockBytes, "the tar header after a pax record"));
  if (described === null || described.kind === "extended") {
    throw invalid("archive", "has a pax record without an entry after it");
  }
  return applyRecords(described, records);
}

async function* contentOf(reader: ByteReader, left: { bytes: number }, path: string): AsyncGenerator<Uint8Array> {
  while (left.bytes > 0) {
    const part = await reader.some(left.bytes);
    if (part === null) throw invalid("archive", `is cut off inside ${quote(path)}: ${left.bytes} bytes are missing`);
    left.bytes -= part.length;
    yield part;
  }
}

/** Notes the path and the folders above it; refuses what would overwrite or pass through a file. */
function claim(seen: Map<string, "file" | "folder">, path: string, kind: "file" | "folder"): void {
  const segments = path.split("/");
  for (let depth = 1; depth < segments.length; depth++) {
    const parent = segments.slice(0, depth).join("/");
    if (seen.get(parent) === "file") throw invalid("archive", `holds ${quote(path)} below the file ${quote(parent)}`);
    seen.set(parent, "folder");
  }
  const before = seen.get(path);
  if (before === "file" || (before === "folder" && kind === "file")) {
    throw invalid("archive", `holds ${quote(path)} twice`);
  }
  seen.set(path, kind);
}
