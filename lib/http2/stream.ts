/**
 * One stream, as its owner sees it and as the connection keeps it.
 * @module
 */
import { BodyQueue } from "./body_queue.ts";
import type { FieldList } from "./hpack/decoder.ts";
import { ReceiveWindow } from "./receive_window.ts";

/** What reads and writes reject with once a stream was reset, by either side or with its connection. */
export class StreamReset extends Error {
  override readonly name = "StreamReset";
  /** @param code RFC 9113 §7; CANCEL also when the connection was lost */
  constructor(readonly streamId: number, readonly code: number) {
    super(`Stream ${streamId} was reset with code ${code}`);
  }
}

/** One reader and one writer at a time. Read it to its end or reset it: unread bytes hold the connection's window. */
export interface Http2Stream {
  readonly id: number;
  /** True once both sides have ended it or it was reset. Bytes that came before an orderly end can still be read. */
  readonly closed: boolean;
  /**
   * The body as it comes, null at its end; at once (no promise) when it is at hand. The view is valid until the next
   * `read`, which is also when the peer gets its credit back. Rejects with StreamReset.
   */
  read(): Promise<Uint8Array | null> | Uint8Array | null;
  /** The trailer section, after `read` gave null; null when there was none. */
  readonly trailers: FieldList | null;
  /**
   * Settles when `bytes` may be used again: they are in frames, under both windows, and the transport keeps up. Nothing
   * is returned when that is so at once. Rejects with StreamReset.
   * @param end true when these are the last; saves the empty frame that `end()` would send
   */
  write(bytes: Uint8Array, end?: boolean): Promise<void> | void;
  /** Ends the sending side, after what is being written. */
  end(trailers?: FieldList): void;
  /** Ends both sides at once; nothing when it is closed but for unread bytes, which are dropped. */
  reset(code: number): void;
  /** Called once if the peer resets the stream, breaks its rules, or the connection goes; not for `reset`. */
  onReset: ((code: number) => void) | null;
}

/** What a stream asks of its connection. */
export interface StreamHost {
  sendData(stream: LiveStream, bytes: Uint8Array, end: boolean): Promise<void> | void;
  sendEnd(stream: LiveStream, trailers: FieldList | null): void;
  /** RST_STREAM, unless it is closed; forgets it. */
  resetByOwner(stream: LiveStream, code: number): void;
  /** Sends a head. */
  sendFields(stream: LiveStream, fields: FieldList, end: boolean, neverIndexed: ReadonlySet<string> | null): void;
  /** Gives back credit for `octets` that were read, for the stream too while more may come. */
  release(stream: LiveStream, octets: number): void;
}

const emptyList: FieldList = [];

/** What both sides' streams are made of. The fields without a sign are the connection's to write. */
export abstract class LiveStream implements Http2Stream {
  onReset: ((code: number) => void) | null = null;
  trailers: FieldList | null = null;
  closed = false;
  /** We have sent END_STREAM. */
  localEnded = false;
  /** The peer has sent END_STREAM. */
  remoteEnded = false;
  /** A code once it was reset, else -1. */
  resetCode = -1;
  /** A code once the peer has said that it wants no more, though what it sent is whole; else -1. */
  stoppedCode = -1;
  /** Octets of DATA the peer takes; negative after it has shrunk its windows (RFC 9113 §6.9.2). */
  sendWindow: number;

  /** What is being written and how much of it has gone. */
  pending: Uint8Array | null = null;
  sent = 0;
  written: PromiseWithResolvers<void> | null = null;
  /** What follows `pending`: nothing yet, the end, or the end with trailers. */
  ending = false;
  endTrailers: FieldList = emptyList;
  /** In the queue of those that wait for the connection's window or the transport. */
  queued = false;
  /** When it last could write, ms; looked at while `pending` isn't null. */
  movedAt = 0;

