import type { Database } from "@lib/db/mod.ts";
import type { Logger } from "@lib/log/mod.ts";

/**
 * Calls `reload` when another process has committed to the database: at a hot restart the old and
 * the new process share the file for a moment, and each must see the other's changes.
 * @param everyMs how late a change may be seen; the look costs about 5 µs
 */
export function watchDatabase(db: Database, reload: () => void, log: Logger, everyMs = 250): Disposable {
  let seen = db.dataVersion();
  const timer = setInterval(() => {
    try {
      const now = db.dataVersion();
      if (now === seen) return;
      reload();
      seen = now;
    } catch (error) {
      log.error("cannot look for changes of another process; what is in memory stays", { error });
    }
  }, everyMs);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
