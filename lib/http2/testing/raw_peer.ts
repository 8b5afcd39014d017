/**
 * A peer played by a test: it sends octets, and notes the frames that come.
 * @module
 */
import { errorCodeName } from "../errors.ts";
import { frameContent, frameTypes, readUint31, readUint32 } from "../frame.ts";
import { FrameReader } from "../frame_reader.ts";
import { HpackDecoder } from "../hpack/decoder.ts";
import type { MemoryTransport } from "./memory_transport.ts";
import { ping } from "./raw_frames.ts";

/** A frame that came, in a line: "HEADERS 1 200 END", "DATA 1 5", "RST_STREAM 1 CANCEL", "GOAWAY 0 NO_ERROR". */
export type Seen = string;

const marker = "--mark--";

export class RawPeer {
  /** Frames that came, in order; SETTINGS, acknowledgements and the marks left out. */
  readonly seen: Seen[] = [];
  /** Octets of DATA by stream. */
  readonly bodies = new Map<number, number>();
  /** SETTINGS that came, by id. */
  readonly settings = new Map<number, number>();
  settingsAcks = 0;
  /** The other side has ended. */
  ended = false;
  readonly transport: MemoryTransport;
  readonly #reader = new FrameReader(16_777_215);
  readonly #decoder = new HpackDecoder({ maxTableBytes: 4096, maxListBytes: 1 << 20 });
  #marks = 0;

  constructor(transport: MemoryTransport) {
    this.transport = transport;
  }

  async send(...frames: Uint8Array[]): Promise<void> {
    for (const bytes of frames) {
      // After a GOAWAY the other side may be gone already.
      await this.transport.write(bytes).catch(() => {});
    }
  }

  /** Takes octets that aren't frames off the front. */
  async take(count: number): Promise<Uint8Array> {
    const chunk = await this.transport.read();
    if (chunk === null || chunk.length < count) throw new Error(`${count} octets have not come in one chunk`);
    this.#feed(chunk.subarray(count));
    return chunk.subarray(0, count);
  }

  #feed(chunk: Uint8Array): void {
    this.#reader.feed(chunk);
    for (let frame = this.#reader.next(); frame !== null; frame = this.#reader.next()) this.#note(frame);
  }

  /** Reads until `until` says so or the other side has ended; false for the end. */
  async read(until: () => boolean): Promise<boolean> {
    while (!until()) {
      if (this.ended) return false;
      let chunk: Uint8Array | null = null;
      try {
        chunk = await this.transport.read();
      } catch {
        // Destroyed by the test.
      }
      if (chunk === null) {
        this.ended = true;
        return until();
      }
      this.#feed(chunk);
    }
    return true;
  }

  /** Reads until the other side has handled everything that was sent, or has ended. */
  async settle(): Promise<void> {
    const marks = this.#marks + 1;
    await this.send(ping(marker));
    await this.read(() => this.#marks >= marks);
  }

  /** Reads until this line was seen; false when it never comes. */
  expect(line: Seen): Promise<boolean> {
    return this.read(() => this.seen.includes(line));
  }

  #note(frame: { type: number; flags: number; streamId: number; payload: Uint8Array }): void {
    const { type, flags, streamId: id, payload } = frame;
    const end = (flags & 1) !== 0 ? " END" : "";
    switch (type) {
      case frameTypes.data:
        this.bodies.set(id, (this.bodies.get(id) ?? 0) + payload.length);
        this.seen.push(`DATA ${id} ${payload.length}${end}`);
        return;
      case frameTypes.headers: {
        const { fields } = this.#decoder.decode(frameContent(frame));
        const shown = fields[0]?.startsWith(":") ? fields[1] : "trailers";
        this.seen.push(`HEADERS ${id} ${shown}${end}`);
        return;
      }
      case frameTypes.rstStream:
        this.seen.push(`RST_STREAM ${id} ${errorCodeName(readUint32(payload, 0))}`);
        return;
      case frameTypes.settings:
        if (end !== "") this.settingsAcks++;
        for (let at = 0; at < payload.length; at += 6) {
          this.settings.set(payload[at]! << 8 | payload[at + 1]!, readUint32(payload, at + 2));
        }
        return;
      case frameTypes.ping: {
        const opaque = String.fromCharCode(...payload);
        if (end !== "" && opaque === marker) this.#marks++;
        else this.seen.push(`PING ${opaque}${end === "" ? "" : " ACK"}`);
        return;
      }
      case frameTypes.goAway:
        this.seen.push(`GOAWAY ${readUint31(payload, 0)} ${errorCodeName(readUint32(payload, 4))}`);
        return;
      case frameTypes.windowUpdate:
        this.seen.push(`WINDOW_UPDATE ${id} ${readUint31(payload, 0)}`);
        return;
      default:
        this.seen.push(`type ${type} ${id}`);
    }
  }
}
