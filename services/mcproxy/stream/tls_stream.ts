/**
 * The decrypted side of a TLS connection over the runtime's engine: one read of the kernel, one call to decrypt; one call
 * to encrypt, one write.
 * @module
 */
import type { ClientChain, ServerEngine } from "@lib/tls/mod.ts";
import { BufferPool } from "./buffer_pool.ts";
import { type ClientStream, StreamClosed } from "./byte_stream.ts";
import { closeQuietly } from "./close_quietly.ts";

/**
 * For encrypted bytes. An idle connection holds 4 KiB, which most requests fit in; a read that fills its buffer moves on
 * to 64 KiB: four records. The engine copies what it is fed, so a buffer is free again as soon as its read is done.
 */
const smallBuffers = new BufferPool(4 * 1024, 1024);
const largeBuffers = new BufferPool(64 * 1024, 64);

/** With more than this decrypted and not taken, nothing is read: a peer that isn't read from costs this and one read. */
const readAheadBytes = 64 * 1024;

/** Smaller pieces are left to the collector. */
const freedBytes = 4096;

/** How long a connection that is ended waits for its last bytes to leave, in ms. */
const lingerMs = 1000;

/** Over a connection whose handshake is done; owns it and the engine. */
export class TlsStream implements ClientStream {
  bytesRead = 0;
  bytesWritten = 0;
  onEnded: (() => void) | null = null;
  readonly #conn: Deno.Conn;
  readonly #engine: ServerEngine;
  readonly #queue: Uint8Array[] = [];
  /** The view that the reader has until its next read; null when some of it was put back. */
  #lent: Uint8Array | null = null;
  #queued = 0;
  #buffer: Uint8Array | null = null;
  #large = false;
  #pulling = false;
  #ended = false;
  #closed = false;
  #ending = false;
  #error: Error | null = null;
  #reader: PromiseWithResolvers<Uint8Array | null> | null = null;
  /** The last of the writes; settled when none is in flight. */
  #sending: Promise<void> = Promise.resolve();
  #inFlight = 0;
  /** Records of the engine's own that go out before the next ones: session tickets, alerts. */
  #held: Uint8Array[] = [];
  readonly #arrived = (count: number | null) => this.#received(count);
  readonly #broke = (error: Error) => this.#readFailed(error);

  constructor(conn: Deno.Conn, engine: ServerEngine) {
    this.#conn = conn;
    this.#engine = engine;
    this.#hold();
    this.#taken();
  }

  get closed(): boolean {
    return this.#closed;
  }

  get alpnProtocol(): string | false {
    return this.#engine.alpnProtocol;
  }

  /** As the engine has it; false once the stream is closed. */
  get isResumed(): boolean {
    return this.#engine.isResumed;
  }

  /** What the client has shown in the handshake; null for nothing, and once the stream is closed. */
  get clientChain(): ClientChain | null {
    return this.#engine.clientChain;
  }

  /** Reads on, though nobody may be waiting: so that an end is noticed. */
  #pull(): void {
    if (this.#pulling || this.#ended || this.#closed || this.#queued > readAheadBytes) return;
    this.#pulling = true;
    this.#buffer = (this.#large ? largeBuffers : smallBuffers).take();
    this.#conn.read(this.#buffer).then(this.#arrived, this.#broke);
  }

  #received(count: number | null): void {
    this.#pulling = false;
    const buffer = this.#buffer!;
    this.#buffer = null;
    if (this.#closed) return giveBack(buffer);
    if (count === null) {
      giveBack(buffer);
      return this.#end();
    }
    this.#engine.feed(count === buffer.length ? buffer : buffer.subarray(0, count));
    giveBack(buffer);
    this.#large = count === buffer.length || (this.#large && count > smallBuffers.sizeBytes);
    this.#taken();
  }

  /** Goes on after the engine has been fed. */
  #taken(): void {
    this.#take();
    if (this.#engine.error !== null) return this.#broken(this.#engine.error);
    if (this.#engine.ended) this.#end();
    this.#pull();
  }

  /** Hands on what the engine has decrypted. */
  #take(): void {
    const { received } = this.#engine;
    for (const chunk of received) {
      this.bytesRead += chunk.length;
      const reader = this.#reader;
      if (reader === null) {
        this.#queue.push(chunk);
        this.#queued += chunk.length;
      } else {
        this.#reader = null;
        this.#lent = chunk;
        reader.resolve(chunk);
      }
    }
    received.length = 0;
  }

