/**
 * One TCP client. Each message has its length in two octets before it (RFC 1035 §4.2.2).
 *
 * Queries may follow each other without waiting (RFC 7766 §6.2.1.1). Replies from our zones go out in the order of the
 * queries, all those of one read in one write; replies that wait for an upstream go out when they are there.
 * Back-pressure: nothing more is read while a write waits or 64 replies wait for upstreams.
 */
import type { Clock } from "@lib/clock/mod.ts";
import { type Answers, type Client, maxMessageOctets } from "../answer.ts";
import { headerOctets } from "../codes.ts";

const maxWaiting = 64;
/** Most queries are below 100 octets; a longer one makes the buffer grow to the largest message. */
const firstBufferOctets = 4096;
/** Replies gathered before a write, at most, beside the one that goes over it. */
const gatherOctets = 65_536;

/** Replies are written here first, one after the other, without an await in between. */
const scratch = new Uint8Array(maxMessageOctets);

export class TcpConnection {
  readonly #connection: Deno.TcpConn;
  readonly #client: Client;
  readonly #answers: Answers;
  readonly #clock: Clock;
  readonly #waiting = new Set<Promise<void>>();
  #writes: Promise<void> = Promise.resolve();
  #finishing = false;
  #closed = false;
  #lastActive: number;

  constructor(connection: Deno.TcpConn, client: Client, answers: Answers, clock: Clock) {
    this.#connection = connection;
    this.#client = client;
    this.#answers = answers;
    this.#clock = clock;
    this.#lastActive = clock.monotonic();
  }

  /** When the last whole query came or reply went, ms monotonic. Half a query is no activity. */
  get lastActive(): number {
    return this.#lastActive;
  }

  /** Answers until the client is done, breaks the rules, or `close` is called. Never rejects. */
  async serve(): Promise<void> {
    try {
      await this.#serve();
      await Promise.all(this.#waiting);
      await this.#writes;
    } catch {
      // Reset by the client, or closed by us: there is nobody left to tell.
    } finally {
      this.close();
    }
    await Promise.allSettled(this.#waiting);
  }

  /** Closes once the replies under way are out. */
  finish(): void {
    this.#finishing = true;
    Promise.all(this.#waiting).then(() => this.#writes).then(() => this.close(), () => this.close());
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#connection.close();
  }

  async #serve(): Promise<void> {
    let buffer = new Uint8Array(firstBufferOctets);
    let filled = 0;
    while (!this.#finishing) {
      const read = await this.#connection.read(buffer.subarray(filled));
      if (read === null) return;
      filled += read;
      let at = 0;
      const gathered: Uint8Array[] = [];
      let octets = 0;
      while (filled - at >= 2) {
        const length = buffer[at]! << 8 | buffer[at + 1]!;
        // No DNS message is that short: not a DNS client.
        if (length < headerOctets) return;
        if (filled - at - 2 < length) {
          if (length + 2 > buffer.length) buffer = grown(buffer, filled);
          break;
        }
        const reply = this.#reply(buffer.subarray(at + 2, at + 2 + length));
        at += 2 + length;
        if (reply !== null) {
          gathered.push(reply);
          octets += reply.length;
        }
        if (octets >= gatherOctets) {
          await this.#write(join(gathered.splice(0), octets));
          octets = 0;
        }
        while (this.#waiting.size >= maxWaiting) await Promise.race(this.#waiting);
      }
      if (octets > 0) await this.#write(join(gathered, octets));
      buffer.copyWithin(0, at, filled);
      filled -= at;
    }
  }

  /** The framed reply; null when there is none, or when it follows by itself. */
  #reply(packet: Uint8Array): Uint8Array | null {
    this.#lastActive = this.#clock.monotonic();
    const done = this.#answers.answer(packet, this.#client, scratch);
    if (typeof done === "number") return done === 0 ? null : framed(scratch.subarray(0, done));
    const sent = done.then((reply) => reply.length > 0 ? this.#write(framed(reply)) : undefined).finally(() =>
      this.#waiting.delete(sent)
    );
    // A failing write shows in #writes; here it must only not count as unhandled.
    sent.catch(() => {});
    this.#waiting.add(sent);
    return null;
  }

  /** One write after the other; rejects when the connection is gone. */
  #write(octets: Uint8Array): Promise<void> {
    const written = this.#writes.then(async () => {
      for (let at = 0; at < octets.length;) at += await this.#connection.write(octets.subarray(at));
      this.#lastActive = this.#clock.monotonic();
    });
    written.catch(() => {});
    this.#writes = written;
    return written;
  }
}

function framed(message: Uint8Array): Uint8Array {
  const frame = new Uint8Array(2 + message.length);
  frame[0] = message.length >> 8;
  frame[1] = message.length;
  frame.set(message, 2);
  return frame;
}

function join(parts: readonly Uint8Array[], octets: number): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const all = new Uint8Array(octets);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function grown(buffer: Uint8Array<ArrayBuffer>, filled: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(2 + maxMessageOctets);
  larger.set(buffer.subarray(0, filled));
  return larger;
}
