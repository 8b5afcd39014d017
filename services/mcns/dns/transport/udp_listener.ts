import { messageOf } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";

import { bindUdp } from "./bind_udp.ts";
import { ednsUdpOctets } from "../codes.ts";
import type { Counters } from "../counters.ts";
import type { Client, Responder } from "./responder.ts";

/** Loops on one socket: while one waits for its send, others receive. 4 to 32 measured alike, 1 at three quarters. */
const receiveLoops = 8;

/** Longest query taken in; what is longer arrives cut off and gets FORMERR. */
const receiveOctets = 4096;

/** Replies under way that wait for an upstream; a flood of them is dropped, as the network would. */
const maxWaiting = 2000;

/** At the end: nothing received for this long, at most so many times over, means that the socket's queue is empty. */
const quietMs = 20;
const maxQuietChecks = 10;

/** A timer that is late, on a busy machine, is seen before what has arrived: so many turns later that was looked at, too. */
const quietTurns = 3;

/** After an error on receive: the next one would follow at once. */
const errorPauseMs = 10;

export interface UdpListenerOptions {
  hostname: string;
  /** 0 for any free one. */
  port: number;
  answers: Responder;
  counters: Counters;
  log: Logger;
}

/** DNS over UDP on one address (RFC 1035 §4.2.1). */
export class UdpListener {
  readonly #socket: Deno.DatagramConn;
  readonly #answers: Responder;
  readonly #counters: Counters;
  readonly #log: Logger;
  readonly #loops: Promise<void>[];
  readonly #waiting = new Set<Promise<void>>();
  #received = 0;
  /** Of warnings, on `performance.now`. */
  #silentUntil = 0;
  #closed = false;

  /**
   * Binds and starts to answer. The address may be shared with a process that ends soon: the new one gets all
   * packets from here on, and none is lost (measured: 0 of 60,000). Throws Unavailable when it can't be bound.
   */
  constructor({ hostname, port, answers, counters, log }: UdpListenerOptions) {
    this.#socket = bindUdp(hostname, port);
    this.#answers = answers;
    this.#counters = counters;
    this.#log = log;
    this.#loops = Array.from({ length: receiveLoops }, () => this.#loop());
  }

  get port(): number {
    return (this.#socket.addr as Deno.NetAddr).port;
  }

  /** Answers what has arrived, then closes: after 20 ms where another process has taken over, else after 200 at most. */
  async close(): Promise<void> {
    for (let checks = 0, seen = -1; checks < maxQuietChecks && seen !== this.#received; checks++) {
      seen = this.#received;
      await pause(quietMs);
      for (let turn = 0; turn < quietTurns; turn++) await pause(0);
    }
    await Promise.allSettled(this.#waiting);
    this.#closed = true;
    this.#socket.close();
    await Promise.all(this.#loops);
  }

  /**
   * Receives, answers, sends. Few awaits and no needless objects: this and the two calls of the runtime are all that a
   * reply costs beside `answer`.
   */
  async #loop(): Promise<void> {
    const socket = this.#socket;
    const received = new Uint8Array(receiveOctets);
    const reply = new Uint8Array(ednsUdpOctets);
    /** The reply's first octets, by length: a view made anew per reply costs 5 % of all. */
    const replies = new Array<Uint8Array | undefined>(ednsUdpOctets + 1);
    while (!this.#closed) {
      let to: Deno.NetAddr;
      let length: number;
      try {
        const [packet, from] = await socket.receive(received);
        this.#received++;
        // The runtime's address is an object that is slow to read, and `send` reads it, too: what it says is taken out once,
        // or a reply costs 3 % more.
        const { hostname, port } = from as Deno.NetAddr;
        // Nothing can be sent to port 0, and the runtime throws when asked to.
        if (port === 0) continue;
        to = { transport: "udp", hostname, port };
        const client: Client = { address: hostname, port, transport: "udp" };
        const done = this.#answers.answer(packet, client, reply);
        if (typeof done !== "number") {
          if (done instanceof Promise) this.#sendLater(done, to);
          continue;
        }
        length = done;
      } catch (error) {
        if (this.#closed) return;
        this.#cannotReceive(error);
        await pause(errorPauseMs);
        continue;
      }
      if (length === 0) continue;
      try {
        await socket.send(replies[length] ??= reply.subarray(0, length), to);
      } catch {
        // A client outside dns.allow_clients (no grant), or no route back: it gets no answer, others do.
        this.#counters.unsendable++;
      }
    }
  }

  /** Eight loops fail a hundred times a second: once in 10 s is enough to notice. */
  #cannotReceive(error: unknown): void {
    const now = performance.now();
    if (now < this.#silentUntil) return;
    this.#silentUntil = now + 10_000;
    this.#log.warn("Cannot receive datagrams", { error: messageOf(error) });
  }

  #sendLater(reply: Promise<Uint8Array>, to: Deno.Addr): void {
    if (this.#waiting.size >= maxWaiting) {
      this.#counters.udpOverload++;
      return;
    }
    const sent = reply.then((octets) => this.#send(octets, to)).finally(() => this.#waiting.delete(sent));
    this.#waiting.add(sent);
  }

  /** Never rejects. */
  async #send(reply: Uint8Array, to: Deno.Addr): Promise<void> {
    if (reply.length === 0) return;
    try {
      await this.#socket.send(reply, to);
    } catch {
      this.#counters.unsendable++;
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
