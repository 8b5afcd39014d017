/**
 * Two streams joined in both directions: passthrough connections, and WebSockets after the switch.
 * @module
 */
import type { ByteStream } from "./byte_stream.ts";
import type { Deadline } from "./deadlines.ts";

export interface TunnelOptions {
  deadline: Deadline;
  /** Without a byte in either direction for this long, both are closed. */
  idleMs: number;
  /** Called when bytes have moved. */
  moved(): void;
  /** The caller closes both streams as soon as both have ended: the last end is passed on by that. */
  closes?: boolean;
}

/**
 * Moves bytes both ways until both directions have ended (an end is passed on, the other direction stays open) or one
 * breaks (both are then destroyed). Never rejects. Closing the streams is the caller's.
 * @returns true when both directions ended in good order
 */
export async function tunnel(one: ByteStream, other: ByteStream, options: TunnelOptions): Promise<boolean> {
  let clean = true;
  let ended = 0;
  const pump = async (from: ByteStream, to: ByteStream): Promise<void> => {
    try {
      for (;;) {
        const next = from.read();
        const bytes = next instanceof Promise ? await next : next;
        options.deadline.set(options.idleMs);
        if (bytes === null) {
          if (++ended < 2 || options.closes !== true) await to.endWrite();
          return;
        }
        await to.write(bytes);
        options.moved();
      }
    } catch {
      clean = false;
      one.destroy();
      other.destroy();
    }
  };
  options.deadline.set(options.idleMs);
  await Promise.all([pump(one, other), pump(other, one)]);
  options.deadline.clear();
  return clean;
}
