import type { Clock } from "@lib/clock/mod.ts";
import { rcodes } from "../codes.ts";
import type { Message } from "../message.ts";
import type { Channel, ChannelQuery } from "./channel.ts";
import { UpstreamCookie } from "./upstream_cookie.ts";
import { buildQuery, judge, type UpstreamQuery } from "./upstream_query.ts";

/** Queries under way at once, each with a socket of its own: of 1,024 that a process may have open, the rest is for clients. */
const maxOpen = 256;

/** After so many replies that aren't to the query, all to its own port, somebody is guessing: TCP can't be guessed. */
const maxForeign = 16;

/** Longer replies than we ask for are none. */
const maxUdpOctets = 4096;

export interface PlainChannelOptions {
  peer: { hostname: string; port: number };
  /** Where queries leave from; port 0 takes a random one for each. */
  source: { hostname: string; port: number };
  /** Whether to send cookies (RFC 7873). */
  cookies: boolean;
  clock: Clock;
}

/** Over UDP, each query from a port of its own, and over TCP where the reply is truncated or lost the letter case. */
export class PlainChannel implements Channel {
  readonly #peer: { hostname: string; port: number };
  readonly #source: { hostname: string; port: number };
  readonly #cookie: UpstreamCookie | null;
  readonly #clock: Clock;
  /** What is open now, to be closed at shutdown. */
  readonly #open = new Set<{ close(): void }>();

  constructor({ peer, source, cookies, clock }: PlainChannelOptions) {
    this.#peer = peer;
    this.#source = source;
    this.#cookie = cookies ? new UpstreamCookie() : null;
    this.#clock = clock;
  }

  get isBusy(): boolean {
    return this.#open.size >= maxOpen;
  }

  async ask({ question, edns }: ChannelQuery, timeoutMs: number): Promise<Message | null> {
    const deadline = performance.now() + timeoutMs;
    const leftMs = () => Math.max(1, deadline - performance.now());
    for (let attempt = 0;; attempt++) {
      const cookie = edns ? this.#cookie?.option(this.#clock.monotonic()) ?? null : null;
      const query = buildQuery(question, { edns, cookie });
      const reply = await this.#askUdp(query, cookie !== null, leftMs());
      if (reply === null) return null;
      // RFC 7873 §5.3: once more with the cookie that came along, then over TCP, where none is needed.
      if (reply !== "use_tcp" && reply.rcode === rcodes.BADCOOKIE && attempt === 0) continue;
      if (reply !== "use_tcp" && !reply.truncated && reply.rcode !== rcodes.BADCOOKIE) return reply;
      return await this.#askTcp(query, cookie !== null, leftMs());
    }
  }

  onPlainOnly(): void {
    this.#cookie?.suspend(this.#clock.monotonic());
  }

  /** Ends what is under way: it counts as unanswered. */
  close(): Promise<void> {
    for (const one of this.#open) closeQuietly(one);
    return Promise.resolve();
  }

  async #askUdp(query: UpstreamQuery, hasCookie: boolean, timeoutMs: number): Promise<Message | "use_tcp" | null> {
    const socket = Deno.listenDatagram({ ...this.#source, transport: "udp" });
    return await this.#within(socket, timeoutMs, async () => {
      await socket.send(query.packet, { ...this.#peer, transport: "udp" });
      const buffer = new Uint8Array(maxUdpOctets);
      for (let foreign = 0; foreign < maxForeign;) {
        const [packet, from] = await socket.receive(buffer);
        if (from.transport !== "udp" || from.hostname !== this.#peer.hostname || from.port !== this.#peer.port) {
          continue;
        }
        const verdict = judge(query, packet);
        if (verdict.kind === "case_lost") return "use_tcp";
        if (verdict.kind === "reply" && (!hasCookie || this.#cookie!.accepts(verdict.message, false))) {
          return verdict.message;
        }
        foreign++;
      }
      return "use_tcp";
    });
  }

  async #askTcp(query: UpstreamQuery, hasCookie: boolean, timeoutMs: number): Promise<Message | null> {
    const connecting = new AbortController();
    let connection: Deno.TcpConn | undefined;
    const close = () => {
      connecting.abort();
      connection?.close();
    };
    return await this.#within({ close }, timeoutMs, async () => {
      connection = await Deno.connect({ ...this.#peer, signal: connecting.signal });
      // The time was up in the very turn that connected.
      if (connecting.signal.aborted) return null;
      const framed = new Uint8Array(2 + query.packet.length);
      new DataView(framed.buffer).setUint16(0, query.packet.length);
      framed.set(query.packet, 2);
      for (let sent = 0; sent < framed.length;) sent += await connection.write(framed.subarray(sent));
      const prefix = await readFully(connection, 2);
      const packet = prefix === null ? null : await readFully(connection, prefix[0]! << 8 | prefix[1]!);
      const verdict = packet === null ? null : judge(query, packet);
      // Over TCP nobody can slip in a reply: lost letter case is only an upstream that folds it.
      if (verdict === null || verdict.kind === "foreign") return null;
      return !hasCookie || this.#cookie!.accepts(verdict.message, true) ? verdict.message : null;
    });
  }

  /** Runs `work` on something that is closed when the time is up, and in any case afterwards; null when closing ended it. */
  async #within<T>(resource: { close(): void }, timeoutMs: number, work: () => Promise<T>): Promise<T | null> {
    this.#open.add(resource);
    let isOver = false;
    const timer = setTimeout(() => {
      isOver = true;
      closeQuietly(resource);
    }, timeoutMs);
    try {
      return await work();
    } catch (error) {
      // Closed under it: no reply. Anything else (refused, unreachable) has a reason worth telling.
      if (isOver || error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) return null;
      throw error;
    } finally {
      clearTimeout(timer);
      this.#open.delete(resource);
      closeQuietly(resource);
    }
  }
}

async function readFully(connection: Deno.Conn, length: number): Promise<Uint8Array | null> {
  const octets = new Uint8Array(length);
  for (let filled = 0; filled < length;) {
    const read = await connection.read(octets.subarray(filled));
    if (read === null) return null;
    filled += read;
  }
  return octets;
}

function closeQuietly(resource: { close(): void }): void {
  try {
    resource.close();
  } catch {
    // Closed already.
  }
}
