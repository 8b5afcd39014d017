/**
 * Blobs on disk, by digest: layers/<algorithm>/<first two digits>/<digits>.
 *
 * A file gets its place by rename only after its bytes were synced, and the
 * folder is synced before anybody is told: under a blob's name is the whole blob
 * or nothing, after a power cut too.
 */
import { algorithmOf, type Digest, hexOf } from "../domain/digest.ts";
import type { ByteRange } from "../domain/byte_range.ts";

/** Large enough that a 2 GiB layer takes 8,192 reads, small enough that a thousand slow clients hold 256 MiB. */
const chunkBytes = 256 * 1024;

export class BlobFiles {
  readonly #folder: string;
  /** Folders whose entries in their parents are known to be synced. */
  readonly #durableFolders = new Set<string>();

  /** @param folder the "layers" folder, made when it isn't there */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Moves a synced file to the blob's place. Twice the same blob is no error: the second replaces the first. */
  async adopt(syncedFile: string, digest: Digest): Promise<void> {
    const folder = await this.#folderOf(digest);
    await Deno.rename(syncedFile, `${folder}/${hexOf(digest)}`);
    await syncFolder(folder);
  }

  /** Whether the blob's file is there with this many bytes. */
  async isWhole(digest: Digest, size: number): Promise<boolean> {
    try {
      return (await Deno.stat(`${this.#folder}/${pathOf(digest)}`)).size === size;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  }

  /**
   * The blob's bytes. The file stays open until the stream is read or cancelled;
   * it is opened before this returns, so that a missing file is an error and not an empty answer.
   * @throws Deno.errors.NotFound
   */
  async read(digest: Digest, range: ByteRange): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
    const file = await Deno.open(`${this.#folder}/${pathOf(digest)}`);
    let left = range.end - range.start;
    try {
      if (range.start > 0) await file.seek(range.start, Deno.SeekMode.Start);
    } catch (error) {
      file.close();
      throw error;
    }
    return new ReadableStream({
      async pull(controller) {
        try {
          const buffer = new Uint8Array(Math.min(chunkBytes, left));
          const count = left === 0 ? 0 : await file.read(buffer);
          if (count === null) throw new Error(`${digest} is ${left} bytes shorter on disk than it should be`);
          left -= count;
          if (count > 0) controller.enqueue(buffer.subarray(0, count));
          if (left > 0) return;
          file.close();
          controller.close();
        } catch (error) {
          file.close();
          throw error;
        }
      },
      cancel: () => file.close(),
    }, { highWaterMark: 0 });
  }

  async #folderOf(digest: Digest): Promise<string> {
    const algorithm = `${this.#folder}/${algorithmOf(digest)}`;
    const folder = `${algorithm}/${hexOf(digest).slice(0, 2)}`;
    if (this.#durableFolders.has(folder)) return folder;
    await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
    for (const made of [algorithm, this.#folder]) await syncFolder(made);
    this.#durableFolders.add(folder);
    return folder;
  }
}

function pathOf(digest: Digest): string {
  const hex = hexOf(digest);
  return `${algorithmOf(digest)}/${hex.slice(0, 2)}/${hex}`;
}

/** Makes the folder's entries survive a power cut (fsync of a directory, as rename(2) alone doesn't). */
async function syncFolder(path: string): Promise<void> {
  using folder = await Deno.open(path);
  await folder.sync();
}
