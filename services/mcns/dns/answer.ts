/**
 * From a packet to its reply: what all listeners call.
 *
 * Reading, looking up and writing happen in one go without waiting, in objects that are reused for the next packet. Only
 * what an upstream has to be asked for, and what `SpecialMessages` handles, waits, with copies of its own.
 */
import type { Logger } from "@lib/log/mod.ts";
import { fromBytes } from "../domain/octets.ts";
import type { ZoneDirectory } from "../domain/zone_directory.ts";
import { type AliasAddresses, type Authoritative, authorityFor, AuthorityWriter } from "./authority.ts";
import type { ClientNetworks } from "./client_networks.ts";
import { type ClientFacts, ClientTable } from "./client_table.ts";
import {
  ednsUdpOctets,
  extendedErrors,
  flags,
  headerOctets,
  maxMessageOctets,
  opcodes,
  plainUdpOctets,
  rcodes,
  types,
} from "./codes.ts";
import { Cookies, type CookieState, cookieStates } from "./cookies.ts";
import type { Counters } from "./counters.ts";
import { type ExtendedError, ReplyOptions } from "./edns_options.ts";
import type { Cached } from "./forward/answer_cache.ts";
import type { Forwarder } from "./forward/forwarder.ts";
import type { Question } from "./forward/upstream_reply.ts";
import type { WireRecord } from "./message.ts";
import { cachedNsec3Hash } from "./nsec3_hash.ts";
import { Query, readQuery } from "./query.ts";
import type { QueryObserver } from "./query_log.ts";
import { type RateLimit, type ResponseClass, responseClasses, verdicts } from "./rate_limit.ts";
import { type ReplyHeader, ReplyWriter, type Section, sections } from "./reply_writer.ts";
import type { SpecialMessages } from "./special_messages.ts";
import type { Client, Reply, Responder } from "./transport/responder.ts";

export interface AnswersOptions {
  /** The zones that a client sees. */
  views: { directoryFor(address: string): ZoneDirectory };
  /** Null when nothing is forwarded. */
  forwarder: Forwarder | null;
  /** For whom. They are known: limits against forged senders don't hold for them. */
  forwardFor: ClientNetworks;
  /** Transfers, NOTIFY, UPDATE and TSIG; null: NOTIMP, REFUSED, TSIG ignored. */
  special?: SpecialMessages | null;
  /** Null: cookies are ignored. */
  cookies?: Cookies | null;
  /** Server's identity for clients that ask for it (RFC 5001), at most 64 octets; "" for none. */
  nsid?: string;
  /** Null: no limit. */
  rateLimit?: RateLimit | null;
  /**
   * How many times as long as its query a reply over UDP may be to a client without a valid cookie that isn't in
   * `forwardFor`; 0 for no limit. Beyond it the client is sent a new cookie if it uses them, else to TCP.
   */
  amplificationLimit?: number;
  /** What clients over TCP and TLS are told when they ask (RFC 7828), ms. */
  idleMs?: number;
  counters: Counters;
  log: Logger;
}

/** A reply in the making. Reused, as nothing that it holds outlives the call. */
interface Context {
  query: Query;
  client: Client;
  facts: ClientFacts;
  zones: ZoneDirectory;
  cookie: CookieState;
  header: ReplyHeader;
  /** What the reply counts as for the rate limit, and the hash of what it is about. */
  kind: ResponseClass;
  subject: number;
}

const notAuthoritative: ExtendedError = { code: extendedErrors.NOT_AUTHORITATIVE, text: "no zone here has this name" };
const recursionProhibited: ExtendedError = {
  code: extendedErrors.PROHIBITED,
  text: "names of other servers are looked up for known clients only",
};
const notReady: ExtendedError = {
  code: extendedErrors.NOT_READY,
  text: "the zone has not been loaded yet, or has expired",
};
const networkError: ExtendedError = { code: extendedErrors.NETWORK_ERROR, text: "no upstream server had an answer" };
const aliasUnresolved: ExtendedError = {
  code: extendedErrors.NO_REACHABLE_AUTHORITY,
  text: "the addresses of this name's ALIAS target cannot be found",
};
const transferRefused: ExtendedError = { code: extendedErrors.PROHIBITED, text: "zone transfers are not allowed" };

