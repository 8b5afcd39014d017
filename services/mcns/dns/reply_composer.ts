/** Composes replies: from our zones, with what upstreams say, or saying why there is no answer. */
import { fromBytes, u32At } from "../domain/octets.ts";
import type { ZoneDirectory } from "../domain/zone_directory.ts";
import { type AliasAddresses, type Authoritative, authorityFor, AuthorityWriter } from "./authority.ts";
import type { ClientFacts } from "./client_table.ts";
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
import { type Cookies, type CookieState, cookieStates } from "./cookies.ts";
import type { Counters } from "./counters.ts";
import { type ExtendedError, ReplyOptions } from "./edns_options.ts";
import type { Exchange } from "./exchange.ts";
import type { Cached } from "./forward/cached_answer.ts";
import type { Forwarder } from "./forward/forwarder.ts";
import type { Question, Resolution } from "./forward/upstream_reply.ts";
import type { WireRecord } from "./message.ts";
import { cachedNsec3Hash } from "./nsec3_hash.ts";
import type { Query } from "./query.ts";
import { type ResponseClass, responseClasses } from "./rate_limit.ts";
import { ReplyWriter, sections } from "./reply_writer.ts";
import type { Client } from "./transport/responder.ts";

export interface ComposerOptions {
  /** Null when nothing is forwarded. */
  forwarder: Forwarder | null;
  /** Null: cookies are ignored. */
  cookies?: Cookies | null;
  /** Server's identity for clients that ask for it (RFC 5001), at most 64 octets; "" for none. */
  nsid?: string;
  /** How long an idle connection may stay: what clients over TCP and TLS are told when they ask (RFC 7828), ms. */
  idleMs?: number;
  counters: Counters;
}

/** What an upstream said to which question. */
export interface Upstreams {
  readonly question: Question;
  /** Null when none had an answer. */
  readonly found: Found | null;
}

/** An answer of an upstream, and how many seconds to take off its TTLs. */
interface Found {
  readonly resolution: Resolution;
  readonly ageSeconds: number;
}

const notAuthoritative: ExtendedError = { code: extendedErrors.NOT_AUTHORITATIVE, text: "no zone here has this name" };
const recursionProhibited: ExtendedError = {
  code: extendedErrors.PROHIBITED,
  text: "names of other servers are looked up for known clients only",
};
const transferProhibited: ExtendedError = { code: extendedErrors.PROHIBITED, text: "no zone transfer for this client" };
const notReady: ExtendedError = { code: extendedErrors.NOT_READY, text: "the zone is not loaded yet, or has expired" };
const networkError: ExtendedError = { code: extendedErrors.NETWORK_ERROR, text: "no upstream server had an answer" };
const aliasUnresolved: ExtendedError = {
  code: extendedErrors.NO_REACHABLE_AUTHORITY,
  text: "no addresses to be had for the target of this name's ALIAS",
};

/** RFC 7828 §3.1: the time-out goes in units of 100 ms, in 16 bits. */
const keepaliveUnitMs = 100;

/** One reply after the other: between `begin` and the end of `compose` nothing else may be composed. */
export class ReplyComposer {
  readonly #forwarder: Forwarder | null;
  readonly #cookies: Cookies | null;
  readonly #nsid: Uint8Array | null;
  readonly #keepalive: number;
  readonly #counters: Counters;
  readonly #writer = new ReplyWriter();
  readonly #authority = new AuthorityWriter(cachedNsec3Hash());
  readonly #options = new ReplyOptions();

  constructor({ forwarder, cookies = null, nsid = "", idleMs = 0, counters }: ComposerOptions) {
    this.#forwarder = forwarder;
    this.#cookies = cookies;
    this.#nsid = nsid === "" ? null : new TextEncoder().encode(nsid);
    this.#keepalive = Math.min(0xffff, Math.floor(idleMs / keepaliveUnitMs));
    this.#counters = counters;
  }

  begin(query: Query, client: Client, facts: ClientFacts, zones: ZoneDirectory): Exchange {
    const recursionAvailable = this.#forwarder !== null && facts.mayForward;
    return {
      query,
      client,
      facts,
      zones,
      cookie: query.edns === null ? cookieStates.none : this.#startOptions(query, client, facts),
      header: { rcode: query.fault, authoritative: false, recursionAvailable },
      kind: responseClasses.error,
      subject: 0,
    };
  }

