/**
 * From a packet to its reply: what all listeners call.
 *
 * Reading, looking up and writing happen in one go without waiting, in objects that are reused for the next packet. Only
 * what an upstream has to be asked for, and what `SpecialMessages` handles, waits, with copies of its own.
 */
import type { Logger } from "@lib/log/mod.ts";
import type { ZoneDirectory } from "../domain/zone_directory.ts";
import type { ClientNetworks } from "./client_networks.ts";
import { ClientTable } from "./client_table.ts";
import { headerOctets, maxMessageOctets, opcodes, rcodes, types } from "./codes.ts";
import { cookieStates } from "./cookies.ts";
import type { Exchange } from "./exchange.ts";
import type { Question } from "./forward/upstream_reply.ts";
import { Query, readQuery } from "./query.ts";
import type { QueryObserver } from "./query_log.ts";
import { type RateLimit, verdicts } from "./rate_limit.ts";
import { type ComposerOptions, ReplyComposer } from "./reply_composer.ts";
import type { SpecialMessages } from "./special_messages.ts";
import type { Client, Reply, Responder } from "./transport/responder.ts";

export interface AnswersOptions extends ComposerOptions {
  /** The zones that a client sees. */
  views: { directoryFor(address: string): ZoneDirectory };
  /** Whose names of other zones are forwarded. They are known: limits against forged senders don't hold for them. */
  forwardFor: ClientNetworks;
  /** Transfers, NOTIFY, UPDATE and TSIG; null: REFUSED, NOTIMP, TSIG ignored. */
  special?: SpecialMessages | null;
  /** Null: no limit. */
  rateLimit?: RateLimit | null;
  /**
   * How many times as long as its query a reply over UDP may be to a client without a valid cookie that isn't in
   * `forwardFor`; 0 for no limit. Beyond it the client gets a cookie to ask again with if it uses them, else is sent to TCP.
   */
  amplificationLimit?: number;
  log: Logger;
}

/** Answers queries from the zones in memory, or with what upstreams say. */
export class Answers implements Responder {
  readonly #options: AnswersOptions;
  readonly #special: SpecialMessages | null;
  readonly #rateLimit: RateLimit | null;
  readonly #amplificationLimit: number;
  readonly #clients: ClientTable;
  readonly #composer: ReplyComposer;
  readonly #query = new Query();
  /** For replies that had to wait. */
  readonly #scratch = new Uint8Array(maxMessageOctets);
  /** Told of queries and their replies; null for none. */
  observer: QueryObserver | null = null;

  constructor(options: AnswersOptions) {
    this.#options = options;
    this.#special = options.special ?? null;
    this.#rateLimit = options.rateLimit ?? null;
    this.#amplificationLimit = options.amplificationLimit ?? 0;
    this.#clients = new ClientTable(options.forwardFor);
    this.#composer = new ReplyComposer(options);
  }

  /**
   * Writes the reply into `out` and returns its length, 0 for none; or, when an upstream has to be asked, promises it
   * in a buffer of its own (empty for none); or gives the messages of a zone transfer. Never throws or rejects. `packet` is
   * not needed after the call.
   * @param out at least 65,535 octets, over UDP 1,232
   */
  answer(packet: Uint8Array, client: Client, out: Uint8Array): Reply {
    const { counters } = this.#options;
    counters.received(client.transport);
    const startedAt = this.observer !== null && this.observer.wants() ? performance.now() : -1;
    try {
      const query = readQuery(packet, this.#query);
      if (query === null) {
        counters.malformed++;
        return 0;
      }
      if (this.#special !== null && isSpecial(query)) {
        const reply = this.#handSpecial(this.#special, packet, client);
        if (reply !== null) return reply;
      }
      return this.#plain(query, client, out, startedAt);
    } catch (error) {
      return this.#defect(error);
    }
  }

  #plain(query: Query, client: Client, out: Uint8Array, startedAt: number): number | Promise<Uint8Array> {
    const exchange = this.#begin(query, client);
    const done = this.#composer.compose(exchange, out);
    if (typeof done !== "number") {
      return this.#askFirst(query, client, done, startedAt).catch((error) => new Uint8Array(this.#defect(error)));
    }
    return this.#end(exchange, done, out, startedAt);
  }

