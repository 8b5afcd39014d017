/**
 * The decrypted side of a TLS connection as a plain node Duplex.
 *
 * Why not the TLSSocket itself: its `pause()` doesn't reach the transport.
 * This one's does: what isn't read here isn't read from the kernel, and a
 * write is done when the transport has room again.
 * @module
 */
import { Buffer } from "node:buffer";
import type { TLSSocket } from "node:tls";
import { StreamSocket } from "./stream_socket.ts";
import type { ConnTransport } from "./transport.ts";

/** Several small writes that wait are joined into one record up to this many bytes; above, copying costs more than it saves. */
const joinBelowBytes = 64 * 1024;

type Done = (error?: Error | null) => void;

/** A decrypted connection; ends and errors like a socket. */
export class SecureConnection extends StreamSocket {
  /** Always true: what is written here travels encrypted. */
  override readonly encrypted = true;
  /** The protocol agreed on by ALPN, or false. */
  readonly alpnProtocol: string | false;
  /** The name the client asked for (SNI), lower case; null on the client's side or when none was sent. */
  readonly serverName: string | null;
  readonly #tls: TLSSocket;
  readonly #transport: ConnTransport;
  #writing: Done | null = null;
  #paused = false;
  #ended = false;

  /** Takes over a TLSSocket whose handshake is done, and the transport below it. */
  constructor(tls: TLSSocket, transport: ConnTransport, serverName: string | null = null) {
    super({ address: transport.remoteAddress, port: transport.remotePort }, joinBelowBytes);
    this.#tls = tls;
    this.#transport = transport;
    this.alpnProtocol = tls.alpnProtocol || false;
    this.serverName = serverName;
    tls.on("data", (chunk: Buffer) => this.#received(chunk));
    tls.on("end", () => this.#end());
    tls.on("drain", () => this.#written());
    tls.on("error", (error: Error) => this.destroy(error));
    tls.on("close", () => this.#closed());
    transport.on("close", () => this.#closed());
  }

  #received(chunk: Buffer): void {
    if (this.destroyed) return;
    this.bytesRead += chunk.length;
    this.active();
    if (this.push(chunk)) return;
    this.#paused = true;
    this.#transport.setGate(true);
    this.#tls.pause();
  }

  override _read(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#transport.setGate(false);
    this.#tls.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: Done): void {
    if (this.#tls.destroyed) return done(connectionClosed());
    this.bytesWritten += chunk.length;
    this.active();
    if (this.#tls.write(chunk)) done();
    else this.#writing = done;
  }

  override _writev(chunks: { chunk: Buffer }[], done: Done): void {
    let total = 0;
    for (const { chunk } of chunks) total += chunk.length;
    if (total <= joinBelowBytes) return this._write(Buffer.concat(chunks.map(({ chunk }) => chunk), total), "", done);
    if (this.#tls.destroyed) return done(connectionClosed());
    this.bytesWritten += total;
    this.active();
    let room = true;
    for (const { chunk } of chunks) room = this.#tls.write(chunk);
    if (room) done();
    else this.#writing = done;
  }

  #written(): void {
    const done = this.#writing;
    this.#writing = null;
    done?.();
  }

  override _final(done: Done): void {
    // Only when the encryption has handed everything down: node destroys a stream that has ended both ways.
    this.#tls.end(() => done());
  }

  /** The layers below are gone: what arrived can still be read, nothing more can be written. */
  #closed(): void {
    if (this.destroyed) return;
    this.#fail();
    if (!this.#ended) this.#end();
    if (this.readableLength === 0) this.destroy();
    else this.once("end", () => this.destroy());
  }

  #end(): void {
    this.#ended = true;
    if (!this.destroyed) this.push(null);
  }

  /** Ends a write that still waits, so that its caller learns of the close. */
  #fail(error?: Error | null): void {
    const writing = this.#writing;
    this.#writing = null;
    writing?.(error ?? connectionClosed());
  }

  override _destroy(error: Error | null, done: Done): void {
    this.inactive();
    this.#fail(error);
    if (error === null && this.writableFinished) {
      this.#tls.destroy();
      this.#transport.destroy();
    } else {
      this.#transport.abandon();
      this.#tls.destroy();
    }
    done(error);
  }
}

function connectionClosed(): Error {
  return Object.assign(new Error("The connection was closed"), { code: "ECONNRESET" });
}
