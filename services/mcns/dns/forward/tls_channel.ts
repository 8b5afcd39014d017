import { unavailable } from "@lib/errors/mod.ts";
import { dialTls, type SecureConnection } from "@lib/tls/mod.ts";
import { maxMessageOctets } from "../codes.ts";
import type { Message } from "../message.ts";
import type { Channel, ChannelQuery } from "./channel.ts";
import { buildQuery, judge, type UpstreamQuery } from "./upstream_query.ts";

/** Queries under way at once on the connection. */
const maxOpen = 1000;

/** RFC 8467 §4.1: queries are a multiple of so many octets. */
const paddingBlock = 128;

/** A connection without a query is closed after this time: servers keep theirs for 10 to 30 s (RFC 7766 §6.2.3). */
const idleMs = 8000;

export interface TlsChannelOptions {
  peer: { hostname: string; port: number };
  /** The name that its certificate must carry. */
  serverName: string;
  /** Trust anchors, PEM. */
  ca: string;
  /** Default 8 s. */
  idleMs?: number;
}

interface Pending {
  readonly query: UpstreamQuery;
  readonly resolve: (message: Message | null) => void;
}

/**
 * DNS over TLS (RFC 7858), strict: the certificate is verified, and there is no falling back to plain DNS. One connection,
 * on which queries follow each other without waiting and replies come in any order (RFC 7766 §6.2.1.1).
 */
export class TlsChannel implements Channel {
  readonly #options: TlsChannelOptions;
  #connection: Promise<Pipeline> | null = null;
  readonly #closing = new Set<Promise<void>>();
  #waiting = 0;
  #closed = false;

  constructor(options: TlsChannelOptions) {
    this.#options = options;
  }

  get isBusy(): boolean {
    return this.#waiting >= maxOpen;
  }

  async ask({ question, edns }: ChannelQuery, timeoutMs: number): Promise<Message | null> {
    const deadline = performance.now() + timeoutMs;
    this.#waiting++;
    try {
      for (;;) {
        const leftMs = deadline - performance.now();
        if (this.#closed || leftMs <= 0) return null;
        const reused = this.#connection !== null;
        const connection = this.#connected(leftMs);
        const reply = await (await connection).ask(() => buildQuery(question, { edns, paddingBlock }), deadline);
        // The server closed a connection that was idle for too long, at the very moment: not its failure.
        if (reply !== "closed") return reply;
        if (this.#connection === connection) this.#connection = null;
        if (!reused) throw unavailable(`The upstream closed the connection without a reply`);
      }
    } finally {
      this.#waiting--;
    }
  }

  /** TLS stays TLS; there are no cookies to give up. */
  onPlainOnly(): void {}

  async close(): Promise<void> {
    this.#closed = true;
    const pipeline = await this.#connection?.catch(() => null);
    pipeline?.close();
    await Promise.all(this.#closing);
  }

  /** The open connection, or a new one that all who wait share. */
  #connected(timeoutMs: number): Promise<Pipeline> {
    if (this.#connection !== null) return this.#connection;
    const { peer, serverName, ca } = this.#options;
    const opening = dialTls({ ...peer, serverName, ca, alpn: ["dot"], timeoutMs }).then((connection) => {
      const pipeline = new Pipeline(connection, this.#options.idleMs ?? idleMs);
      const closed = pipeline.closed.then(() => {
        this.#closing.delete(closed);
        if (this.#connection === opening) this.#connection = null;
      });
      this.#closing.add(closed);
      if (this.#closed) pipeline.close();
      return pipeline;
    });
    this.#connection = opening;
    opening.catch(() => {
      if (this.#connection === opening) this.#connection = null;
    });
    return opening;
  }
}

/** Queries and replies on one connection. */
class Pipeline {
  readonly closed: Promise<void>;
  readonly #connection: SecureConnection;
  readonly #idleMs: number;
  readonly #pending = new Map<number, Pending>();
  /** Told that the connection is gone. */
  readonly #onClose = new Set<() => void>();
  #idleTimer: ReturnType<typeof setTimeout> | undefined;
  #received = new Uint8Array(0);
  /** Of the last octet received, ms of performance.now(). */
  #heardAt = 0;

  constructor(connection: SecureConnection, idleMs: number) {
    this.#connection = connection;
    this.#idleMs = idleMs;
    this.closed = new Promise((resolve) =>
      connection.once("close", () => {
        clearTimeout(this.#idleTimer);
        for (const tell of this.#onClose) tell();
        resolve();
      })
    );
    connection.on("data", (chunk: Uint8Array) => this.#take(chunk));
    // What went wrong shows as the close that follows.
    connection.on("error", () => {});
    connection.on("end", () => connection.destroy());
  }

  /** Null at the deadline (ms of performance.now()); "closed" when the connection ended before the reply. */
  async ask(build: () => UpstreamQuery, deadline: number): Promise<Message | null | "closed"> {
    if (this.#connection.destroyed) return "closed";
    let query = build();
    while (this.#pending.has(query.id)) query = build();
    clearTimeout(this.#idleTimer);
    const sentAt = performance.now();
    const { promise, resolve } = Promise.withResolvers<Message | null | "closed">();
    const timer = setTimeout(() => resolve(null), Math.max(1, deadline - sentAt));
    const closed = () => resolve("closed");
    this.#onClose.add(closed);
    this.#pending.set(query.id, { query, resolve });
    const framed = new Uint8Array(2 + query.packet.length);
    new DataView(framed.buffer).setUint16(0, query.packet.length);
    framed.set(query.packet, 2);
    this.#connection.write(framed);
    const reply = await promise;
    clearTimeout(timer);
    this.#onClose.delete(closed);
    this.#pending.delete(query.id);
    // Nothing at all since: the path is dead (a NAT forgot us), and the next query should dial anew.
    if (reply === null && this.#heardAt < sentAt) this.close();
    else if (this.#pending.size === 0 && !this.#connection.destroyed) {
      this.#idleTimer = setTimeout(() => this.close(), this.#idleMs);
    }
    return reply;
  }

  close(): void {
    this.#connection.destroy();
  }

  #take(chunk: Uint8Array): void {
    this.#heardAt = performance.now();
    let received = new Uint8Array(this.#received.length + chunk.length);
    received.set(this.#received);
    received.set(chunk, this.#received.length);
    while (received.length >= 2) {
      const end = 2 + (received[0]! << 8 | received[1]!);
      if (received.length < end) break;
      this.#deliver(received.slice(2, end));
      received = received.slice(end);
    }
    // At most one message is waited for: its length has 16 bits.
    this.#received = received.length <= 2 + maxMessageOctets ? received : new Uint8Array(0);
  }

  #deliver(packet: Uint8Array): void {
    if (packet.length < 2) return;
    const pending = this.#pending.get(packet[0]! << 8 | packet[1]!);
    if (pending === undefined) return;
    const verdict = judge(pending.query, packet);
    // Nobody can slip in a reply: lost letter case is only an upstream that folds it.
    if (verdict.kind !== "foreign") pending.resolve(verdict.message);
  }
}
