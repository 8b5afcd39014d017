/**
 * One client over TCP or TLS. Each message has its length in two octets before it (RFC 1035 §4.2.2).
 *
 * Queries may follow each other without waiting (RFC 7766 §6.2.1.1):
 * - replies from our zones go out in the order of the queries, all those of one read in one write;
 * - replies that wait for an upstream go out when they are there and hold up no other (§6.2.1.1: out of order);
 * - zone transfers go out message by message, each when the one before has left.
 *
 * Back-pressure: nothing more is read while a write waits or 64 replies are still to come. Who doesn't take its replies
 * is closed: at once when more than a megabyte of them waits, else by the listener as idle.
 */
import type { Clock } from "@lib/clock/mod.ts";
import type { ByteConnection } from "@lib/tls/mod.ts";
import { headerOctets, maxMessageOctets } from "../codes.ts";
import type { Client, Responder } from "./responder.ts";

/** Replies to come, at most. */
const maxWaiting = 64;
/** Most queries are below 100 octets; a longer one makes the buffer grow to the largest message. */
const firstBufferOctets = 4096;
/** What may wait for a client that reads slowly, beside one message of a transfer. */
const maxQueuedOctets = 1024 * 1024;
/** Replies gathered before a write, at most, beside the one that goes over it; and what waits for a write is joined so far. */
const gatherOctets = 65_536;

/** On the way out: silent for so long, in ms, means that no query is on its way; a new client gets longer for its first. */
const quietMs = 200;
const firstQueryMs = 1000;
/** After our FIN: how long the client may take for its own, in ms. */
const lingerMs = 1000;

/** Replies are written here first, one after the other, without an await in between. */
const scratch = new Uint8Array(gatherOctets + 2 + maxMessageOctets);

export interface StreamConnectionOptions {
  /** Owned from here on. */
  stream: ByteConnection;
  client: Client;
  answers: Responder;
  clock: Clock;
}

