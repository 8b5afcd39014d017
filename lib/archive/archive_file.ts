/** tar.zst archives on disk: snapshots. Memory stays flat whatever their size. */
import { conflict, invalid, quote } from "@lib/errors/mod.ts";
import { maxTarBytes } from "./files.ts";
import { type ArchiveLimits, readTar, type TarEntry } from "./tar_reader.ts";
import { type TarSource, writeTar } from "./tar_writer.ts";
import { zstdCompress, zstdDecompress } from "./zstd.ts";

/** A file to archive: from disk, or made up. */
export type ArchiveSource =
  | { path: string; file: string }
  | { path: string; content: Uint8Array };

/** Wide enough for a registry's blobs; a smaller archive is better read with limits of its own. */
export const defaultArchiveLimits: ArchiveLimits = {
  maxEntries: 1_000_000,
  maxFileBytes: 1024 ** 4,
  maxTotalBytes: 4 * 1024 ** 4,
};

const chunkBytes = 256 * 1024;

/**
 * Writes a tar.zst with mode 0600. It appears under its name only when it is
 * whole and synced; a half one is removed.
 * @returns bytes written
 * @throws PlatformError conflict when `out` exists
 */
export async function writeArchive(
  out: string,
  sources: Iterable<ArchiveSource> | AsyncIterable<ArchiveSource>,
): Promise<number> {
  const partial = `${out}.partial`;
  const file = await Deno.open(partial, { write: true, create: true, truncate: true, mode: 0o600 });
  try {
    let bytes = 0;
    for await (const chunk of zstdCompress(writeTar(tarSources(sources)))) {
      bytes += chunk.length;
      for (let rest = chunk; rest.length > 0;) rest = rest.subarray(await file.write(rest));
    }
    await file.sync();
    // A hard link fails where a rename would replace.
    await Deno.link(partial, out).catch((cause) => {
      if (!(cause instanceof Deno.errors.AlreadyExists)) throw cause;
      throw conflict(`Cannot write the archive ${quote(out)}: the file exists`, {
        hint: "Choose another name, or remove it.",
      });
    });
    return bytes;
  } finally {
    file.close();
    await Deno.remove(partial);
  }
}

async function* tarSources(
  sources: Iterable<ArchiveSource> | AsyncIterable<ArchiveSource>,
): AsyncGenerator<TarSource> {
  for await (const source of sources) {
    if ("content" in source) {
      yield { path: source.path, size: source.content.length, mode: 0o600, content: source.content };
      continue;
    }
    const { isFile, size, mode, mtime } = await Deno.lstat(source.file);
    if (!isFile) throw invalid("archive", `cannot take in ${quote(source.file)}: it is not a plain file`);
    yield {
      path: source.path,
      size,
      mode: (mode ?? 0o600) & 0o777,
      mtimeMs: mtime?.getTime() ?? 0,
      content: fileChunks(source.file),
    };
  }
}

async function* fileChunks(path: string): AsyncGenerator<Uint8Array> {
  using file = await Deno.open(path);
  for (;;) {
    const buffer = new Uint8Array(chunkBytes);
    const count = await file.read(buffer);
    if (count === null) return;
    yield buffer.subarray(0, count);
  }
}

/** The entries of a tar.zst on disk; iterating to the end proves that it is whole. */
export async function* readArchive(
  path: string,
  limits: ArchiveLimits = defaultArchiveLimits,
): AsyncGenerator<TarEntry> {
  yield* readTar(zstdDecompress(fileChunks(path), maxTarBytes(limits)), limits);
}

/**
 * Unpacks a tar.zst into a folder that is empty or does not exist yet, so that
 * nothing already there (a symbolic link above all) can redirect a write.
 * Files get the archive's permission bits without set-id bits; owners are the caller.
 * @returns the paths of the files written, relative to `folder`
 * @throws PlatformError conflict when the folder holds something; invalid or too_large: see `readTar`
 */
export async function extractArchive(
  path: string,
  folder: string,
  limits: ArchiveLimits = defaultArchiveLimits,
): Promise<string[]> {
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  for await (const found of Deno.readDir(folder)) {
    throw conflict(`Cannot unpack into ${quote(folder)}: it holds ${quote(found.name)}`, {
      hint: "Give an empty folder or one that does not exist yet.",
    });
  }
  const written: string[] = [];
  for await (const entry of readArchive(path, limits)) {
    const target = `${folder}/${entry.path}`;
    if (entry.kind === "folder") {
      await Deno.mkdir(target, { recursive: true, mode: 0o700 });
      continue;
    }
    await Deno.mkdir(target.slice(0, target.lastIndexOf("/")), { recursive: true, mode: 0o700 });
    using file = await Deno.open(target, { write: true, createNew: true, mode: entry.mode & 0o777 });
    for await (const chunk of entry.content) {
      for (let rest = chunk; rest.length > 0;) rest = rest.subarray(await file.write(rest));
    }
    await file.sync();
    written.push(entry.path);
  }
  return written;
}
