/**
 * The one shape of a byte stream inside the proxy: pulled by its reader, so that a slow side slows the other.
 * @module
 */

/** A connection, in the clear or decrypted. One reader and one writer at a time. */
export interface ByteStream {
  /** True once it can neither be read nor written. */
  readonly closed: boolean;
  /** Bytes handed to readers so far. */
  readonly bytesRead: number;
  /** Bytes accepted from writers so far. */
  readonly bytesWritten: number;
  /**
   * The next bytes as they come, or null when the peer has ended. The view is valid until the next `read`.
   * Answers at once (no promise) when bytes are at hand. Rejects when the connection breaks.
   */
  read(): Promise<Uint8Array | null> | Uint8Array | null;
  /** Puts bytes back in front of the next `read`; they must stay unchanged until then. */
  unread(bytes: Uint8Array): void;
  /** Settles when `bytes` may be used again, which is when there is room for more. Rejects when the connection broke. */
  write(bytes: Uint8Array): Promise<void>;
  /** Ends the writing side; the peer may still send. Never rejects. */
  endWrite(): Promise<void>;
  /** Closes both sides at once; a TLS peer sees a truncation, not an end. */
  destroy(): void;
}

/** The decrypted stream of a client. */
export interface ClientStream extends ByteStream {
  /** The protocol agreed on by ALPN, or false. */
  readonly alpnProtocol: string | false;
  /** Called when the peer ends and when the connection closes, though nobody may be reading. */
  onEnded: (() => void) | null;
}

/** What reads and writes reject with after `destroy`. */
export class StreamClosed extends Error {
  override readonly name = "StreamClosed";
  constructor() {
    super("The connection was closed");
  }
}

/** Heads are cut from it one behind the other; a used up one is left to those who still hold pieces. */
let slab = new Uint8Array(0);
let slabUsed = 0;
const slabBytes = 64 * 1024;
/** A larger text gets memory of its own. */
const slabTextLength = 4 * 1024;
const encoder = new TextEncoder();

/** Latin-1 text as bytes: what a head is made of (RFC 9112 §2.2 parses octets, not characters). */
export function latin1(text: string): Uint8Array {
  const { length } = text;
  if (length > slabTextLength) return latin1Into(text, new Uint8Array(length));
  const bytes = place(length);
  // Four times as fast as by character; as UTF-8 it is the same for ASCII, and too long for its place for all else.
  if (encoder.encodeInto(text, bytes).read === length) return bytes;
  return latin1Into(text, bytes);
}

/** Latin-1 text and bytes behind it, in memory of their own. */
export function latin1With(text: string, bytes: Uint8Array): Uint8Array {
  if (bytes.length === 0) return latin1(text);
  const whole = place(text.length + bytes.length);
  // Both counts: UTF-8 that is cut off where the bytes would begin has the text's length, too.
  const { read, written } = encoder.encodeInto(text, whole);
  if (read !== text.length || written !== text.length) latin1Into(text, whole);
  whole.set(bytes, text.length);
  return whole;
}

/** Memory for so many bytes: allocating it costs fifty times as much as cutting it from the slab. */
function place(length: number): Uint8Array {
  if (length > slabTextLength) return new Uint8Array(length);
  if (slabUsed + length > slab.length) {
    slab = new Uint8Array(slabBytes);
    slabUsed = 0;
  }
  return slab.subarray(slabUsed, slabUsed += length);
}

function latin1Into(text: string, bytes: Uint8Array): Uint8Array {
  for (let index = 0; index < text.length; index++) bytes[index] = text.charCodeAt(index);
  return bytes;
}