  /**
   * Writes the reply into `out`.
   * @param upstream undefined when none was asked yet
   * @returns the reply's length, or the question that an upstream has to be asked first
   */
  compose(exchange: Exchange, out: Uint8Array, upstream?: Upstreams): number | Question {
    const { query, header, zones } = exchange;
    const writer = this.#start(exchange, out);
    if (query.fault !== rcodes.NOERROR) return this.#finish(exchange, out);
    if (query.opcode !== opcodes.QUERY) {
      header.rcode = rcodes.NOTIMP;
      return this.#finish(exchange, out);
    }
    // RFC 7873 §5.4: a cookie was all that was asked for.
    if (query.questionEnd === headerOctets) return this.#finish(exchange, out);
    if (query.type === types.AXFR || query.type === types.IXFR) {
      return this.#without(exchange, out, rcodes.REFUSED, transferProhibited);
    }

    const zone = authorityFor(zones, query.name, query.type);
    if (zone === undefined) return this.#elsewhere(exchange, out, query.key, null, upstream);
    const written = this.#authority.write(zones, zone, query, writer, aliasOf(upstream));
    header.authoritative = written.authoritative;
    header.rcode = written.rcode;
    exchange.kind = classOf(written);
    exchange.subject = exchange.kind === responseClasses.answer
      ? query.name.hashes[0]! ^ query.type
      : query.name.hashes[Math.max(0, query.name.labels - zone.name.labels.length)]!;
    if (written.notReady) return this.#without(exchange, out, rcodes.SERVFAIL, notReady);
    if (written.aliasAt !== null) return this.#alias(exchange, out, written.aliasAt, upstream);
    if (written.leftAt !== null) return this.#elsewhere(exchange, out, written.leftAt, written, upstream);
    if (written.rcode === rcodes.SERVFAIL) return this.#without(exchange, out, rcodes.SERVFAIL, aliasUnresolved);
    this.#counters.authoritative++;
    return this.#finish(exchange, out);
  }

  /**
   * A reply that says no more than where to go on: to the same question with the cookie in it, for a client that uses
   * cookies (RFC 7873 §5.2.3); else to TCP.
   */
  sendBack(exchange: Exchange, out: Uint8Array): number {
    const { header, cookie } = exchange;
    this.#options.error = this.#options.nsid = null;
    const writer = this.#start(exchange, out);
    if (cookie === cookieStates.unknown) {
      header.rcode = rcodes.BADCOOKIE;
      header.authoritative = false;
    } else writer.truncate();
    // What the reply would have been is counted already.
    return this.#close(exchange, out);
  }

  /** Puts what the client's OPT record asks for into the reply's; returns what its cookie says. */
  #startOptions({ packet, edns }: Query, { transport }: Client, { octets }: ClientFacts): CookieState {
    const options = this.#options, { cookieAt, cookieOctets, wantsNsid, wantsKeepalive } = edns!;
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

