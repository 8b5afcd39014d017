import { messageOf, unavailable } from "@lib/errors/mod.ts";
import { type ByteConnection, dialTls, formatAddress } from "@lib/tls/mod.ts";
import type { PeerAddress } from "../../domain/zone_peer.ts";
import { SecureStream } from "../transport/secure_stream.ts";

/** Protocol name of DNS over TLS (RFC 7858 §3.2); RFC 9103 §7.1 asks for it in transfers. */
const alpn = ["dot"];

export interface ChannelOptions {
  readonly peer: PeerAddress;
  /** The name in the server's certificate; "" for plain TCP. */
  readonly tlsName: string;
  /** Trust anchors for TLS, PEM. */
  readonly tlsCa: string;
  /** For connecting, and for each message, ms. */
  readonly timeoutMs: number;
  /** Ends everything at once. */
  readonly signal: AbortSignal;
}

/** DNS messages over one connection to a server. */
export class MessageChannel implements Disposable {
  readonly #connection: ByteConnection;
  readonly #options: ChannelOptions;
  #buffer = new Uint8Array(32 * 1024);
  #start = 0;
  #end = 0;
  #closed = false;
  readonly #abort = () => this[Symbol.dispose]();

  private constructor(connection: ByteConnection, options: ChannelOptions) {
    this.#connection = connection;
    this.#options = options;
    options.signal.addEventListener("abort", this.#abort);
    // In the very moment in which the connection was made.
    if (options.signal.aborted) this.#abort();
  }

  /** Throws Unavailable: refused, not reachable, not in time, TLS not as it should be. */
  static async open(options: ChannelOptions): Promise<MessageChannel> {
    const { peer: { hostname, port }, tlsName, tlsCa, timeoutMs, signal } = options;
    if (tlsName !== "") {
      const secure = await dialTls({ hostname, port, serverName: tlsName, ca: tlsCa, alpn, timeoutMs, signal });
      return new MessageChannel(new SecureStream(secure), options);
    }
    const address = formatAddress({ kind: "tcp", hostname, port });
    try {
      const connection = await Deno.connect({
        hostname,
        port,
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      });
      connection.setNoDelay(true);
      return new MessageChannel(connection, options);
    } catch (cause) {
      const why = cause instanceof Deno.errors.ConnectionRefused
        ? "nothing listens there"
        : cause instanceof Deno.errors.NotCapable
        ? "the sandbox does not let us; add it to transfer.peers in the config and restart"
        : cause instanceof DOMException
        ? `no connection within ${timeoutMs} ms`
        : messageOf(cause);
      throw unavailable(`Cannot connect to ${address}: ${why}`, { cause });
    }
  }

  async send(message: Uint8Array): Promise<void> {
    const framed = new Uint8Array(2 + message.length);
    framed[0] = message.length >> 8;
    framed[1] = message.length;
    framed.set(message, 2);
    for (let at = 0; at < framed.length;) at += await this.#connection.write(framed.subarray(at));
  }

  /** The next message, in a buffer of its own. Throws Unavailable when the server closes, or sends none in time. */
  async next(): Promise<Uint8Array> {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this[Symbol.dispose]();
    }, this.#options.timeoutMs);
    try {
      await this.#fill(2);
      const length = this.#buffer[this.#start]! << 8 | this.#buffer[this.#start + 1]!;
      await this.#fill(2 + length);
      const message = this.#buffer.slice(this.#start + 2, this.#start + 2 + length);
      this.#start += 2 + length;
      return message;
    } catch (cause) {
      if (isLate) throw unavailable(`the server sent nothing for ${this.#options.timeoutMs} ms`, { cause });
      throw unavailable("the server closed the connection before its last message", { cause });
    } finally {
      clearTimeout(timer);
    }
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#options.signal.removeEventListener("abort", this.#abort);
    this.#connection.close();
  }

  /** Reads until that many octets are there. */
  async #fill(octets: number): Promise<void> {
    if (this.#start > 0 && this.#start + octets > this.#buffer.length) {
      this.#buffer.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
    }
    if (octets > this.#buffer.length) {
      const larger = new Uint8Array(octets);
      larger.set(this.#buffer.subarray(0, this.#end));
      this.#buffer = larger;
    }
    while (this.#end - this.#start < octets) {
      const read = await this.#connection.read(this.#buffer.subarray(this.#end));
      if (read === null) throw new Error("the connection has ended");
      this.#end += read;
    }
  }
}
