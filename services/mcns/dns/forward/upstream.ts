import type { Clock } from "@lib/clock/mod.ts";
import { parseAddress } from "@lib/tls/mod.ts";
import type { Message } from "../message.ts";
import { buildQuery, judge, type UpstreamQuery } from "./upstream_query.ts";
import type { Question } from "./upstream_reply.ts";

/** Failures in a row after which an upstream is set back: one or two are lost packets. */
const failuresToSetBack = 3;
/** How long it is set back, doubled with every further failure. */
const firstBackOffMs = 1000;
const maxBackOffMs = 60_000;

/** What an operator sees of an upstream. */
export interface UpstreamState {
  address: string;
  healthy: boolean;
  /** Since start. */
  failures: number;
}

export interface UpstreamOptions {
  /** "host:port" with an IP address: there is nobody to ask for a name. */
  address: string;
  /** "host:port" to send from; port 0 takes a random one for each query. */
  source: string;
  clock: Clock;
}

/** A resolver to ask, and how it has done lately. */
export class Upstream {
  readonly address: string;
  readonly #clock: Clock;
  readonly #peer: { hostname: string; port: number };
  readonly #source: { hostname: string; port: number };
  /** What is open now, to be closed at shutdown. */
  readonly #open = new Set<{ close(): void }>();
  #failuresInARow = 0;
  #failures = 0;
  #setBackUntil = 0;

  constructor({ address, source, clock }: UpstreamOptions) {
    this.address = address;
    this.#clock = clock;
    this.#peer = hostPort(address);
    this.#source = hostPort(source);
  }

  /** When it may be asked again, ms monotonic; in the past while it does well. */
  get setBackUntil(): number {
    return this.#setBackUntil;
  }

  get state(): UpstreamState {
    return {
      address: this.address,
      healthy: this.#failuresInARow < failuresToSetBack,
      failures: this.#failures,
    };
  }

  /**
   * Asks over UDP, and over TCP where the reply is truncated or lost the letter case. Null when no reply
   * came within `timeoutMs`; counts that as a failure. Never throws.
   */
  async ask(question: Question, timeoutMs: number): Promise<Message | null> {
    const deadline = this.#clock.monotonic() + timeoutMs;
    const query = buildQuery(question);
    let message: Message | null = null;
    try {
      const reply = await this.#askUdp(query, timeoutMs);
      if (reply === null || (reply !== "use_tcp" && !reply.truncated)) message = reply;
      else message = await this.#askTcp(query, Math.max(1, deadline - this.#clock.monotonic()));
    } catch {
      // Refused, reset, closed at the time-out: all the same to us, no answer.
    }
    this.#count(message !== null);
    return message;
  }

  /** Ends what is under way: it counts as unanswered. */
  close(): void {
    for (const one of this.#open) closeQuietly(one);
  }

  async #askUdp(query: UpstreamQuery, timeoutMs: number): Promise<Message | "use_tcp" | null> {
    const socket = Deno.listenDatagram({ ...this.#source, transport: "udp" });
    return await this.#within(socket, timeoutMs, async () => {
      await socket.send(query.packet, { ...this.#peer, transport: "udp" });
      const buffer = new Uint8Array(4096);
      // Whatever else comes in is somebody's guess; waiting goes on until the time is up.
      for (;;) {
        const [packet, from] = await socket.receive(buffer);
        if (from.transport !== "udp" || from.hostname !== this.#peer.hostname || from.port !== this.#peer.port) {
          continue;
        }
        const verdict = judge(query, packet);
        if (verdict.kind === "reply") return verdict.message;
        if (verdict.kind === "case_lost") return "use_tcp";
      }
    });
  }

  async #askTcp(query: UpstreamQuery, timeoutMs: number): Promise<Message | null> {
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
      return verdict === null || verdict.kind === "foreign" ? null : verdict.message;
    });
  }

  /** Runs `work` on something that is closed when the time is up, and in any case afterwards. */
  async #within<T>(resource: { close(): void }, timeoutMs: number, work: () => Promise<T>): Promise<T> {
    this.#open.add(resource);
    const timer = setTimeout(() => closeQuietly(resource), timeoutMs);
    try {
      return await work();
    } finally {
      clearTimeout(timer);
      this.#open.delete(resource);
      closeQuietly(resource);
    }
  }

  #count(answered: boolean): void {
    if (answered) {
      this.#failuresInARow = 0;
      this.#setBackUntil = 0;
      return;
    }
    this.#failures++;
    this.#failuresInARow++;
    const beyond = this.#failuresInARow - failuresToSetBack;
    if (beyond < 0) return;
    // 2 ** 6 seconds is past the maximum already.
    this.#setBackUntil = this.#clock.monotonic() + Math.min(firstBackOffMs * 2 ** Math.min(beyond, 6), maxBackOffMs);
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

function hostPort(text: string): { hostname: string; port: number } {
  const address = parseAddress(text);
  if (address.kind !== "tcp") throw new Error(`${text} is no host and port`);
  return { hostname: address.hostname, port: address.port };
}
