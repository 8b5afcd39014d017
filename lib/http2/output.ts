/**
 * The way out: frames collect in one buffer and leave in one write at a time.
 * @module
 */
import { FrameWriter } from "./frame_writer.ts";
import type { Http2Transport } from "./transport.ts";

export interface OutputOptions {
  readonly transport: Http2Transport;
  /** Called when the transport has taken what it was given; there is room for more. */
  onRoom(): void;
  /** Called when the transport broke. */
  onFailed(): void;
}

/**
 * What is written while a chunk of input is handled leaves when it has been; what a handler writes later leaves at the
 * end of its turn; what comes during a write leaves in the next one.
 */
export class Output {
  readonly frames = new FrameWriter();
  /** Octets of answers the peer provoked, among those that wait. */
  control = 0;
  readonly #transport: Http2Transport;
  readonly #options: OutputOptions;
  #writing = false;
  #scheduled = false;
  #held = false;
  #broken = false;
  #taken = 0;
  #waiters: { below: number; resolve: () => void }[] = [];
  readonly #wrote: () => void;
  readonly #failed: () => void;
  readonly #turnEnds: () => void;

  constructor(options: OutputOptions) {
    this.#transport = options.transport;
    this.#options = options;
    this.#wrote = () => this.#written();
    this.#failed = () => this.fail();
    this.#turnEnds = () => {
      this.#scheduled = false;
      this.flush();
    };
  }

  /** Octets that wait for the transport, without those it is taking. */
  get pending(): number {
    return this.frames.pending;
  }

  get writing(): boolean {
    return this.#writing;
  }

  /** Counts the writes that were begun; a caller that sees no change between two looks knows that one is stuck. */
  get taken(): number {
    return this.#taken;
  }

  /** From here on frames wait for `release`. */
  hold(): void {
    this.#held = true;
  }

  release(): void {
    this.#held = false;
    this.flush();
  }

  /** To be called after frames were written: they leave by the end of the turn. */
  schedule(): void {
    if (this.#scheduled || this.#held || this.#writing) return;
    this.#scheduled = true;
    queueMicrotask(this.#turnEnds);
  }

  flush(): void {
    if (this.#writing || this.#broken || this.frames.pending === 0) return;
    this.#writing = true;
    this.#taken++;
    this.control = 0;
    this.#transport.write(this.frames.take()).then(this.#wrote, this.#failed);
  }

  #written(): void {
    this.#writing = false;
    if (this.#broken) return;
    this.#options.onRoom();
    if (!this.#held) this.flush();
    this.#wake();
  }

  /** Settles when fewer than `below` octets wait, or the transport is gone. With 1 it is that all has been taken. */
  room(below: number): Promise<void> {
    if (this.#hasRoom(below)) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiters.push({ below, resolve });
    return promise;
  }

  #hasRoom(below: number): boolean {
    return this.#broken || (this.frames.pending < below && (below > 1 || !this.#writing));
  }

  #wake(): void {
    if (this.#waiters.length === 0) return;
    const ready = this.#waiters.filter(({ below }) => this.#hasRoom(below));
    this.#waiters = this.#waiters.filter(({ below }) => !this.#hasRoom(below));
    for (const { resolve } of ready) resolve();
  }

  /** Nothing leaves any more. */
  fail(): void {
    if (this.#broken) return;
    this.#broken = true;
    this.#writing = false;
    this.#wake();
    this.#options.onFailed();
  }
}
