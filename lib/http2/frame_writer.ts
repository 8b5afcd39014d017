/**
 * Frames into octets (RFC 9113 §4.1, §6), gathered until they are taken.
 * @module
 */
import { clientPreface, flags, frameHeaderBytes, frameTypes, minMaxFrameBytes } from "./frame.ts";

const none = new Uint8Array(0);
const firstBytes = 1024;
/** A buffer that grew beyond this is given up once it is taken; one of the usual fill of DATA is kept for the next. */
const keptBytes = 80 * 1024;

/**
 * Writes frames into a buffer of its own and hands all of them over at once.
 *
 * Two buffers take turns: what `take` returned stays as it is until the next `take`,
 * so frames may be written while it is on its way out.
 */
export class FrameWriter {
  /** The peer's SETTINGS_MAX_FRAME_SIZE: larger data and header blocks become several frames. */
  maxFrameBytes: number = minMaxFrameBytes;
  #out: Uint8Array = none;
  #other: Uint8Array = none;
  #at = 0;

  /** Octets that wait to be taken. */
  get pending(): number {
    return this.#at;
  }

  /** All that waits; empty when nothing does. The view is valid until the next `take`. */
  take(): Uint8Array {
    const taken = this.#out.subarray(0, this.#at);
    const next = this.#other;
    this.#other = this.#out.length > keptBytes ? none : this.#out;
    this.#out = next;
    this.#at = 0;
    return taken;
  }

  /** Gives the buffers up, for a connection that has gone quiet; what `take` returned must be out. */
  shrink(): void {
    if (this.#at > 0) return;
    this.#out = none;
    this.#other = none;
  }

  /** DATA (§6.1); the octets are copied. Windows are the caller's concern. */
  data(streamId: number, bytes: Uint8Array, end: boolean): void {
    let from = 0;
    do {
      const to = Math.min(bytes.length, from + this.maxFrameBytes);
      const last = to === bytes.length;
      this.#header(to - from, frameTypes.data, last && end ? flags.endStream : 0, streamId);
      this.#bytes(from === 0 && last ? bytes : bytes.subarray(from, to));
      from = to;
    } while (from < bytes.length);
  }

  /** HEADERS (§6.2), and CONTINUATION (§6.10) for what is left of a block above the peer's frame size. */
  headers(streamId: number, block: Uint8Array, end: boolean): void {
    let type: number = frameTypes.headers;
    let from = 0;
    do {
      const to = Math.min(block.length, from + this.maxFrameBytes);
      const last = to === block.length ? flags.endHeaders : 0;
      const endStream = from === 0 && end ? flags.endStream : 0;
      this.#header(to - from, type, last | endStream, streamId);
      this.#bytes(from === 0 && to === block.length ? block : block.subarray(from, to));
      type = frameTypes.continuation;
      from = to;
    } while (from < block.length);
  }

  /** What a client sends before its first frame (§3.4). */
  preface(): void {
    if (this.#at + clientPreface.length > this.#out.length) this.#grow(clientPreface.length);
    this.#bytes(clientPreface);
  }

  /** SETTINGS (§6.5). */
  settings(pairs: readonly (readonly [id: number, value: number])[]): void {
    this.#header(6 * pairs.length, frameTypes.settings, 0, 0);
    for (const [id, value] of pairs) {
      this.#out[this.#at++] = id >>> 8;
      this.#out[this.#at++] = id;
      this.#uint32(value);
    }
  }

  /** SETTINGS with ACK (§6.5.3). */
  settingsAck(): void {
    this.#header(0, frameTypes.settings, flags.ack, 0);
  }

  /** PING (§6.7). @param opaque 8 octets */
  ping(ack: boolean, opaque: Uint8Array): void {
    this.#header(8, frameTypes.ping, ack ? flags.ack : 0, 0);
    this.#bytes(opaque.subarray(0, 8));
  }

  /** GOAWAY (§6.8). @param debug ASCII text for whoever reads the peer's log */
  goAway(lastStreamId: number, code: number, debug = ""): void {
    this.#header(8 + debug.length, frameTypes.goAway, 0, 0);
    this.#uint32(lastStreamId);
    this.#uint32(code);
    for (let index = 0; index < debug.length; index++) this.#out[this.#at++] = debug.charCodeAt(index);
  }

  /** WINDOW_UPDATE (§6.9). @param streamId 0 for the connection's window */
  windowUpdate(streamId: number, bytes: number): void {
    this.#header(4, frameTypes.windowUpdate, 0, streamId);
    this.#uint32(bytes);
  }

  /** RST_STREAM (§6.4). */
  rstStream(streamId: number, code: number): void {
    this.#header(4, frameTypes.rstStream, 0, streamId);
    this.#uint32(code);
  }

  /** Writes a header and makes room for its payload. */
  #header(length: number, type: number, flagBits: number, streamId: number): void {
    if (this.#at + frameHeaderBytes + length > this.#out.length) this.#grow(frameHeaderBytes + length);
    const out = this.#out;
    out[this.#at++] = length >>> 16;
    out[this.#at++] = length >>> 8;
    out[this.#at++] = length;
    out[this.#at++] = type;
    out[this.#at++] = flagBits;
    this.#uint32(streamId);
  }

  #bytes(bytes: Uint8Array): void {
    this.#out.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  #uint32(value: number): void {
    const out = this.#out;
    out[this.#at++] = value >>> 24;
    out[this.#at++] = value >>> 16;
    out[this.#at++] = value >>> 8;
    out[this.#at++] = value;
  }

  #grow(room: number): void {
    const larger = new Uint8Array(Math.max(firstBytes, 2 * this.#out.length, this.#at + room));
    larger.set(this.#out.subarray(0, this.#at));
    this.#out = larger;
  }
}
