/**
 * DATA on its way out: under the stream's window, the connection's, and what the transport takes.
 * @module
 */
import { flood, type FloodGuard } from "./flood_guard.ts";
import { defaultWindowBytes, minMaxFrameBytes } from "./frame.ts";
import { smallFrameBytes } from "./limits.ts";
import type { Output } from "./output.ts";
import type { LiveStream } from "./stream.ts";

/** Longest frame we send, whatever more the peer would take: streams take turns by frames. */
const maxDataBytes = minMaxFrameBytes;

export interface SenderOptions {
  readonly output: Output;
  readonly guard: FloodGuard;
  readonly maxQueuedDataBytes: number;
  now(): number;
  /** END_STREAM is to be sent for this stream, its data having gone; false when the last frame has said it. */
  ended(stream: LiveStream, said: boolean): void;
  /** The peer opens its windows by crumbs. */
  crumbs(): void;
}

/**
 * Streams that wait stand in a queue and send a frame each in turn. One that waits for its own window is in no queue:
 * its WINDOW_UPDATE puts it back. So nobody's stall holds up anybody else, save by the connection's window, which is
 * the peer's to open.
 */
export class Sender {
  /** What the peer takes on all streams together. */
  window: number = defaultWindowBytes;
  readonly #options: SenderOptions;
  readonly #waiting: LiveStream[] = [];

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** See {@linkcode LiveStream.write}. */
  send(stream: LiveStream, bytes: Uint8Array, end: boolean): Promise<void> | void {
    if (bytes.length === 0) {
      if (end) this.#options.ended(stream, false);
      return;
    }
    stream.pending = bytes;
    stream.sent = 0;
    stream.ending = end;
    if (this.#waiting.length === 0) {
      while (this.#frame(stream));
      if (stream.pending === null) return;
    }
    stream.movedAt = this.#options.now();
    this.#queue(stream);
    stream.written = Promise.withResolvers();
    return stream.written.promise;
  }

  /** The stream's window is open again. */
  opened(stream: LiveStream): void {
    if (stream.pending === null) return;
    this.#queue(stream);
    this.pump();
  }

  #queue(stream: LiveStream): void {
    if (stream.queued || stream.sendWindow <= 0) return;
    stream.queued = true;
    this.#waiting.push(stream);
  }

  /** Lets those that wait send, one frame each in turn, while there is room. */
  pump(): void {
    while (this.#waiting.length > 0 && this.#hasRoom()) {
      const stream = this.#waiting.shift()!;
      stream.queued = false;
      if (this.#frame(stream)) this.#queue(stream);
    }
  }

  /** True when neither window stops this stream. */
  mayMove(stream: LiveStream): boolean {
    return this.window > 0 && stream.sendWindow > 0;
  }

  #hasRoom(): boolean {
    return this.window > 0 && this.#options.output.pending < this.#options.maxQueuedDataBytes;
  }

  /** One frame; false when the stream has nothing left, or can't go on. */
  #frame(stream: LiveStream): boolean {
    const bytes = stream.pending;
    if (bytes === null || stream.sendWindow <= 0 || !this.#hasRoom()) return false;
    const { output, guard } = this.#options;
    const rest = bytes.length - stream.sent;
    const count = Math.min(rest, stream.sendWindow, this.window, maxDataBytes);
    const last = count === rest;
    const endsHere = last && stream.ending && stream.endTrailers.length === 0;
    const part = count === bytes.length ? bytes : bytes.subarray(stream.sent, stream.sent + count);
    output.frames.data(stream.id, part, endsHere);
    output.schedule();
    stream.sendWindow -= count;
    this.window -= count;
    stream.sent += count;
    // Crumbs are no progress: a peer that takes an octet now and then holds a stream like one that takes none.
    if (last || count >= smallFrameBytes) stream.movedAt = this.#options.now();
    guard.earn(flood.windowUpdates, 2);
    if (!last) {
      if (count < smallFrameBytes && !guard.spend(flood.crumbs, this.#options.now())) {
        this.#options.crumbs();
        return false;
      }
      return true;
    }
    stream.pending = null;
    stream.written?.resolve();
    stream.written = null;
    if (stream.ending) this.#options.ended(stream, endsHere);
    return false;
  }
}