/** RFC 7828 §3.1: the time-out goes in units of 100 ms, in 16 bits. */
const keepaliveUnitMs = 100;

/** Answers queries from the zones in memory, or with what upstreams say. */
export class Answers implements Responder {
  readonly #options: AnswersOptions;
  readonly #counters: Counters;
  readonly #clients: ClientTable;
  readonly #cookies: Cookies | null;
  readonly #nsid: Uint8Array | null;
  readonly #keepalive: number;
  readonly #amplificationLimit: number;
  readonly #query = new Query();
  readonly #writer = new ReplyWriter();
  readonly #authority = new AuthorityWriter(cachedNsec3Hash());
  readonly #replyOptions = new ReplyOptions();
  /** For replies that had to wait. */
  readonly #scratch = new Uint8Array(maxMessageOctets);
  /** Told of queries and their replies; null for none. */
  observer: QueryObserver | null = null;

  constructor(options: AnswersOptions) {
    this.#options = options;
    this.#counters = options.counters;
    this.#clients = new ClientTable(options.forwardFor);
    this.#cookies = options.cookies ?? null;
    this.#nsid = options.nsid ? new TextEncoder().encode(options.nsid) : null;
    this.#keepalive = Math.min(0xffff, Math.floor((options.idleMs ?? 0) / keepaliveUnitMs));
    this.#amplificationLimit = options.amplificationLimit ?? 0;
  }

  /**
   * Writes the reply into `out` and returns its length, 0 for none; or, when an upstream has to be asked, promises it
   * in a buffer of its own (empty for none); or gives the messages of a zone transfer. Never throws or rejects. `packet` is
   * not needed after the call.
   * @param out at least 65,535 octets, over UDP 1,232
   */
  answer(packet: Uint8Array, client: Client, out: Uint8Array): Reply {
    this.#counters.received(client.transport);
    const { observer } = this;
    const startedAt = observer !== null && observer.wants() ? performance.now() : -1;
    try {
      const query = readQuery(packet, this.#query);
      if (query === null) {
        this.#counters.malformed++;
        return 0;
      }
      const { special } = this.#options;
      if (special !== null && special !== undefined && isSpecial(query)) {
        const reply = this.#handSpecial(special, packet, client);
        if (reply !== null) return reply;
      }
      return this.#plain(query, client, out, startedAt);
    } catch (error) {
      return this.#defect(error);
    }
  }

  #plain(query: Query, client: Client, out: Uint8Array, startedAt: number): number | Promise<Uint8Array> {
    const context = this.#contextOf(query, client);
    const done = this.#compose(context, out, undefined);
    if (typeof done !== "number") {
      return this.#askFirst(query, client, done, startedAt).catch((error) => new Uint8Array(this.#defect(error)));
    }
    const length = this.#guard(context, done, out);
    if (startedAt >= 0) this.#tell(context, length, startedAt);
    return length;
  }