  /** No reply to this one; the next packet is answered all the same. */
  #defect(error: unknown): 0 {
    this.#options.log.error("cannot answer a query", { error });
    return 0;
  }

  #handSpecial(special: SpecialMessages, packet: Uint8Array, client: Client): Exclude<Reply, number> | null {
    const own = packet.slice();
    const reply = special.handle(own, readQuery(own)!, client, (inner) => this.#plainReply(inner, client));
    return reply instanceof Promise ? reply.catch((error) => new Uint8Array(this.#defect(error))) : reply;
  }

  /** The reply to a query that was signed, as if it had come without a signature. */
  async #plainReply(packet: Uint8Array, client: Client): Promise<Uint8Array> {
    const query = readQuery(packet, this.#query);
    if (query === null) return new Uint8Array(0);
    const done = this.#plain(query, client, this.#scratch, -1);
    return typeof done === "number" ? this.#scratch.slice(0, done) : await done;
  }

  /** Asks an upstream, then composes the reply anew: zones may have changed meanwhile. */
  async #askFirst(query: Query, client: Client, question: Question, startedAt: number): Promise<Uint8Array> {
    // The listener reuses its buffer while we wait, and the next packet the query.
    const packet = query.packet.slice();
    const resolution = await this.#options.forwarder!.resolve(question);
    const exchange = this.#begin(readQuery(packet, this.#query)!, client);
    const found = resolution === null ? null : { resolution, ageSeconds: 0 };
    const done = this.#composer.compose(exchange, this.#scratch, { question, found });
    // With an answer given, composing doesn't ask for another.
    if (typeof done !== "number") throw new Error("an answer led to a question");
    return this.#scratch.slice(0, this.#end(exchange, done, this.#scratch, startedAt));
  }

  #begin(query: Query, client: Client): Exchange {
    const { address } = client;
    return this.#composer.begin(
      query,
      client,
      this.#clients.factsOf(address),
      this.#options.views.directoryFor(address),
    );
  }

  #end(exchange: Exchange, written: number, out: Uint8Array, startedAt: number): number {
    const length = this.#guard(exchange, written, out);
    if (startedAt >= 0) this.#tell(exchange, length, startedAt);
    return length;
  }

  /**
   * Over UDP a sender may be forged, and the reply hit somebody who never asked. Unless the client is known or has shown our
   * cookie: is the reply small enough, and not one too many?
   */
  #guard(exchange: Exchange, length: number, out: Uint8Array): number {
    const { client, facts, cookie, query, kind, subject } = exchange;
    if (client.transport !== "udp" || facts.mayForward || cookie === cookieStates.valid) return length;
    const { counters } = this.#options;
    const verdict = this.#rateLimit === null ? verdicts.send : this.#rateLimit.check(facts.network, kind, subject);
    if (verdict !== verdicts.send) {
      counters.rateLimited++;
      return verdict === verdicts.drop && cookie === cookieStates.none ? 0 : this.#composer.sendBack(exchange, out);
    }
    if (this.#amplificationLimit === 0 || length <= this.#amplificationLimit * query.packet.length) return length;
    counters.amplificationLimited++;
    return this.#composer.sendBack(exchange, out);
  }

  #tell({ client, query, header }: Exchange, length: number, startedAt: number): void {
    const key = query.questionEnd === headerOctets ? "\0" : query.key;
    const microseconds = Math.round((performance.now() - startedAt) * 1000);
    this.observer?.seen(client, key, query.type, length === 0 ? -1 : header.rcode, length, microseconds);
  }
}

/** Whether it may be for `SpecialMessages`; what can't be read isn't. */
function isSpecial({ fault, opcode, type, hasTsig }: Query): boolean {
  if (fault !== rcodes.NOERROR) return false;
  return hasTsig || opcode !== opcodes.QUERY || type === types.AXFR || type === types.IXFR;
}
