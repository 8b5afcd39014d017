/**
 * Asks a primary for a zone, over one TCP or TLS connection: first its serial; when that is newer the differences
 * (IXFR), where we have something that they could apply to; else the whole zone (AXFR). A primary that knows no
 * IXFR is asked for the whole zone too.
 */
import type { Clock } from "@lib/clock/mod.ts";
import { unavailable } from "@lib/errors/mod.ts";
import type { DomainName } from "../../domain/name.ts";
import { checkData } from "../../domain/rdata/record_data.ts";
import { isNewerSerial, serialOfSoa } from "../../domain/serial_order.ts";
import { type TransferContent, type TransferLimits, TransferReader } from "../../domain/transfer_content.ts";
import type { TsigKey } from "../../domain/tsig_key.ts";
import type { RecordSet } from "../../domain/zone.ts";
import { classIn, opcodes, rcodes, types } from "../codes.ts";
import { rcodeText } from "../query_log.ts";
import { MessageChannel } from "./message_channel.ts";
import type { ChannelOptions } from "./message_channel.ts";
import { MessageWriter, type Question, sections } from "./message_writer.ts";
import { type RawMessage, readRawMessage } from "./raw_message.ts";
import { ReplyVerifier, signRequest } from "./tsig.ts";

export interface PullOptions extends ChannelOptions {
  readonly zone: DomainName;
  /** Null for messages that are not signed. */
  readonly key: TsigKey | null;
  readonly limits: TransferLimits;
  readonly clock: Clock;
}

/** What a primary had. `older`: its serial is behind ours. */
export type Pulled = TransferContent | { readonly kind: "older"; readonly serial: number };

/** A refusal of this very request; another one on the same connection may do. */
class Refused extends Error {}

/**
 * @param soa of what we have; null for nothing
 * @param useDeltas false: after differences that did not fit
 * Throws Unavailable or Invalid with what to show the operator.
 */
export async function pullZone(options: PullOptions, soa: RecordSet | null, useDeltas: boolean): Promise<Pulled> {
  using channel = await MessageChannel.open(options);
  const conversation = new Conversation(channel, options);
  const held = soa === null ? null : serialOfSoa(soa.data[0]!);
  const serial = await conversation.serial();
  if (held !== null && !isNewerSerial(serial, held)) return { kind: serial === held ? "current" : "older", serial };
  if (soa !== null && useDeltas) {
    try {
      const content = await conversation.transfer(types.IXFR, soa);
      // RFC 1995 §4: an only SOA that is newer means: ask for the whole zone.
      if (content.kind !== "current" || content.serial === held) return content;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
    }
  }
  return await conversation.transfer(types.AXFR, null);
}

/** Requests and replies on one connection, one after the other. */
class Conversation {
  readonly #channel: MessageChannel;
  readonly #options: PullOptions;
  readonly #writer = new MessageWriter();

  constructor(channel: MessageChannel, options: PullOptions) {
    this.#channel = channel;
    this.#options = options;
  }

  /** The primary's serial. */
  async serial(): Promise<number> {
    const { id, verifier } = await this.#ask(types.SOA, null);
    const reply = await this.#next(id, types.SOA, verifier);
    const { zone } = this.#options;
    const soa = reply.answers.find(({ owner, type }) => owner === zone.key && type === types.SOA);
    if (soa === undefined || !reply.authoritative || checkData(types.SOA, soa.data) !== null) {
      throw unavailable(`it has no authority for zone ${zone}`);
    }
    const problem = verifier?.end() ?? null;
    if (problem !== null) throw unavailable(problem);
    return serialOfSoa(soa.data);
  }

  /** Takes in a transfer; nothing of it counts before its last message has been checked. */
  async transfer(type: number, soa: RecordSet | null): Promise<TransferContent> {
    const { zone, limits } = this.#options;
    const { id, verifier } = await this.#ask(type, soa);
    const held = soa === null ? null : serialOfSoa(soa.data[0]!);
    const reader = new TransferReader(zone, held, limits, checkData);
    for (let messages = 0; !reader.isDone; messages++) {
      const reply = await this.#next(id, type, verifier, messages === 0);
      for (const record of reply.answers) {
        if (record.class !== classIn) throw unavailable(`it sent a record of class ${record.class}`);
        reader.take(record);
      }
      // An only SOA: nothing follows.
      if (messages === 0 && held !== null && reply.answers.length === 1) break;
      if (reply.answers.length === 0) throw unavailable("it sent a message without records in a transfer");
    }
    const problem = verifier?.end() ?? null;
    if (problem !== null) throw unavailable(problem);
    return reader.finish();
  }

  async #ask(type: number, soa: RecordSet | null): Promise<{ id: number; verifier: ReplyVerifier | null }> {
    const { zone, key, clock } = this.#options;
    const id = crypto.getRandomValues(new Uint16Array(1))[0]!;
    const question: Question = { key: zone.key, type, class: classIn };
    this.#writer.start({ id, opcode: opcodes.QUERY }, question);
    if (soa !== null) {
      const { ttlSeconds, data } = soa;
      this.#writer.add(sections.authority, { owner: zone.key, type: types.SOA, ttlSeconds, data: data[0]! });
    }
    const message = this.#writer.finish();
    if (key === null) {
      await this.#channel.send(message);
      return { id, verifier: null };
    }
    const { packet, mac } = signRequest(message, key, clock);
    await this.#channel.send(packet);
    return { id, verifier: new ReplyVerifier(key, mac, clock) };
  }

  async #next(id: number, type: number, verifier: ReplyVerifier | null, mayRefuse = false): Promise<RawMessage> {
    const { zone } = this.#options;
    const reply = readRawMessage(await this.#channel.next());
    if (reply === null) throw unavailable("it sent a malformed message");
    if (!reply.isReply || reply.id !== id || reply.opcode !== opcodes.QUERY) {
      throw unavailable("it sent a message that is no reply to ours");
    }
    const { question } = reply;
    // Later messages of a transfer may leave the question out (RFC 5936 §2.2.1).
    if (question !== null && (question.key !== zone.key || question.type !== type)) {
      throw unavailable("it sent a reply to another question");
    }
    const problem = verifier?.take(reply) ?? null;
    if (problem !== null) throw unavailable(problem);
    if (reply.rcode !== rcodes.NOERROR) {
      const text = `it answered ${rcodeText(reply.rcode)}`;
      throw mayRefuse && type === types.IXFR ? new Refused(text) : unavailable(`${text} for ${nameOf(type)}`);
    }
    if (reply.truncated) throw unavailable("it truncated a reply over TCP");
    return reply;
  }
}

function nameOf(type: number): string {
  return type === types.SOA ? "SOA" : type === types.IXFR ? "IXFR" : "AXFR";
}