  /** No reply to this one; the next packet is answered all the same. */
  #defect(error: unknown): 0 {
    this.#options.log.error("cannot answer a query", { error });
    return 0;
  }

  #handSpecial(special: SpecialMessages, packet: Uint8Array, client: Client): Exclude<Reply, number> | null {
    const own = packet.slice();
    return special.handle(own, readQuery(own)!, client, (inner) => this.#plainReply(inner, client));
  }

  /** The reply to a query that was signed, as if it had come without a signature. */
  async #plainReply(packet: Uint8Array, client: Client): Promise<Uint8Array> {
    const query = readQuery(packet);
    if (query === null) return new Uint8Array(0);
    const done = this.#plain(query, client, this.#scratch, -1);
    return typeof done === "number" ? this.#scratch.slice(0, done) : await done;
  }

  /** Asks an upstream, then composes the reply anew: zones may have changed meanwhile. */
  async #askFirst(query: Query, client: Client, question: Question, startedAt: number): Promise<Uint8Array> {
    // The listener reuses its buffer while we wait, and the next packet the query.
    const packet = query.packet.slice();
    const resolution = await this.#options.forwarder!.resolve(question);
    const found = resolution === null ? null : { resolution, ageSeconds: 0 };
    const context = this.#contextOf(readQuery(packet, this.#query)!, client);
    const done = this.#compose(context, this.#scratch, { question, found });
    // With an answer given, composing doesn't ask for another.
    const length = typeof done === "number" ? this.#guard(context, done, this.#scratch) : 0;
    if (startedAt >= 0) this.#tell(context, length, startedAt);
    return this.#scratch.slice(0, length);
  }

  #contextOf(query: Query, client: Client): Context {
    const facts = this.#clients.factsOf(client.address);
    const recursionAvailable = this.#options.forwarder !== null && facts.mayForward;
    return {
      query,
      client,
      facts,
      zones: this.#options.views.directoryFor(client.address),
      cookie: query.edns === null ? cookieStates.none : this.#startOptions(query, client, facts),
      header: { rcode: query.fault, authoritative: false, recursionAvailable },
      kind: responseClasses.error,
      subject: 0,
    };
  }

  /** Puts what the client's OPT record asks for into the reply's; returns what its cookie says. */
  #startOptions({ packet, edns }: Query, { transport }: Client, { octets }: ClientFacts): CookieState {
    const options = this.#replyOptions, { cookieAt, cookieOctets, wantsNsid, wantsKeepalive } = edns!;
    options.clear();
    if (wantsNsid) options.nsid = this.#nsid;
    // RFC 7828 §3.3.1: over UDP the option is ignored. HTTP has its own way to say it.
    if (wantsKeepalive && (transport === "tcp" || transport === "tls")) options.keepalive = this.#keepalive;
    // RFC 8467 §4.1; where an onlooker could read the reply, padding would hide nothing.
    options.padded = transport === "tls" || transport === "https";
    if (cookieAt === 0 || this.#cookies === null || octets.length === 0) return cookieStates.none;
    const state = this.#cookies.check(packet, cookieAt, cookieOctets, octets);
    options.cookie = this.#cookies.reply;
    return state;
  }

  /**
   * @param upstream what an upstream said to which question, null when none had an answer; undefined when none was asked yet
   * @returns the reply's length, or the question that an upstream has to be asked first
   */
  #compose(
    context: Context,
    out: Uint8Array,
    upstream: { question: Question; found: Cached | null } | undefined,
  ): number | Question {
    const { query, client, header, zones } = context;
    const writer = this.#writer;
    writer.start(query, out, limitFor(query, client), this.#replyOptions);
    if (query.fault !== rcodes.NOERROR) return this.#finish(writer, header, out);
    if (query.opcode !== opcodes.QUERY) {
      header.rcode = rcodes.NOTIMP;
      return this.#finish(writer, header, out);
    }
    // RFC 7873 §5.4: a cookie was all that was asked for.
    if (query.questionEnd === headerOctets) return this.#finish(writer, header, out);
    if (query.type === types.AXFR || query.type === types.IXFR) return this.#refuse(context, out, transferRefused);

    const zone = authorityFor(zones, query.name, query.type);
    let elsewhere: Question;
    let written: Authoritative | null = null;
    if (zone === undefined) {
      if (!header.recursionAvailable || !query.recursionDesired) {
        const isProhibited = query.recursionDesired && this.#options.forwarder !== null;
        return this.#refuse(context, out, isProhibited ? recursionProhibited : notAuthoritative);
      }
      elsewhere = questionOf(query, query.key);
    } else {
      written = this.#authority.write(zones, zone, query, writer, aliasOf(upstream));
      header.authoritative = written.authoritative;
      header.rcode = written.rcode;
      context.kind = classOf(written);
      context.subject = written.rcode === rcodes.NOERROR && written.authoritative
        ? query.name.hashes[0]! ^ query.type
        : query.name.hashes[Math.max(0, query.name.labels - zone.name.labels.length)]!;
      if (written.notReady) return this.#fail(context, out, notReady);
      if (written.aliasAt !== null) {
        if (upstream !== undefined || this.#options.forwarder === null) {
          return this.#fail(context, out, aliasUnresolved);
        }
        // The zone's owner wants its addresses told to anybody, so it is looked up for anybody.
        const question = { key: written.aliasAt, type: query.type, dnssecOk: false, checkingDisabled: false };
        const cached = this.#fromCache(question);
        return cached === undefined ? question : this.#compose(context, out, { question, found: cached });
      }
      // Without RD the client wants what we know ourselves.
      if (written.leftAt === null || !header.recursionAvailable || !query.recursionDesired) {
        if (written.leftAt !== null) this.#authority.writeProofs();
        if (written.rcode === rcodes.SERVFAIL) return this.#fail(context, out, aliasUnresolved);
        this.#counters.authoritative++;
        return this.#finish(writer, header, out);
      }
      elsewhere = questionOf(query, written.leftAt);
    }

    const found = upstream === undefined ? this.#fromCache(elsewhere) : upstream.found;
    if (found === undefined) return elsewhere;
    // Null: nobody had an answer. Another key: the zones changed while we asked; the client will ask again.
    // Half a chain would be taken for the whole answer.
    if (found === null || found.resolution.question.key !== elsewhere.key) {
      return this.#fail(context, out, networkError);
    }
    const { resolution, ageSeconds } = found;
    header.rcode = resolution.rcode;
    writeRecords(writer, sections.answer, resolution.answers, ageSeconds);
    if (written !== null) this.#authority.writeProofs();
    writeRecords(writer, sections.authority, resolution.authorities, ageSeconds);
    context.kind = responseClasses.answer;
    context.subject = query.name.hashes[0]! ^ query.type;
    this.#counters.forwarded++;
    return this.#finish(writer, header, out);
  }

  #fromCache(question: Question): Cached | undefined {
    const found = this.#options.forwarder!.cached(question);
    if (found !== undefined) this.#counters.cacheHits++;
    return found;
  }

  #refuse(context: Context, out: Uint8Array, error: ExtendedError): number {
    return this.#without(context, out, rcodes.REFUSED, error);
  }

  #fail(context: Context, out: Uint8Array, error: ExtendedError): number {
    return this.#without(context, out, rcodes.SERVFAIL, error);
  }

  /** A reply without records, whatever has been written. */
  #without(context: Context, out: Uint8Array, rcode: number, error: ExtendedError): number {
    const { query, client, header } = context;
    header.rcode = rcode;
    header.authoritative = false;
    context.kind = responseClasses.error;
    context.subject = 0;
    this.#replyOptions.error = error;
    this.#writer.start(query, out, limitFor(query, client), this.#replyOptions);
    return this.#finish(this.#writer, header, out);
  }

  #finish(writer: ReplyWriter, header: ReplyHeader, out: Uint8Array): number {
    if (header.rcode === rcodes.REFUSED) this.#counters.refused++;
    else if (header.rcode === rcodes.SERVFAIL) this.#counters.servfail++;
    else if (header.rcode === rcodes.FORMERR) this.#counters.malformed++;
    const length = writer.finish(header);
    if ((out[2]! & flags.TC) !== 0) this.#counters.truncated++;
    return length;
  }

  /** Over UDP, and unless the client is known or has shown our cookie: is the reply small enough, and not one too many? */
  #guard(context: Context, length: number, out: Uint8Array): number {
    const { client, facts, cookie, query } = context;
    if (client.transport !== "udp" || facts.mayForward || cookie === cookieStates.valid) return length;
    const limit = this.#amplificationLimit, { rateLimit } = this.#options;
    if (rateLimit !== null && rateLimit !== undefined) {
      const verdict = rateLimit.check(facts.network, context.kind, context.subject);
      if (verdict !== verdicts.send) {
        this.#counters.rateLimited++;
        if (cookie === cookieStates.none && verdict === verdicts.drop) return 0;
        return this.#sendElsewhere(context, out);
      }
    }
    if (limit === 0 || length <= limit * query.packet.length) return length;
    this.#counters.amplificationLimited++;
    return this.#sendElsewhere(context, out);
  }

  /** To the same question with a cookie, for a client that uses them (RFC 7873 §5.2.3); else to TCP. */
  #sendElsewhere(context: Context, out: Uint8Array): number {
    const { query, header, cookie } = context;
    this.#replyOptions.error = this.#replyOptions.nsid = null;
    this.#writer.start(query, out, plainUdpOctets, this.#replyOptions);
    if (cookie === cookieStates.unknown) {
      header.rcode = rcodes.BADCOOKIE;
      header.authoritative = false;
    } else this.#writer.truncate();
    return this.#finish(this.#writer, header, out);
  }

  #tell({ client, query, header }: Context, length: number, startedAt: number): void {
    const key = query.questionEnd === headerOctets ? "\0" : query.key;
    const microseconds = Math.round((performance.now() - startedAt) * 1000);
    this.observer?.seen(client, key, query.type, length === 0 ? -1 : header.rcode, microseconds);
  }
}

