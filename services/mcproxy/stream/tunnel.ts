/**
 * Two streams joined in both directions: passthrough connections, and WebSockets after the switch.
 * @module
 */
import type { ByteStream } from "./byte_stream.ts";
import { ConnStream } from "./conn_stream.ts";
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
  const { deadline, idleMs, moved } = options;
  const came = () => deadline.set(idleMs);
  const pump = async (from: ByteStream, to: ByteStream): Promise<void> => {
    try {
      if (from instanceof ConnStream && to instanceof ConnStream) await from.passTo(to, came, moved);
      else await pass(from, to, came, moved);
      if (++ended < 2 || options.closes !== true) await to.endWrite();
    } catch {
      clean = false;
      one.destroy();
      other.destroy();
    }
  };
  came();
  await Promise.all([pump(one, other), pump(other, one)]);
  deadline.clear();
  return clean;
}

/** As {@linkcode ConnStream.passTo}, for all streams. */
async function pass(from: ByteStream, to: ByteStream, came: () => void, moved: () => void): Promise<void> {
  for (;;) {
    const next = from.read();
    const bytes = next instanceof Promise ? await next : next;
    came();
    if (bytes === null) return;
    await to.write(bytes);
    moved();
  }
}
