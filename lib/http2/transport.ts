/**
 * What an HTTP/2 connection runs on: a TCP, TLS or in-memory byte stream that is pulled by its reader.
 * @module
 */

/** One reader and one writer at a time; the connection is both. */
export interface Http2Transport {
  /** True once it can neither be read nor written. */
  readonly closed: boolean;
  /**
   * The next bytes as they come, or null when the peer has ended; at once (no promise) when bytes are at hand. The view
   * is valid until the next `read`. Rejects when the connection breaks.
   */
  read(): Promise<Uint8Array | null> | Uint8Array | null;
  /** Settles when `bytes` may be used again. Rejects when the connection broke. */
  write(bytes: Uint8Array): Promise<void>;
  /** Ends the writing side; the peer may still send. Never rejects. */
  endWrite(): Promise<void>;
  /** Closes both sides at once; a pending `read` and `write` then reject. */
  destroy(): void;
}