export class StreamConnection {
  readonly #stream: ByteConnection;
  readonly #client: Client;
  readonly #answers: Responder;
  readonly #clock: Clock;
  /** Replies to come: promises and transfers. */
  readonly #waiting = new Set<Promise<void>>();
  /** Framed replies that wait for the write under way. */
  readonly #queue: Uint8Array[] = [];
  #queuedOctets = 0;
  #writing: Promise<void> | null = null;
  #queries = 0;
  #lastActive: number;
  /** When to end even a busy client, ms monotonic; Infinity: not asked to. */
  #endBy = Infinity;
  /** Our side has ended: what still comes gets no reply. */
  #ended = false;
  #closed = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor({ stream, client, answers, clock }: StreamConnectionOptions) {
    this.#stream = stream;
    this.#client = client;
    this.#answers = answers;
    this.#clock = clock;
    this.#lastActive = clock.monotonic();
  }

  /**
   * Whether nothing has moved since then (ms monotonic): no whole query came, no write was taken whole. Half a query is
   * no movement, so that octets can't be trickled in. A client that waits for a reply of ours is not idle.
   */
  idleSince(time: number): boolean {
    return this.#lastActive < time && (this.#waiting.size === 0 || this.#writing !== null);
  }

  /** Answers until the client is done, breaks the rules, or `close` is called. Never rejects. */
  async serve(): Promise<void> {
    try {
      await this.#serve();
      await Promise.all(this.#waiting);
      await this.#writing;
      await this.#stream.closeWrite();
    } catch {
      // Reset by the client, or closed by us: there is nobody left to tell.
    } finally {
      this.close();
    }
    await Promise.allSettled(this.#waiting);
  }

  /**
   * Ends the connection without losing a query, as far as TCP allows: serves on until the client is silent, for at
   * most `busyMs`, then sends FIN behind the last reply (RFC 7766 §6.2.3: the server may close at any time).
   */
  finish(busyMs: number): void {
    if (this.#endBy !== Infinity) return;
    this.#endBy = this.#clock.monotonic() + busyMs;
    this.#endWhenQuiet();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#stream.close();
  }

  #endWhenQuiet(): void {
    if (this.#closed || this.#ended) return;
    const silentMs = this.#clock.monotonic() - this.#lastActive;
    const leftMs = (this.#queries === 0 ? firstQueryMs : quietMs) - silentMs;
    if (leftMs <= 0 && this.#isAnswered) this.#end();
    else this.#timer = setTimeout(() => this.#endWhenQuiet(), leftMs > 0 ? leftMs : quietMs);
  }

  /** All queries that came whole have their replies on the wire. */
  get #isAnswered(): boolean {
    return this.#waiting.size === 0 && this.#writing === null;
  }

  #end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.close(), lingerMs);
    this.#stream.closeWrite().catch(() => this.close());
  }

  async #serve(): Promise<void> {
    let buffer = new Uint8Array(firstBufferOctets);
    let filled = 0;
    for (;;) {
      const read = await this.#stream.read(filled === 0 ? buffer : buffer.subarray(filled));
      if (read === null) return;
      // Read off all the same: closing over unread octets would reset the connection and take our last reply with it.
      if (this.#ended) continue;
      filled += read;
      const now = this.#clock.monotonic();
      const taken = await this.#take(buffer.subarray(0, filled), now);
      if (taken === null) return;
      // Only when something was taken: octets that trickle in are not moved again and again.
      if (taken > 0) buffer.copyWithin(0, taken, filled);
      filled -= taken;
      const needed = filled < 2 ? 0 : 2 + (buffer[0]! << 8 | buffer[1]!);
      if (needed > buffer.length) buffer = grown(buffer, filled);
      if (now >= this.#endBy && this.#isAnswered) this.#end();
    }
  }

  /** Answers the whole messages in what has been read. @returns their octets, or null for what is no DNS client */
  async #take(octets: Uint8Array, now: number): Promise<number | null> {
    let at = 0;
    let gathered = 0;
    while (octets.length - at >= 2 && !this.#closed) {
      const length = octets[at]! << 8 | octets[at + 1]!;
      if (length < headerOctets) return null;
      if (octets.length - at - 2 < length) break;
      this.#lastActive = now;
      gathered += this.#answer(octets.subarray(at + 2, at + 2 + length), gathered);
      at += 2 + length;
      const isFull = this.#waiting.size >= maxWaiting;
      // The scratch is everybody's: what is in it leaves before anything is awaited.
      if (gathered > 0 && (gathered >= gatherOctets || isFull)) {
        await this.#write(scratch.slice(0, gathered));
        gathered = 0;
      }
      while (this.#waiting.size >= maxWaiting) await Promise.race(this.#waiting);
    }
    if (gathered > 0) await this.#write(scratch.slice(0, gathered));
    return at;
  }

  /** Writes the framed reply at that place of the scratch. @returns its octets, 0 for none or when it follows by itself */
  #answer(packet: Uint8Array, at: number): number {
    this.#queries++;
    const reply = this.#answers.answer(packet, this.#client, scratch.subarray(at + 2));
    if (typeof reply !== "number") {
      this.#follow(reply instanceof Promise ? this.#sendLater(reply) : this.#transfer(reply));
      return 0;
    }
    if (reply === 0) return 0;
    scratch[at] = reply >> 8;
    scratch[at + 1] = reply;
    return 2 + reply;
  }

  /** Counts a reply as to come until it has left, or can't. */
  #follow(reply: Promise<void>): void {
    const left = reply.then(undefined, () => this.close()).finally(() => this.#waiting.delete(left));
    this.#waiting.add(left);
  }

  async #sendLater(reply: Promise<Uint8Array>): Promise<void> {
    const message = await reply;
    if (message.length === 0) return;
    if (this.#queuedOctets > maxQueuedOctets) return this.close();
    await this.#write(framed(message));
  }

  async #transfer(messages: AsyncIterable<Uint8Array>): Promise<void> {
    // Left early, by a failing write, the loop ends the transfer at its source.
    for await (const message of messages) {
      // Several transfers at once take turns.
      while (this.#writing !== null) await this.#writing;
      await this.#write(framed(message));
    }
  }

  /** Resolves when it and all before it has left; rejects when the connection is gone. */
  #write(octets: Uint8Array): Promise<void> {
    this.#queue.push(octets);
    this.#queuedOctets += octets.length;
    return this.#writing ??= this.#writeQueue();
  }

  async #writeQueue(): Promise<void> {
    try {
      while (this.#queue.length > 0) {
        const octets = takeJoined(this.#queue);
        this.#queuedOctets -= octets.length;
        for (let at = 0; at < octets.length;) at += await this.#stream.write(at === 0 ? octets : octets.subarray(at));
        this.#lastActive = this.#clock.monotonic();
      }
    } finally {
      this.#writing = null;
    }
  }
}

function framed(message: Uint8Array): Uint8Array {
  const frame = new Uint8Array(2 + message.length);
  frame[0] = message.length >> 8;
  frame[1] = message.length;
  frame.set(message, 2);
  return frame;
}

/** Takes the first parts off a queue, in one buffer of at most `gatherOctets`, or the first part alone. */
function takeJoined(queue: Uint8Array[]): Uint8Array {
  let count = 1;
  let octets = queue[0]!.length;
  while (count < queue.length && octets + queue[count]!.length <= gatherOctets) octets += queue[count++]!.length;
  const parts = queue.splice(0, count);
  if (count === 1) return parts[0]!;
  const joined = new Uint8Array(octets);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

function grown(buffer: Uint8Array<ArrayBuffer>, filled: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(2 + maxMessageOctets);
  larger.set(buffer.subarray(0, filled));
  return larger;
}
