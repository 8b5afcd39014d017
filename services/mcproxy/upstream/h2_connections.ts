/**
 * HTTP/2 connections to one backend, each with many requests at once.
 * @module
 */
import { Http2ClientConnection } from "@lib/http2/mod.ts";
import type { Deadline, Deadlines } from "../stream/deadlines.ts";
import type { PooledStream } from "./pooled_stream.ts";

/** Streams on one connection, should the backend take more: so many can stall on the client's side without touching others. */
const maxStreams = 100;
/** Bytes of one response that may wait for its client. */
const streamWindowBytes = 128 * 1024;
/** Of all: no client that doesn't read takes the others' share, so it is the sum. */
const connectionWindowBytes = maxStreams * streamWindowBytes;
/** As for HTTP/1.1 backends. */
const maxHeaderListBytes = 64 * 1024;
/** A connection that was idle for this long must answer a PING before it gets a request, ms. */
const pingAfterMs = 5000;
/** It has this long, ms: a backend that is well answers at once. */
const pingMs = 1000;
/** An idle connection is kept for this long, ms. */
const idleMs = 60_000;
/** One that is ready only after all were to end is taken by those who wait for it at once, or not at all, ms. */
const closingMs = 1;
/** The exchange has its own deadlines, which are shorter; these are for connections that nobody has any more. */
const stalledMs = 600_000;

/** One connection. */
interface Link {
  readonly connection: Http2ClientConnection;
  readonly owner: string;
  /** Requests under way. */
  active: number;
  /** Requests so far. */
  served: number;
  idleSince: number;
  /** The PING that it has to answer, while it is on its way. */
  checking: Promise<void> | null;
  readonly deadline: Deadline;
}

/** A place for one stream, until `release`. */
export interface H2Place {
  readonly connection: Http2ClientConnection;
  readonly reused: boolean;
  release(): void;
}

/** All connections that may be opened are, and none takes another stream. */
export class PoolFull extends Error {
  override readonly name = "PoolFull";
}

export interface H2Options {
  /** Connections at once. */
  maxConnections: number;
  /** For a new connection's SETTINGS, ms. */
  settingsMs: number;
  deadlines: Deadlines;
  /** Monotonic ms. */
  now(): number;
}

/** See the module. */
export class H2Connections {
  readonly #options: H2Options;
  readonly #links = new Set<Link>();
  readonly #opening = new Map<string, Promise<void>>();
  #closed = false;

  constructor(options: H2Options) {
    this.#options = options;
  }

  /** Connections without a request. */
  get idle(): number {
    let idle = 0;
    for (const link of this.#links) if (link.active === 0) idle++;
    return idle;
  }

  /**
   * A place on the connection with the fewest requests, or on a new one.
   * @param owner whose requests the connection may carry (dial.ts)
   * @param open dials
   * @throws PoolFull; whatever `open` rejects with
   */
  async place(owner: string, open: () => Promise<PooledStream>): Promise<H2Place> {
    const { maxConnections } = this.#options;
    for (;;) {
      const link = this.#leastBusy(owner);
      if (link !== null) {
        if (!this.#isStale(link)) return this.#occupy(link);
        await this.#check(link);
        continue;
      }
      const opening = this.#opening.get(owner);
      const connections = this.#links.size + this.#opening.size;
      if (opening !== undefined) await opening;
      else if (connections < maxConnections || this.#makeRoom()) await this.#open(owner, open);
      else throw new PoolFull(`${connections} HTTP/2 connections are at their limits`);
    }
  }

  #leastBusy(owner: string): Link | null {
    let least: Link | null = null;
    for (const link of this.#links) {
      const { connection: { available, streams } } = link;
      // Who has a place may not have opened its stream yet: all that the backend takes are counted, not what is left.
      if (link.owner !== owner || available === 0 || link.active >= Math.min(maxStreams, available + streams)) continue;
      if (least === null || link.active < least.active) least = link;
    }
    return least;
  }

  /**
   * Ends the connection that has been idle longest. Where connections have owners, those of clients that have gone would
   * keep new ones out until they time out.
   */
  #makeRoom(): boolean {
    let longest: Link | null = null;
    for (const link of this.#links) {
      // One that served nobody is about to be used by whoever opened it.
      if (link.active > 0 || link.served === 0) continue;
      if (longest === null || link.idleSince < longest.idleSince) longest = link;
    }
    if (longest === null) return false;
    longest.connection.close();
    this.#forget(longest);
    return true;
  }

  #isStale({ active, served, idleSince }: Link): boolean {
    return active === 0 && served > 0 && this.#options.now() - idleSince > pingAfterMs;
  }

