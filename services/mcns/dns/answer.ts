/**
 * From a packet to its reply: what both listeners call.
 */
import type { Logger } from "@lib/log/mod.ts";
import type { ZoneDirectory } from "../domain/zone_directory.ts";
import type { Cached } from "./answer_cache.ts";
import { authorityFor, writeAuthoritative } from "./authority.ts";
import type { ClientNetworks } from "./client_networks.ts";
import { ednsUdpOctets, flags, plainUdpOctets, rcodes } from "./codes.ts";
import type { Counters } from "./counters.ts";
import type { Forwarder } from "./forwarder.ts";
import type { WireRecord } from "./message.ts";
import { type Query, readQuery } from "./query.ts";
import { type ReplyHeader, ReplyWriter, type Section, sections } from "./reply_writer.ts";
import type { Question } from "./upstream_reply.ts";

/** Who asks. */
export interface Client {
  /** IP address as text. */
  readonly address: string;
  readonly transport: "udp" | "tcp";
}

/** A message over TCP has a 16-bit length (RFC 1035 §4.2.2); a reply buffer of this size takes any. */
export const maxMessageOctets = 65_535;

export interface AnswersOptions {
  zones: ZoneDirectory;
  /** Null when nothing is forwarded. */
  forwarder: Forwarder | null;
  /** For whom. */
  forwardFor: ClientNetworks;
  counters: Counters;
  log: Logger;
}

/** Answers queries from the zones in memory, or with what upstreams say. */
export class Answers {
  readonly #zones: ZoneDirectory;
  readonly #forwarder: Forwarder | null;
  readonly #forwardFor: ClientNetworks;
  readonly #counters: Counters;
  readonly #log: Logger;
  /** For replies written in one go; those that wait for an upstream have a writer of their own. */
  readonly #writer = new ReplyWriter();

  constructor({ zones, forwarder, forwardFor, counters, log }: AnswersOptions) {
    this.#zones = zones;
    this.#forwarder = forwarder;
    this.#forwardFor = forwardFor;
    this.#counters = counters;
    this.#log = log;
  }

  /**
   * Writes the reply into `out` and returns its length, 0 for none; or, when an upstream has to be asked, promises it
   * in a buffer of its own (empty for none). Neither throws nor rejects. `packet` is not needed after the call.
   * @param out at least 65,535 octets for TCP, 1,232 for UDP
   */
  answer(packet: Uint8Array, client: Client, out: Uint8Array): number | Promise<Uint8Array> {
    if (client.transport === "udp") this.#counters.queriesUdp++;
    else this.#counters.queriesTcp++;
    try {
      const query = readQuery(packet);
      if (query === null) {
        this.#counters.malformed++;
        return 0;
      }
      const mayForward = this.#forwarder !== null && this.#forwardFor.has(client.address);
      const done = this.#compose(query, client, mayForward, this.#writer, out, undefined);
      if (typeof done === "number") return done;
      return this.#askFirst(query, client, done).catch((error) => new Uint8Array(this.#defect(error)));
    } catch (error) {
      return this.#defect(error);
    }
  }

  /** No reply to this one; the next packet is answered all the same. */
  #defect(error: unknown): 0 {
    this.#log.error("cannot answer a query", { error });
    return 0;
  }

  /** Asks an upstream, then composes the reply anew: zones may have changed meanwhile. */
  async #askFirst(query: Query, client: Client, question: Question): Promise<Uint8Array> {
    // The listener reuses its buffer while we wait.
    const kept: Query = { ...query, packet: query.packet.slice(0, query.questionEnd) };
    const resolution = await this.#forwarder!.resolve(question);
    const out = new Uint8Array(limitFor(kept, client));
    const found = resolution === null ? null : { resolution, ageSeconds: 0 };
    const length = this.#compose(kept, client, true, new ReplyWriter(), out, found);
    // With an answer given, composing doesn't ask for another.
    return typeof length === "number" ? out.subarray(0, length) : out.subarray(0, 0);
  }

  /**
   * @param upstream what an upstream said: undefined when none was asked yet, null when none had an answer
   * @returns the reply's length, or the question that an upstream has to be asked first
   */
  #compose(
    query: Query,
    client: Client,
    mayForward: boolean,
    writer: ReplyWriter,
    out: Uint8Array,
    upstream: Cached | null | undefined,
  ): number | Question {
    writer.start(query, out, limitFor(query, client));
    const header: ReplyHeader = { rcode: query.fault, authoritative: false, recursionAvailable: mayForward };
    if (query.fault !== rcodes.NOERROR) return this.#finish(writer, header, out);

    const zone = authorityFor(this.#zones, query);
    let elsewhere: string | null = query.key;
    if (zone !== undefined) {
      const written = writeAuthoritative(this.#zones, zone, query, writer);
      header.authoritative = true;
      header.rcode = written.rcode;
      elsewhere = written.leftAt;
    }
    // Without RD the client wants what we know ourselves.
    if (elsewhere === null || !mayForward || !query.recursionDesired) {
      if (zone === undefined) header.rcode = rcodes.REFUSED;
      else this.#counters.authoritative++;
      return this.#finish(writer, header, out);
    }

    const question: Question = {
      key: elsewhere,
      type: query.type,
      dnssecOk: query.edns?.dnssecOk ?? false,
      checkingDisabled: query.checkingDisabled,
    };
    const found = upstream === undefined ? this.#fromCache(question) : upstream;
    if (found === undefined) return question;
    // Null: nobody had an answer. Another key: the zones changed while we asked; the client will ask again.
    if (found === null || found.resolution.question.key !== elsewhere) {
      // Half a chain would be taken for the whole answer.
      writer.start(query, out, limitFor(query, client));
      header.authoritative = false;
      header.rcode = rcodes.SERVFAIL;
    } else {
      const { resolution, ageSeconds } = found;
      header.rcode = resolution.rcode;
      writeRecords(writer, sections.answer, resolution.answers, ageSeconds);
      writeRecords(writer, sections.authority, resolution.authorities, ageSeconds);
      this.#counters.forwarded++;
    }
    return this.#finish(writer, header, out);
  }

  #fromCache(question: Question): Cached | undefined {
    const found = this.#forwarder!.cached(question);
    if (found !== undefined) this.#counters.cacheHits++;
    return found;
  }

  #finish(writer: ReplyWriter, header: ReplyHeader, out: Uint8Array): number {
    if (header.rcode === rcodes.REFUSED) this.#counters.refused++;
    else if (header.rcode === rcodes.SERVFAIL) this.#counters.servfail++;
    else if (header.rcode === rcodes.FORMERR) this.#counters.malformed++;
    const length = writer.finish(header);
    if ((out[2]! & flags.TC) !== 0) this.#counters.truncated++;
    return length;
  }
}

/** How long the reply may be: over UDP what the client takes (RFC 6891 §6.2.3), within what we send. */
function limitFor({ edns }: Query, { transport }: Client): number {
  if (transport === "tcp") return maxMessageOctets;
  if (edns === null) return plainUdpOctets;
  return Math.min(Math.max(edns.udpOctets, plainUdpOctets), ednsUdpOctets);
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
