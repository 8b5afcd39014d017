/**
 * The decrypted side of a TLS connection as a {@linkcode ByteStream}.
 * @module
 */
import type { Buffer } from "node:buffer";
import type { TLSSocket } from "node:tls";
import type { ConnTransport } from "@lib/tls/mod.ts";
import { type ByteStream, StreamClosed } from "./byte_stream.ts";

/**
 * Decrypted bytes that may wait for a reader before the transport's gate closes. The TLS layer delivers up to 16 KiB at
 * a time, so a peer that is not read from costs at most this and one record.
 */
const gateAboveBytes = 128 * 1024;
const openBelowBytes = 32 * 1024;

/** Over a TLSSocket whose handshake is done, and the transport below it; owns both. */
export class TlsStream implements ByteStream {
  bytesRead = 0;
  bytesWritten = 0;
  /** Called when the peer ends and when the connection closes, though nobody may be reading. */
  onEnded: (() => void) | null = null;
  readonly #tls: TLSSocket;
  readonly #transport: ConnTransport;
  readonly #queue: Uint8Array[] = [];
  #queued = 0;
  #gated = false;
  #ended = false;
  #closed = false;
  #ending = false;
  #error: Error | null = null;
  #reader: PromiseWithResolvers<Uint8Array | null> | null = null;
  #failWrite: ((error: Error) => void) | null = null;

  constructor(tls: TLSSocket, transport: ConnTransport) {
    this.#tls = tls;
    this.#transport = transport;
    tls.on("data", (chunk: Buffer) => this.#received(chunk));
    tls.on("end", () => this.#end());
    tls.on("error", (error: Error) => this.#fail(error));
    tls.on("close", () => this.#fail(new StreamClosed()));
    transport.on("error", (error: Error) => this.#fail(error));
    transport.on("close", () => this.#fail(new StreamClosed()));
  }

  get closed(): boolean {
    return this.#closed;
  }

  #received(chunk: Uint8Array): void {
    if (this.#closed) return;
    this.bytesRead += chunk.length;
    const reader = this.#reader;
    if (reader !== null) {
      this.#reader = null;
      return reader.resolve(chunk);
    }
    this.#queue.push(chunk);
    this.#queued += chunk.length;
    if (this.#gated || this.#queued <= gateAboveBytes) return;
    this.#gated = true;
    this.#transport.setGate(true);
    this.#tls.pause();
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
    this.#failWrite?.(error);
    this.#failWrite = null;
    // An end that was asked for gets its closing alert out; anything else is a cut, and must look like one.
    if (!this.#ending) this.#transport.abandon();
    this.#tls.destroy();
    this.#transport.destroy();
    this.onEnded?.();
  }

  read(): Promise<Uint8Array | null> | Uint8Array | null {
    const chunk = this.#queue.shift();
    if (chunk !== undefined) {
      this.#queued -= chunk.length;
      if (this.#gated && this.#queued < openBelowBytes) {
        this.#gated = false;
        this.#transport.setGate(false);
        this.#tls.resume();
      }
      return chunk;
    }
    if (this.#ended) return null;
    if (this.#error !== null) return Promise.reject(this.#error);
    this.#reader ??= Promise.withResolvers();
    return this.#reader.promise;
  }

  unread(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#queue.unshift(bytes);
    this.#queued += bytes.length;
  }

  write(bytes: Uint8Array): Promise<void> {
    if (this.#closed) return Promise.reject(this.#error ?? new StreamClosed());
    this.bytesWritten += bytes.length;
    return new Promise((resolve, reject) => {
      this.#failWrite = reject;
      this.#tls.write(bytes, (error) => {
        this.#failWrite = null;
        if (!error) return resolve();
        reject(error);
        this.#fail(error);
      });
    });
  }

  endWrite(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#ending = true;
    return new Promise((resolve) => {
      this.#failWrite = () => resolve();
      this.#tls.end(() => {
        this.#failWrite = null;
        resolve();
      });
    });
  }

  destroy(): void {
    this.#fail(new StreamClosed());
  }
}
