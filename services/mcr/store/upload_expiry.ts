import type { Stores } from "./stores.ts";

/**
 * Drops uploads to which nothing was written since `before` (ms since the
 * epoch): files with their rows, files without a row, and rows without a file.
 * One that a request writes to is left alone.
 * @returns how many were dropped
 */
export async function expireUploads(stores: Stores, before: number): Promise<number> {
  const { uploads, uploadFiles } = stores;
  const idle = new Set(await uploadFiles.idleSince(before));
  for (const id of uploads.startedBefore(before)) {
    if (!await uploadFiles.exists(id)) idle.add(id);
  }
  let dropped = 0;
  for (const id of idle) {
    // A request may have come for it during the listing.
    if (uploadFiles.isTaken(id)) continue;
    using _taken = uploadFiles.take(id);
    await uploadFiles.remove(id);
    stores.write(() => uploads.delete(id));
    dropped++;
  }
  return dropped;
}