  #hold(): void {
    const output = this.#engine.output();
    if (output.length > 0) this.#held.push(output);
  }

  #readFailed(error: Error): void {
    this.#pulling = false;
    this.#buffer = null;
    this.#fail(error);
  }

  /** The peer's records are broken: it is told so, if it still takes anything. */
  #broken(error: Error): void {
    this.#hold();
    this.#ending = true;
    this.#flush([]).catch(() => {});
    this.#fail(error);
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#reader?.resolve(null);
    this.#reader = null;
    this.onEnded?.();
  }

  #fail(error: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#error = error;
    this.#reader?.reject(error);
    this.#reader = null;
    this.#engine.close();
    if (this.#ending && this.#inFlight > 0) this.#closeAfter(this.#sending);
    else this.#close();
    this.onEnded?.();
  }

  /** An end that was asked for gets its closing alert out; anything else is a cut, and must look like one. */
  #closeAfter(sending: Promise<void>): void {
    const timer = setTimeout(() => this.#close(), lingerMs);
    const done = () => {
      clearTimeout(timer);
      this.#close();
    };
    sending.then(done, done);
  }

  #close(): void {
    closeQuietly(this.#conn);
  }

  read(): Promise<Uint8Array | null> | Uint8Array | null {
    if (this.#lent !== null) {
      free(this.#lent);
      this.#lent = null;
    }
    const chunk = this.#queue.shift();
    if (chunk !== undefined) {
      this.#lent = chunk;
      this.#queued -= chunk.length;
      this.#pull();
      return chunk;
    }
    if (this.#ended) return null;
    if (this.#error !== null) return Promise.reject(this.#error);
    this.#reader ??= Promise.withResolvers();
    return this.#reader.promise;
  }

  unread(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    if (this.#lent?.buffer === bytes.buffer) this.#lent = null;
    this.#queue.unshift(bytes);
    this.#queued += bytes.length;
  }

  write(bytes: Uint8Array): Promise<void> {
    if (this.#closed || this.#ending) return Promise.reject(this.#error ?? new StreamClosed());
    this.bytesWritten += bytes.length;
    return this.#flush(this.#engine.seal(bytes));
  }

  /** Sends what is held and then `records`, after what is on its way already. */
  #flush(records: Uint8Array[]): Promise<void> {
    let all = records;
    if (this.#held.length > 0) {
      all = [joined([...this.#held, ...records.slice(0, 1)]), ...records.slice(1)];
      this.#held = [];
    }
    const sending = this.#inFlight === 0 ? this.#send(all) : this.#sending.then(() => this.#send(all));
    this.#inFlight++;
    return this.#sending = sending.then(this.#sent, this.#sendFailed);
  }

  #send(records: Uint8Array[]): Promise<unknown> {
    const [only] = records;
    if (records.length !== 1 || only === undefined) return this.#sendAll(records);
    return this.#conn.write(only).then((count) => {
      if (count < only.length) return this.#sendAll([only.subarray(count)]);
      free(only);
    });
  }

  async #sendAll(records: Uint8Array[]): Promise<void> {
    for (const record of records) {
      for (let at = 0; at < record.length;) at += await this.#conn.write(at === 0 ? record : record.subarray(at));
      free(record);
    }
  }

  readonly #sent = () => {
    this.#inFlight--;
  };

  readonly #sendFailed = (error: Error): never => {
    this.#inFlight--;
    const reason = this.#closed ? this.#error ?? new StreamClosed() : error;
    this.#fail(reason);
    throw reason;
  };

  async endWrite(): Promise<void> {
    if (this.#closed || this.#ending) return;
    this.#ending = true;
    try {
      await this.#flush([this.#engine.end()]);
      await (this.#conn as Deno.TcpConn).closeWrite();
    } catch {
      // Gone already: there is nothing left to end.
    }
  }

  destroy(): void {
    this.#fail(new StreamClosed());
  }
}

/**
 * Gives memory back that nobody will look at any more. Left to the collector, which sees the little objects alone and not
 * what hangs on them, the records of a second pile up to a hundred MiB.
 */
function free({ buffer }: Uint8Array): void {
  if (buffer.byteLength >= freedBytes) (buffer as ArrayBuffer).transfer(0);
}

function giveBack(buffer: Uint8Array): void {
  (buffer.length === largeBuffers.sizeBytes ? largeBuffers : smallBuffers).give(buffer);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