  /** Null until there is a body. */
  receiveWindow: ReceiveWindow | null = null;
  #received: BodyQueue | null = null;
  #lent = 0;
  #reader: PromiseWithResolvers<Uint8Array | null> | null = null;
  /** Octets of body that must still come by content-length, or -1. */
  expected = -1;

  constructor(readonly id: number, protected readonly host: StreamHost, sendWindow: number) {
    this.sendWindow = sendWindow;
  }

  read(): Promise<Uint8Array | null> | Uint8Array | null {
    if (this.#lent > 0) {
      const octets = this.#lent;
      this.#lent = 0;
      this.host.release(this, octets);
    }
    const queue = this.#received;
    if (queue !== null && queue.length > 0) return this.#lend(queue);
    if (this.resetCode >= 0) return rejected(new StreamReset(this.id, this.resetCode));
    if (this.remoteEnded) return null;
    if (this.#reader !== null) throw new Error(`Stream ${this.id} is being read already: await the read before`);
    this.#reader = Promise.withResolvers();
    return this.#reader.promise;
  }

  #lend(queue: BodyQueue): Uint8Array {
    const bytes = queue.take()!;
    this.#lent = bytes.length;
    return bytes;
  }

  write(bytes: Uint8Array, end = false): Promise<void> | void {
    const code = Math.max(this.resetCode, this.stoppedCode);
    if (code >= 0) return rejected(new StreamReset(this.id, code));
    if (this.pending !== null) throw new Error(`Stream ${this.id} is being written already: await the write before`);
    if (this.localEnded || this.ending) throw new Error(`Stream ${this.id} was ended: nothing can be written after it`);
    return this.host.sendData(this, bytes, end);
  }

  end(trailers?: FieldList): void {
    if (this.resetCode >= 0 || this.localEnded || this.ending) return;
    const list = trailers ?? emptyList;
    if (this.pending === null) return this.host.sendEnd(this, list.length > 0 ? list : null);
    this.ending = true;
    this.endTrailers = list;
  }

  reset(code: number): void {
    this.onReset = null;
    this.host.resetByOwner(this, code);
  }

  /** Puts received bytes in; the connection has counted them. */
  receive(bytes: Uint8Array): void {
    this.#received ??= new BodyQueue();
    this.#received.push(bytes);
    this.#wake();
  }

  /** After `remoteEnded` or `receive`. */
  #wake(): void {
    const reader = this.#reader;
    if (reader === null) return;
    const queue = this.#received;
    if (queue !== null && queue.length > 0) reader.resolve(this.#lend(queue));
    else if (this.remoteEnded) reader.resolve(null);
    else return;
    this.#reader = null;
  }

  endReceived(): void {
    this.remoteEnded = true;
    this.#wake();
  }

  /** Octets that wait for a reader. */
  get unread(): number {
    return this.#received?.length ?? 0;
  }

  /** Octets that nobody will read any more; the credit for them is the caller's to give. */
  dropReceived(): number {
    const octets = this.#lent + (this.#received?.clear() ?? 0);
    this.#lent = 0;
    return octets;
  }

  /** Fails what waits. @returns false when it had been reset before */
  fail(code: number): boolean {
    if (this.resetCode >= 0) return false;
    this.resetCode = code;
    this.closed = true;
    this.failWrite(code);
    const reader = this.#reader;
    this.#reader = null;
    if (reader !== null) {
      handled(reader.promise);
      reader.reject(new StreamReset(this.id, code));
    }
    return true;
  }

  failWrite(code: number): void {
    const written = this.written;
    this.pending = null;
    this.written = null;
    if (written === null) return;
    handled(written.promise);
    written.reject(new StreamReset(this.id, code));
  }
}

/** A promise whose rejection nobody need look at: the stream's owner hears of a reset by `onReset` too. */
export function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

/** A promise that has failed already. */
export function rejected(reset: StreamReset): Promise<never> {
  return handled(Promise.reject(reset));
}