/** Whether it may be for `SpecialMessages`; what can't be read isn't. */
function isSpecial({ fault, opcode, type, hasTsig }: Query): boolean {
  if (fault !== rcodes.NOERROR) return false;
  return hasTsig || opcode !== opcodes.QUERY || type === types.AXFR || type === types.IXFR;
}

/** How long the reply may be: over UDP what the client takes (RFC 6891 §6.2.3), within what we send. */
function limitFor({ edns }: Query, { transport }: Client): number {
  if (transport !== "udp") return maxMessageOctets;
  if (edns === null) return plainUdpOctets;
  return Math.min(Math.max(edns.udpOctets, plainUdpOctets), ednsUdpOctets);
}

function classOf({ rcode, authoritative }: Authoritative): ResponseClass {
  if (rcode === rcodes.NXDOMAIN) return responseClasses.denial;
  return authoritative ? responseClasses.answer : responseClasses.referral;
}

function questionOf({ type, dnssecOk, checkingDisabled }: Query, key: string): Question {
  return { key, type, dnssecOk, checkingDisabled };
}

/** The addresses in what an upstream said; undefined when it wasn't asked, or had no answer. */
function aliasOf(upstream: { question: Question; found: Cached | null } | undefined): AliasAddresses | undefined {
  if (upstream === undefined || upstream.found === null) return undefined;
  const { resolution, ageSeconds } = upstream.found;
  const addresses = resolution.answers.filter(({ type }) => type === upstream.question.type);
  const ttls = [...resolution.answers, ...(addresses.length === 0 ? resolution.authorities : [])]
    .map(({ ttlSeconds }) => Math.max(0, ttlSeconds - ageSeconds));
  return {
    key: upstream.question.key,
    ttlSeconds: Math.min(...ttls),
    data: addresses.map(({ data }) => fromBytes(data)),
  };
}

function writeRecords(
  writer: ReplyWriter,
  section: Section,
  records: readonly WireRecord[],
  ageSeconds: number,
): void {
  for (const { owner, type, ttlSeconds, data } of records) {
    writer.startRecord(owner, type, Math.max(0, ttlSeconds - ageSeconds));
    writer.octets(data);
    writer.endRecord(section);
  }
}
