/**
 * One client connection that speaks HTTP/1.1: request after request, until
 * either side has enough.
 * @module
 */
import { Exchange } from "../relay/exchange.ts";
import type { ExchangeContext } from "../relay/exchange_context.ts";
import { HttpFault } from "../relay/fault.ts";
import type { ExchangeLimits } from "../relay/limits.ts";
import type { ByteStream } from "../stream/byte_stream.ts";
import type { Deadline } from "../stream/deadlines.ts";
import { H1Client } from "./client_side.ts";
import { type Head, readHead } from "./head.ts";
import { page } from "./pages.ts";
import { parseRequest, type Request } from "./request.ts";

/** Limits of a connection; times in ms. */
export interface HttpLimits extends ExchangeLimits {
  head: { maxBytes: number; maxFields: number };
  /** From a request's first byte to the end of its head. */
  headMs: number;
  /** Between requests. */
  keepAliveMs: number;
}

export interface SessionOptions extends ExchangeContext {
  client: ByteStream & { onEnded: (() => void) | null };
  limits: HttpLimits;
}

/** A client that has closed its sending side may still take the answer; this long we believe it, ms. */
const halfClosedMs = 5000;
/** After our last byte, the client has this long to take it and close (RFC 9112 §9.6), ms. */
const lingerMs = 2000;
/** And may send this much more meanwhile, bytes. */
const lingerBytes = 256 * 1024;
/**
 * While draining, an open connection still gets one request answered, if it comes within this, ms: it may be on its way,
 * and a client that had no answer can't tell whether to repeat it.
 */
const lastRequestMs = 1000;

/** See the module. */
export class Session {
  readonly #options: SessionOptions;
  readonly #deadline: Deadline;
  readonly #gone: Deadline;
  #draining = false;
  /** We have said that we close, though a wait for a head goes on: what comes now isn't served. */
  #leaving = false;
  #phase: "idle" | "head" | "exchange" | "closing" = "idle";
  #exchange: Exchange | null = null;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#deadline = options.deadlines.open(() => this.#expired());
    this.#gone = options.deadlines.open(() => options.client.destroy());
    options.client.onEnded = () => this.#clientEnded();
  }

  /** The client has ended its sending side or is gone. */
  #clientEnded(): void {
    if (this.#exchange === null) return;
    if (this.#options.client.closed) this.#exchange.abandon();
    else if (!this.#exchange.isTunnel) this.#gone.set(halfClosedMs);
  }

  /** Serves until the connection is done; never rejects. The connection is closed then. */
  async run(): Promise<void> {
    const { client, log } = this.#options;
    try {
      while (await this.#next());
      await this.#linger();
    } catch (error) {
      if (!client.closed) log.error("Session failed", { hostname: this.#options.hostname, error });
    } finally {
      this.#deadline.close();
      this.#gone.close();
      client.destroy();
      this.#options.moved();
    }
  }

  /** The next response says that it is the last; a connection that waits for a request has a moment for that. */
  drain(): void {
    this.#draining = true;
    if (this.#phase === "idle") this.#deadline.set(lastRequestMs);
  }

  /** @returns false when the connection is to be closed */
  async #next(): Promise<boolean> {
    const { client, limits, hostname } = this.#options;
    this.#phase = "idle";
    this.#deadline.set(this.#draining ? lastRequestMs : limits.keepAliveMs);
    let head: Head | null;
    let request: Request;
    try {
      head = await readHead(client, limits.head, () => {
        if (this.#leaving) return;
        this.#phase = "head";
        this.#deadline.set(limits.headMs);
      });
      if (head === null || this.#leaving) return false;
      request = parseRequest(head, hostname);
    } catch (error) {
      if (client.closed || this.#leaving || !(error instanceof HttpFault)) return false;
      return await this.#refuse(error);
    } finally {
      if (!this.#leaving) this.#deadline.clear();
    }
    this.#phase = "exchange";
    const asked = new H1Client({
      stream: client,
      request,
      draining: () => this.#draining,
      date: this.#options.date,
    });
    this.#exchange = new Exchange(this.#options, asked);
    try {
      await this.#exchange.run();
      return asked.keepsOpen;
    } finally {
      this.#exchange = null;
      this.#gone.clear();
      this.#options.moved();
    }
  }

  async #refuse(fault: HttpFault): Promise<false> {
    this.#phase = "closing";
    this.#deadline.set(lingerMs);
    this.#options.observer?.refused(fault.status);
    await this.#options.client.write(
      page(fault.status, fault.reason, { close: true, head: false, date: this.#options.date() }),
    );
    return false;
  }

  #expired(): void {
    if (this.#phase === "idle") void this.#leave(null);
    else if (this.#phase === "head") void this.#leave(new HttpFault(408, "the request's head took too long"));
    else this.#options.client.destroy();
  }

  /** Ends the connection while `run` still waits for a head; that wait then fails on the closed stream. */
  async #leave(fault: HttpFault | null): Promise<void> {
    this.#leaving = true;
    this.#phase = "closing";
    this.#deadline.set(lingerMs);
    try {
      if (fault !== null) await this.#refuse(fault);
      await this.#options.client.endWrite();
    } catch {
      // Gone already.
    }
    this.#options.client.destroy();
  }

  /** RFC 9112 §9.6: ends our side, then takes what still comes, so that a reset doesn't overtake the last response. */
  async #linger(): Promise<void> {
    const { client } = this.#options;
    this.#phase = "closing";
    this.#deadline.set(lingerMs);
    await client.endWrite();
    for (let left = lingerBytes; left > 0 && !client.closed;) {
      const bytes = await client.read();
      if (bytes === null) return;
      left -= bytes.length;
    }
  }
}