  #occupy(link: Link): H2Place {
    const reused = link.served > 0;
    link.active++;
    link.served++;
    link.deadline.clear();
    let released = false;
    return {
      connection: link.connection,
      reused,
      release: () => {
        if (released) return;
        released = true;
        if (--link.active > 0) return;
        if (this.#closed) return link.connection.close();
        link.idleSince = this.#options.now();
        link.deadline.set(idleMs);
      },
    };
  }

  /** Has the connection answer a PING, or ends it; one PING for all who wait. */
  #check(link: Link): Promise<void> {
    return link.checking ??= this.#ping(link).finally(() => link.checking = null);
  }

  async #ping(link: Link): Promise<void> {
    const { deadlines, now } = this.#options;
    const deadline = deadlines.open(() => link.connection.destroy());
    deadline.set(pingMs);
    try {
      await link.connection.ping();
      link.idleSince = now();
    } catch {
      link.connection.destroy();
      this.#forget(link);
    } finally {
      deadline.close();
    }
  }

  #open(owner: string, open: () => Promise<PooledStream>): Promise<void> {
    const opening = (async () => {
      try {
        await this.adopt(await open(), owner);
      } finally {
        this.#opening.delete(owner);
      }
    })();
    this.#opening.set(owner, opening);
    return opening;
  }

  /**
   * Takes a connection over and waits for its SETTINGS: until then nobody knows how many streams it takes, nor whether
   * the other side speaks HTTP/2 at all.
   * @throws Error when none come, and when there is no stream to be had
   */
  async adopt(stream: PooledStream, owner: string): Promise<void> {
    const { deadlines, settingsMs, now } = this.#options;
    const connection = new Http2ClientConnection(stream, {
      limits: {
        initialWindowBytes: streamWindowBytes,
        connectionWindowBytes,
        maxHeaderListBytes,
        stalledWindowMs: stalledMs,
        stalledTransportMs: stalledMs,
      },
    });
    const link: Link = {
      connection,
      owner,
      active: 0,
      served: 0,
      idleSince: now(),
      checking: null,
      deadline: deadlines.open(() => connection.close()),
    };
    const settled = Promise.withResolvers<void>();
    connection.onAvailable = () => {
      if (connection.settled) settled.resolve();
    };
    const deadline = deadlines.open(() => connection.destroy());
    deadline.set(settingsMs);
    void connection.run().then(() => {
      this.#forget(link);
      settled.reject(new Error(connection.error?.message ?? "the backend doesn't speak HTTP/2"));
    });
    try {
      await settled.promise;
    } finally {
      deadline.close();
    }
    connection.onAvailable = null;
    // It would be of no use, and the next one neither: whoever asks must not go on dialling.
    if (connection.available === 0) {
      connection.close();
      throw new Error("the backend takes no streams");
    }
    this.#links.add(link);
    // Closed meanwhile: for whoever waits for it, and nobody after that.
    link.deadline.set(this.#closed ? closingMs : idleMs);
  }

  #forget(link: Link): void {
    link.deadline.close();
    this.#links.delete(link);
  }

  /** Ends the connections; those with requests when these are done, and what requests that wait open when they are. */
  close(): void {
    this.#closed = true;
    for (const { connection } of this.#links) connection.close();
  }
}
