/**
 * Connections to backends as pools keep them.
 * @module
 */
import type { ByteStream } from "../stream/byte_stream.ts";

export interface PooledStream extends ByteStream {
  /** Watches while nobody reads: `ended` is called when the peer closes it or sends what nobody asked for. */
  watch(ended: () => void): void;
  /** Lets go of memory between uses. */
  shrink(): void;
}
