import { checkEntryPath } from "./entry_path.ts";
import { blockBytes, encodeHeader, paddedSize } from "./tar_header.ts";

/** A file to put into an archive. */
export interface TarSource {
  /** Where it goes: relative, "/" between segments. */
  path: string;
  /** Bytes of `content`. */
  size: number;
  /** Permission bits; default 0644. */
  mode?: number;
  /** Milliseconds since the epoch; default 0, so that the same files give the same archive. */
  mtimeMs?: number;
  content: Uint8Array | AsyncIterable<Uint8Array>;
}

/**
 * The bytes of a pax archive of the files, in the order given, owned by 0:0.
 * Holds one chunk of one file at a time.
 * @throws PlatformError invalid for a bad path; Error when a file's content isn't of the size announced
 */
export async function* writeTar(
  sources: Iterable<TarSource> | AsyncIterable<TarSource>,
): AsyncGenerator<Uint8Array> {
  for await (const { path, size, mode = 0o644, mtimeMs = 0, content } of sources) {
    yield encodeHeader({ path: checkEntryPath(path), kind: "file", size, mode, mtimeMs });
    let written = 0;
    for await (const chunk of content instanceof Uint8Array ? [content] : content) {
      written += chunk.length;
      if (written > size) break;
      if (chunk.length > 0) yield chunk;
    }
    if (written !== size) {
      throw new Error(`${path} changed while it was read: ${size} bytes announced, ${written} read`);
    }
    const padding = paddedSize(size) - size;
    if (padding > 0) yield new Uint8Array(padding);
  }
  // POSIX: two zero blocks end the archive.
  yield new Uint8Array(2 * blockBytes);
}