  #start({ query, client }: Exchange, out: Uint8Array): ReplyWriter {
    this.#writer.start(query, out, limitFor(query, client), this.#options);
    return this.#writer;
  }

  /**
   * The rest of the answer, or all of it, from an upstream.
   * @param key the name to ask for
   * @param written what our zones said before it; null when they have no authority
   */
  #elsewhere(
    exchange: Exchange,
    out: Uint8Array,
    key: string,
    written: Authoritative | null,
    upstream: Upstreams | undefined,
  ): number | Question {
    const { query, header } = exchange;
    // Without RD the client wants what we know ourselves.
    if (!header.recursionAvailable || !query.recursionDesired) {
      if (written === null) {
        const isProhibited = query.recursionDesired && this.#forwarder !== null;
        return this.#without(exchange, out, rcodes.REFUSED, isProhibited ? recursionProhibited : notAuthoritative);
      }
      this.#authority.writeProofs();
      this.#counters.authoritative++;
      return this.#finish(exchange, out);
    }
    const { type, dnssecOk, checkingDisabled } = query;
    const question: Question = { key, type, dnssecOk, checkingDisabled };
    if (upstream !== undefined) {
      // Another question: the zones have changed since it was asked; the client will ask again. Half a chain would be taken
      // for the whole answer.
      const isIt = upstream.question.key === key && upstream.question.type === type;
      if (!isIt || upstream.found === null) return this.#without(exchange, out, rcodes.SERVFAIL, networkError);
      return this.#relay(exchange, out, upstream.found, written);
    }
    const cached = this.#fromCache(question);
    if (cached === undefined) return question;
    return written === null ? this.#relayPacked(exchange, out, cached) : this.#relay(exchange, out, cached, written);
  }

  #relay(exchange: Exchange, out: Uint8Array, found: Found, written: Authoritative | null): number {
    const { header } = exchange, { resolution, ageSeconds } = found, writer = this.#writer;
    header.rcode = resolution.rcode;
    writer.relayed(sections.answer, resolution.answers, ageSeconds);
    if (written !== null) this.#authority.writeProofs();
    writer.relayed(sections.authority, resolution.authorities, ageSeconds);
    return this.#relayed(exchange, out, resolution.ede ?? null, resolution.stale === true, resolution.blocked === true);
  }

  #relayPacked(exchange: Exchange, out: Uint8Array, cached: Cached): number {
    exchange.header.rcode = cached.rcode;
    this.#writer.packed(cached);
    return this.#relayed(exchange, out, cached.ede, cached.stale, cached.blocked);
  }

  #relayed(exchange: Exchange, out: Uint8Array, error: ExtendedError | null, stale: boolean, blocked: boolean): number {
    this.#options.error = error;
    exchange.kind = responseClasses.answer;
    exchange.subject = exchange.query.name.hashes[0]! ^ exchange.query.type;
    if (stale) this.#counters.staleAnswers++;
    if (blocked) this.#counters.blocked++;
    this.#counters.forwarded++;
    return this.#finish(exchange, out);
  }

  /** The addresses of an ALIAS's target: the zone's owner wants them told to anybody, so they are looked up for anybody. */
  #alias(exchange: Exchange, out: Uint8Array, key: string, upstream: Upstreams | undefined): number | Question {
    if (upstream !== undefined || this.#forwarder === null) {
      return this.#without(exchange, out, rcodes.SERVFAIL, aliasUnresolved);
    }
    const question: Question = { key, type: exchange.query.type, dnssecOk: false, checkingDisabled: false };
    const found = this.#fromCache(question);
    return found === undefined ? question : this.compose(exchange, out, { question, found });
  }

  #fromCache(question: Question): Cached | undefined {
    const found = this.#forwarder!.cached(question);
    if (found !== undefined) this.#counters.cacheHits++;
    return found;
  }

  /** A reply without records, whatever has been written. */
  #without(exchange: Exchange, out: Uint8Array, rcode: number, error: ExtendedError): number {
    const { header } = exchange;
    header.rcode = rcode;
    header.authoritative = false;
    exchange.kind = responseClasses.error;
    exchange.subject = 0;
    this.#options.error = error;
    this.#start(exchange, out);
    return this.#finish(exchange, out);
  }

  #finish(exchange: Exchange, out: Uint8Array): number {
    const { header } = exchange;
    if (header.rcode === rcodes.REFUSED) this.#counters.refused++;
    else if (header.rcode === rcodes.SERVFAIL) this.#counters.servfail++;
    else if (header.rcode === rcodes.FORMERR) this.#counters.malformed++;
    return this.#close(exchange, out);
  }

  #close({ header }: Exchange, out: Uint8Array): number {
    const length = this.#writer.finish(header);
    if ((out[2]! & flags.TC) !== 0) this.#counters.truncated++;
    return length;
  }
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

/** The addresses in what an upstream said; undefined when it wasn't asked, or had no answer. */
function aliasOf(upstream: Upstreams | undefined): AliasAddresses | undefined {
  if (upstream === undefined || upstream.found === null) return undefined;
  const { resolution: { answers, authorities }, ageSeconds } = upstream.found;
  const addresses = answers.filter(({ type }) => type === upstream.question.type);
  const ttls = [
    ...answers.map(({ ttlSeconds }) => ttlSeconds),
    ...(addresses.length === 0 ? authorities.map(noFor) : []),
  ];
  return {
    key: upstream.question.key,
    ttlSeconds: Math.max(0, Math.min(...ttls) - ageSeconds),
    data: addresses.map(({ data }) => fromBytes(data)),
  };
}

/** How long the "no" of that zone may be kept: RFC 2308 §5, its SOA's last number. */
function noFor({ type, ttlSeconds, data }: WireRecord): number {
  return type === types.SOA ? Math.min(ttlSeconds, u32At(fromBytes(data, data.length - 4), 0)) : ttlSeconds;
}
