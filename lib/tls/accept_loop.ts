/**
 * Accepts connections for as long as a listener lives. `for await` over a
 * listener ends at the first client that resets before it is accepted; this doesn't.
 * @module
 */
import { messageOf } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";

/** After an accept error (mostly: out of file descriptors) wait this long, in ms, so that the loop can't spin. */
const retryMs = 50;

/** Nobody connects for this long, in ms, after `stop`: nothing is queued either. */
const quietMs = 20;

/** A connection that is queued is accepted within this many microtasks: measured at most 5. */
const acceptMicrotasks = 16;

/**
 * Runs until the listener is closed; then resolves. `accepted` must not throw.
 * A failing accept is logged and tried again after 50 ms.
 *
 * The kernel resets the connections that wait in a listener's queue when it closes. Where a second process listens on
 * the same address (`reusePort`), half of all new clients still come here until then; so close by `stop`:
 * - what is queued is accepted, and the listener is closed in the turn in which the queue was seen empty (after 20 ms
 *   where nobody connects);
 * - a client that connects within that turn is still reset: none where one client connects again and again, 1 of 3,000
 *   where eight do without a pause. The kernel closes that gap too with `sysctl net.ipv4.tcp_migrate_req=1`: it hands
 *   the queue over to the other process.
 *
 * @param stop ends the loop so; without it, close the listener
 */
export async function acceptLoop<C extends Deno.Conn>(
  listener: { accept(): Promise<C>; close(): void },
  accepted: (connection: C) => void,
  log: Logger,
  stop?: AbortSignal,
): Promise<void> {
  let closed = false;
  let quiet: ReturnType<typeof setTimeout> | undefined;
  const close = () => {
    if (!closed) listener.close();
    closed = true;
  };
  // A process that was busy when the time ran out looks at its sockets once more: the loop may then go on, and close.
  const stopped = () => quiet = setTimeout(() => quiet = setTimeout(close, 0), quietMs);
  stop?.addEventListener("abort", stopped, { once: true });
  try {
    for (;;) {
      let connection: C;
      try {
        const next = listener.accept();
        if (stop?.aborted && !await settlesAtOnce(next)) close();
        connection = await next;
      } catch (error) {
        if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) return;
        log.warn("Cannot accept a connection", { error: messageOf(error) });
        await new Promise((resolve) => setTimeout(resolve, retryMs));
        continue;
      }
      accepted(connection);
    }
  } finally {
    clearTimeout(quiet);
    stop?.removeEventListener("abort", stopped);
  }
}

/** Whether a promise settles before anything else happens. A rejection counts, and is not handled by this. */
async function settlesAtOnce(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const settle = () => settled = true;
  promise.then(settle, settle);
  for (let turns = 0; turns < acceptMicrotasks && !settled; turns++) await null;
  return settled;
}
