/**
 * Octets into frames (RFC 9113 §4.1), wherever the chunks are cut.
 * @module
 */
import { ConnectionError, errorCodes } from "./errors.ts";
import { type Frame, frameHeaderBytes, minMaxFrameBytes, readUint31 } from "./frame.ts";

const none: Uint8Array = new Uint8Array(0);

/**
 * Feed a chunk, then take frames until there are no more, then feed the next:
 * ```ts
 * reader.feed(chunk);
 * for (let frame = reader.next(); frame !== null; frame = reader.next()) …
 * ```
 * A payload that lies whole in a chunk is a view of the chunk; one that is cut is copied once. Either is
 * valid until the next feed, for as long as the chunk itself is.
 */
export class FrameReader {
  /** What we announced as SETTINGS_MAX_FRAME_SIZE. */
  maxFrameBytes: number;
  #chunk: Uint8Array = none;
  #at = 0;
  readonly #header = new Uint8Array(frameHeaderBytes);
  /** Octets of the header that are there; 9 while a payload is awaited. */
  #headerBytes = 0;
  #payloadBytes = 0;
  /** A cut payload. Two of them take turns: a frame ended in one is still in use when the next begins in the other. */
  #held: Uint8Array = none;
  #other: Uint8Array = none;
  #heldBytes = 0;

  constructor(maxFrameBytes: number = minMaxFrameBytes) {
    this.maxFrameBytes = maxFrameBytes;
  }

  /** True between two frames: an end of the connection here cuts none. */
  get idle(): boolean {
    return this.#headerBytes === 0 && this.#at === this.#chunk.length;
  }

  /** Hands over the next octets; `next()` must have said null before. */
  feed(chunk: Uint8Array): void {
    if (this.#at < this.#chunk.length) throw new Error("FrameReader.feed before all frames were taken");
    this.#chunk = chunk;
    this.#at = 0;
  }

  /**
   * @returns null when more octets are needed
   * @throws ConnectionError FRAME_SIZE_ERROR as soon as a header announces more than `maxFrameBytes` (RFC 9113 §4.2)
   */
  next(): Frame | null {
    if (this.#headerBytes < frameHeaderBytes && !this.#readHeader()) return null;
    const chunk = this.#chunk;
    const length = this.#payloadBytes;
    const available = chunk.length - this.#at;
    let payload: Uint8Array;
    if (this.#heldBytes === 0 && available >= length) {
      payload = length === 0 ? none : chunk.subarray(this.#at, this.#at + length);
      this.#at += length;
    } else {
      const taken = Math.min(length - this.#heldBytes, available);
      if (taken > 0) this.#hold(taken);
      if (this.#heldBytes < length) return this.#rest();
      payload = this.#held.subarray(0, length);
      [this.#held, this.#other] = [this.#other, this.#held];
      this.#heldBytes = 0;
    }
    this.#headerBytes = 0;
    const header = this.#header;
    return { type: header[3]!, flags: header[4]!, streamId: readUint31(header, 5), payload };
  }

  #readHeader(): boolean {
    const header = this.#header;
    const end = this.#chunk.length;
    while (this.#headerBytes < frameHeaderBytes) {
      if (this.#at === end) {
        this.#rest();
        return false;
      }
      header[this.#headerBytes++] = this.#chunk[this.#at++]!;
    }
    const length = (header[0]! << 16) | (header[1]! << 8) | header[2]!;
    if (length > this.maxFrameBytes) {
      throw new ConnectionError(
        errorCodes.frameSizeError,
        `frame of ${length} octets, the limit is ${this.maxFrameBytes}`,
      );
    }
    this.#payloadBytes = length;
    return true;
  }

  /** Gives up the room for cut payloads, for a connection that has gone quiet; no frame may be in use. */
  shrink(): void {
    if (this.#heldBytes > 0) return;
    this.#held = none;
    this.#other = none;
  }

  #hold(taken: number): void {
    if (this.#held.length < this.#payloadBytes) {
      // Room for whatever is allowed at once: a connection that cuts one frame will cut more.
      const larger = new Uint8Array(this.#payloadBytes <= 1024 ? 1024 : Math.max(this.#payloadBytes, minMaxFrameBytes));
      larger.set(this.#held.subarray(0, this.#heldBytes));
      this.#held = larger;
    }
    this.#held.set(this.#chunk.subarray(this.#at, this.#at + taken), this.#heldBytes);
    this.#heldBytes += taken;
    this.#at += taken;
  }

  /** All of the chunk is used; it may be gone before the next feed. */
  #rest(): null {
    this.#chunk = none;
    this.#at = 0;
    return null;
  }
}
