/**
 * Our own byte stream over a Deno connection, for what wants a node stream.
 *
 * Why not node:net: node:tls on Deno never stops reading from its transport
 * (`pause()` is not propagated: 1 GB of memory in 3 s against a slow reader).
 * The gate here stops the reads of the kernel socket itself, so that TCP's own
 * flow control reaches the peer.
 * @module
 */
import { Buffer } from "node:buffer";
import { StreamSocket } from "./stream_socket.ts";

/** What a transport needs of a connection: `Deno.TcpConn` and `Deno.UnixConn` both have it. */
export interface ByteConnection {
  read(into: Uint8Array): Promise<number | null>;
  write(from: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
}

/** Bytes asked of the kernel per read: a full TLS record (16 KiB) four times; larger gains nothing measurable. */
const readBytes = 64 * 1024;
/** Reads smaller than this are copied out, so that a chat of small messages doesn't hold 64 KiB per message. */
const copyBelowBytes = 16 * 1024;

/** How long a destroyed transport waits for the last bytes to leave, in ms. */
const lingerMs = 1000;

type Done = (error?: Error | null) => void;

/** A node Duplex over a Deno connection, with replay of peeked bytes and a read gate. */
export class ConnTransport extends StreamSocket {
  readonly #connection: ByteConnection;
  #peeked: Uint8Array | null;
  #gateClosed = false;
  #wanted = false;
  #reading = false;
  #buffer: Uint8Array | null = null;
  #inFlight: Promise<void> | null = null;
  #abandoned = false;

  /**
   * @param connection an accepted or dialled connection; this owns it from here
   * @param peeked bytes already read from it, replayed first
   */
  constructor(
    connection: ByteConnection,
    remote: { address: string; port: number } = { address: "", port: 0 },
    peeked: Uint8Array | null = null,
  ) {
    super(remote, readBytes);
    this.#connection = connection;
    this.#peeked = peeked !== null && peeked.length > 0 ? peeked : null;
  }

  /** While the gate is closed nothing is read from the socket; opening it resumes a read that was wanted. */
  setGate(closed: boolean): void {
    this.#gateClosed = closed;
    if (!closed && this.#wanted) {
      this.#wanted = false;
      this.#pull();
    }
  }

  override _read(): void {
    if (this.#gateClosed) this.#wanted = true;
    else this.#pull();
  }

  #pull(): void {
    if (this.#reading || this.destroyed) return;
    this.#reading = true;
    if (this.#peeked !== null) {
      const peeked = this.#peeked;
      this.#peeked = null;
      // Never synchronously: node:tls crashes when its transport delivers inside the constructor.
      setImmediate(() => this.#deliver(peeked));
      return;
    }
    const buffer = this.#buffer ??= new Uint8Array(readBytes);
    this.#connection.read(buffer).then(
      (count) => this.#received(buffer, count),
      (error) => {
        this.#reading = false;
        this.destroy(error);
      },
    );
  }

  #received(buffer: Uint8Array, count: number | null): void {
    if (count === null) {
      this.#reading = false;
      this.#buffer = null;
      if (!this.destroyed) this.push(null);
    } else if (count < copyBelowBytes) {
      this.#deliver(buffer.slice(0, count));
    } else {
      this.#buffer = null; // handed on whole; the next read takes a fresh one
      this.#deliver(buffer.subarray(0, count));
    }
  }

  #deliver(bytes: Uint8Array): void {
    this.#reading = false;
    if (this.destroyed) return;
    this.bytesRead += bytes.length;
    this.active();
    this.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  }

  override _write(chunk: Uint8Array, _encoding: string, done: Done): void {
    this.#send(chunk, done);
  }

  override _writev(chunks: { chunk: Uint8Array }[], done: Done): void {
    this.#send(Buffer.concat(chunks.map(({ chunk }) => chunk)), done);
  }

  #send(bytes: Uint8Array, done: Done): void {
    this.#inFlight = this.#writeAll(bytes).then(() => {
      this.#inFlight = null;
      done();
    }, (error) => {
      this.#inFlight = null;
      done(error);
    });
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const count = await this.#connection.write(at === 0 ? bytes : bytes.subarray(at));
      at += count;
      this.bytesWritten += count;
      this.active();
    }
  }

  override _final(done: Done): void {
    // The peer may be gone already; then there is nothing left to shut.
    this.#connection.closeWrite().then(() => done(), () => done());
  }

  /** Destroys at once, bytes on their way included. */
  abandon(): void {
    this.#abandoned = true;
    this.destroy();
    this.#close();
  }

  override _destroy(error: Error | null, done: Done): void {
    this.inactive();
    this.#peeked = null;
    this.#buffer = null;
    // A TLSSocket that has ended destroys its transport while the closing alert is still being written; without
    // the alert the peer can't tell the end from a cut (RFC 8446 §6.1).
    if (error === null && this.#inFlight !== null && !this.#abandoned) {
      const timer = setTimeout(() => this.#close(), lingerMs);
      this.#inFlight.finally(() => {
        clearTimeout(timer);
        this.#close();
        done(null);
      });
      return;
    }
    this.#close();
    done(error);
  }

  #close(): void {
    try {
      this.#connection.close();
    } catch {
      // Closed before.
    }
  }
}
