import { PlatformError } from "@lib/errors/mod.ts";

/** More often nobody comes between by chance. */
const maxTries = 5;

/**
 * Reads what is there and writes it back changed. When somebody else has changed it in between, that is read and changed
 * instead, so that neither change is lost.
 * @param write puts with the version that was read as the expected one
 */
export async function changeLatest<T extends { readonly version: string }, R>(
  read: () => Promise<T>,
  write: (now: T) => Promise<R>,
): Promise<R> {
  let now = await read();
  for (let tries = 1;; tries++) {
    try {
      return await write(now);
    } catch (error) {
      if (!(error instanceof PlatformError) || error.code !== "conflict" || tries === maxTries) throw error;
      const later = await read();
      // Then it isn't the version that is in the way.
      if (later.version === now.version) throw error;
      now = later;
    }
  }
}
