/**
 * Connections for node:http requests: opened and verified by dialTls, kept for the next request.
 * @module
 */
import { Agent, type ClientRequest, type ClientRequestArgs } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { unavailable } from "@lib/errors/mod.ts";
import { dialTls, type DialTlsOptions, type SecureConnection } from "@lib/tls/mod.ts";

/** How long an unused connection is kept, in ms: shorter than the 60 s after which our servers close it. */
const keepMs = 45_000;

/** An agent for one server; `close()` leaves no connection open. */
export class DialAgent extends Agent {
  readonly #to: DialTlsOptions;
  readonly #open = new Set<Duplex>();
  #closed = false;
  /** The server has ended a connection that waits for work. */
  readonly #ended = function (this: Duplex): void {
    this.destroy();
  };

  constructor(to: DialTlsOptions) {
    super({ keepAlive: true });
    this.#to = to;
  }

  override createConnection(
    _options: ClientRequestArgs,
    done?: (error: Error | null, socket: Duplex) => void,
  ): Duplex {
    this.#dial().then((socket) => done?.(null, socket), (error) => done?.(error, undefined as unknown as Duplex));
    // Nothing returned means "by the callback, later"; the type doesn't know that.
    return undefined as unknown as Duplex;
  }

  async #dial(): Promise<Duplex> {
    if (this.#closed) throw closed();
    const socket = await dialTls(this.#to);
    if (this.#closed) {
      socket.destroy();
      throw closed();
    }
    this.#open.add(socket);
    // Set while the connection waits for work only; node's own option leaks a listener per request on Deno.
    socket.on("timeout", () => socket.destroy());
    socket.once("close", () => this.#open.delete(socket));
    return socket;
  }

  override keepSocketAlive(socket: Duplex): boolean {
    const keep = super.keepSocketAlive(socket as Socket) as unknown as boolean;
    // After node's, which switches it off.
    (socket as SecureConnection).setTimeout(keepMs);
    // Nobody reads it now; unread, the server's end would go unnoticed, and the next request would wait for an answer in vain.
    socket.on("end", this.#ended);
    socket.resume();
    return keep;
  }

  override reuseSocket(socket: Duplex, request: ClientRequest): void {
    (socket as SecureConnection).setTimeout(0);
    socket.off("end", this.#ended);
    super.reuseSocket(socket as Socket, request);
  }

  /** Cuts every connection, those being opened included. */
  close(): void {
    this.#closed = true;
    this.destroy();
    for (const socket of [...this.#open]) socket.destroy();
  }
}

function closed(): Error {
  return unavailable("The HTTPS client is closed");
}
