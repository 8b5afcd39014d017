/**
 * Accepts connections for as long as a listener lives. `for await` over a
 * listener ends at the first client that resets before it is accepted; this doesn't.
 * @module
 */
import { messageOf } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";

/** After an accept error (mostly: out of file descriptors) wait this long, in ms, so that the loop can't spin. */
const retryMs = 50;

/**
 * Runs until the listener is closed; then resolves. `accepted` must not throw.
 * A failing accept is logged and tried again after 50 ms.
 */
export async function acceptLoop<C extends Deno.Conn>(
  listener: { accept(): Promise<C> },
  accepted: (connection: C) => void,
  log: Logger,
): Promise<void> {
  for (;;) {
    let connection: C;
    try {
      connection = await listener.accept();
    } catch (error) {
      if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) return;
      log.warn("Cannot accept a connection", { error: messageOf(error) });
      await new Promise((resolve) => setTimeout(resolve, retryMs));
      continue;
    }
    accepted(connection);
  }
}
