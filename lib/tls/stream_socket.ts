/**
 * What protocols above expect of a socket beside the bytes: addresses,
 * time-outs, an orderly close. node:http asks for these by name.
 * @module
 */
import { Duplex } from "node:stream";

/** How long a finished connection waits for the peer to end its side, in ms. */
const lingerMs = 1000;

/** A Duplex with the manners of a node socket. */
export abstract class StreamSocket extends Duplex {
  /** The other end's address without a port; "" on a unix socket. */
  readonly remoteAddress: string;
  /** The other end's port; 0 on a unix socket. */
  readonly remotePort: number;
  /** Whether what is written here travels encrypted. */
  readonly encrypted: boolean = false;
  /** Bytes received so far. */
  bytesRead = 0;
  /** Bytes sent so far. */
  bytesWritten = 0;
  #lingering = false;
  #idleMs = 0;
  #activeAt = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** What the running timer was set for; Infinity: none runs. */
  #armedMs = Infinity;

  constructor(remote: { address: string; port: number }, highWaterMark: number) {
    super({ allowHalfOpen: true, highWaterMark });
    this.remoteAddress = remote.address;
    this.remotePort = remote.port;
    // A connection that breaks is everyday business and must never end the program for want of a listener; whoever
    // cares adds one, and "close" comes in any case.
    this.on("error", () => {});
  }

  /**
   * As on a node socket: ends our side and destroys when all is written. What the peer still sends is thrown away
   * for up to a second: closing over unread bytes would reset the connection and take our last answer with it.
   */
  destroySoon(): void {
    if (this.destroyed || this.#lingering) return;
    this.#lingering = true;
    const destroy = () => this.destroy();
    this.end(() => {
      if (this.destroyed) return;
      this.removeAllListeners("data");
      this.once("end", destroy);
      const timer = setTimeout(destroy, lingerMs);
      this.once("close", () => clearTimeout(timer));
      this.resume();
      if (this.readableEnded) destroy();
    });
  }

  /**
   * As on a node socket: emits "timeout" after `ms` without traffic; 0 switches it off.
   * node:http sets it anew per request, so that setting costs no timer: one that runs looks at the facts when it fires.
   */
  setTimeout(ms: number, listener?: () => void): this {
    if (listener !== undefined) this.once("timeout", listener);
    this.#idleMs = ms;
    this.#activeAt = performance.now();
    if (ms > 0 && ms < this.#armedMs) {
      clearTimeout(this.#timer);
      this.#armedMs = Infinity;
    }
    if (ms > 0 && this.#armedMs === Infinity && !this.destroyed) this.#arm(ms);
    return this;
  }

  /** To be called when bytes move: starts the time of {@linkcode setTimeout} again. */
  protected active(): void {
    if (this.#idleMs > 0) this.#activeAt = performance.now();
  }

  #arm(ms: number): void {
    this.#armedMs = ms;
    this.#timer = setTimeout(() => {
      this.#armedMs = Infinity;
      if (this.#idleMs === 0) return;
      const leftMs = this.#idleMs - (performance.now() - this.#activeAt);
      // A timer may fire a little early by this clock.
      if (leftMs > 1) return this.#arm(leftMs);
      this.#activeAt = performance.now();
      this.#arm(this.#idleMs);
      this.emit("timeout");
    }, ms);
  }

  /** To be called on the way out: no "timeout" from here on. */
  protected inactive(): void {
    this.#idleMs = 0;
    clearTimeout(this.#timer);
  }

  /** As on a node socket; connections always run without Nagle's delay. */
  setNoDelay(): this {
    return this;
  }
  /** As on a node socket; liveness is the business of the protocol above. */
  setKeepAlive(): this {
    return this;
  }
  /** As on a node socket; an open connection keeps the program running. */
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
}
