/**
 * The end of a connection that may have ended already.
 * @module
 */

/** Closes what an error, a deadline or a drain may have closed before: a second close throws. */
export function closeQuietly(conn: { close(): void }): void {
  try {
    conn.close();
  } catch {
    // Closed already.
  }
}
