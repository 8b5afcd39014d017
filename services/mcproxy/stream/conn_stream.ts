/**
 * A plain connection as a {@linkcode ByteStream}.
 * @module
 */
import { BufferPool } from "./buffer_pool.ts";
import { type ByteStream, StreamClosed } from "./byte_stream.ts";
import { closeQuietly } from "./close_quietly.ts";

/**
 * Reads start with a small buffer, which is enough for most heads and answers; one that fills its buffer moves on to the
 * next size, and one that would have fit in a smaller moves back. So an idle connection holds 16 KiB, and a download
 * moves 64 KiB per turn. The largest is for passthrough alone: per byte it costs a third less.
 */
const pools = [new BufferPool(16 * 1024, 256), new BufferPool(64 * 1024, 64), new BufferPool(256 * 1024, 32)] as const;
const bulkLevel = 2;

/** Over a TCP or unix connection, which it owns. */
export class ConnStream implements ByteStream {
  bytesRead = 0;
  bytesWritten = 0;
  readonly #connection: Deno.Conn;
  #closed = false;
  #buffer: Uint8Array | null = null;
  #reading = false;
  /** Index into `pools`, of the next read. */
  #level = 0;
  #maxLevel = 1;
  #unread: Uint8Array | null = null;
  #pending: Promise<Uint8Array | null> | null = null;

  constructor(connection: Deno.Conn) {
    this.#connection = connection;
  }

  get closed(): boolean {
    return this.#closed;
  }

  read(): Promise<Uint8Array | null> | Uint8Array | null {
    if (this.#unread !== null) {
      const bytes = this.#unread;
      this.#unread = null;
      return bytes;
    }
    if (this.#pending !== null) {
      const pending = this.#pending;
      this.#pending = null;
      return pending;
    }
    return this.#pull();
  }

  #pull(): Promise<Uint8Array | null> {
    if (this.#closed) return Promise.reject(new StreamClosed());
    this.#reading = true;
    return this.#connection.read(this.#nextBuffer()).then(this.#took, this.#lost);
  }

  /** Made once per stream, because a request has several reads. */
  readonly #took = (count: number | null): Uint8Array | null => {
    this.#reading = false;
    if (this.#closed) throw new StreamClosed();
    if (count === null) return null;
    const buffer = this.#buffer!;
    this.bytesRead += count;
    if (count === buffer.length) {
      if (this.#level < this.#maxLevel) this.#level++;
      return buffer;
    }
    while (this.#level > 0 && count <= pools[this.#level - 1]!.sizeBytes) this.#level--;
    return buffer.subarray(0, count);
  };

  readonly #lost = (error: Error): never => {
    this.#reading = false;
    throw this.#closed ? new StreamClosed() : error;
  };

  /**
   * Passes on what comes, until the peer's end; rejects when either connection breaks. As `read` and `write` in turn,
   * without a promise of theirs for each piece.
   * @param came called when bytes or the end have come
   * @param moved called when bytes have been passed on
   */
  async passTo(other: ConnStream, came: () => void, moved: () => void): Promise<void> {
    for (;;) {
      let bytes: Uint8Array | null;
      if (this.#closed || this.#unread !== null || this.#pending !== null) bytes = await this.read();
      else {
        // It stays so when the read fails: what that may still write into isn't lent again.
        this.#reading = true;
        bytes = this.#took(await this.#connection.read(this.#nextBuffer()));
      }
      came();
      if (bytes === null) return;
      for (let at = 0; at < bytes.length;) {
        if (other.#closed) throw new StreamClosed();
        const count = await other.#connection.write(at === 0 ? bytes : bytes.subarray(at));
        other.bytesWritten += count;
        at += count;
      }
      moved();
    }
  }

  #nextBuffer(): Uint8Array {
    const pool = pools[this.#level]!;
    if (this.#buffer?.length === pool.sizeBytes) return this.#buffer;
    if (this.#buffer !== null) giveBack(this.#buffer);
    return this.#buffer = pool.take();
  }

  /** Lets reads grow to 256 KiB, where bytes are only passed on. */
  forBulk(): void {
    this.#maxLevel = bulkLevel;
  }

  unread(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#unread = bytes;
  }

  /**
   * Watches the connection while nobody reads: `ended` is called when the peer closes it or sends something. What was
   * read stays for the next `read`.
   */
  watch(ended: () => void): void {
    if (this.#unread !== null) return ended();
    this.#pending = this.#pull();
    this.#pending.then(ended, ended);
  }

  write(bytes: Uint8Array): Promise<void> {
    if (this.#closed) return Promise.reject(new StreamClosed());
    return this.#connection.write(bytes).then((count) => {
      this.bytesWritten += count;
      if (count < bytes.length) return this.write(bytes.subarray(count));
    });
  }

  async endWrite(): Promise<void> {
    try {
      await (this.#connection as Deno.TcpConn).closeWrite();
    } catch {
      // Reset by the peer or destroyed: there is nothing left to end.
    }
  }

  destroy(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeQuietly(this.#connection);
    // A buffer in the hands of a read that is being cancelled, or whose view is still being written out, isn't lent again.
    this.#buffer = null;
  }

  /** Ends a connection in good order: closes it, and lends its buffer again. Only when no view of it is in use. */
  finish(): void {
    const buffer = this.#reading ? null : this.#buffer;
    this.destroy();
    if (buffer !== null) giveBack(buffer);
  }

  /** Lets go of the read buffer between uses, if no read is under way. */
  shrink(): void {
    if (this.#reading || this.#buffer === null || this.#unread !== null) return;
    giveBack(this.#buffer);
    this.#buffer = null;
    this.#level = 0;
  }
}

function giveBack(buffer: Uint8Array): void {
  for (const pool of pools) if (buffer.length === pool.sizeBytes) return pool.give(buffer);
}
