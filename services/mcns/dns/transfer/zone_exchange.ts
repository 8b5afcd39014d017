/**
 * What other servers and their tools send beside plain queries: zone transfers, NOTIFY, dynamic updates, and whatever is
 * signed by a shared key. One message goes through three steps: its signature is checked (RFC 8945 §5.2), it is handled
 * by its kind, and the reply is signed by the same key.
 */
import type { Clock } from "@lib/clock/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import { DomainName, textOfKey } from "../../domain/name.ts";
import { isNewerSerial, serialOfSoa } from "../../domain/serial_order.ts";
import type { TransferRecord } from "../../domain/transfer_content.ts";
import type { Zone } from "../../domain/zone.ts";
import { hostPortOf, networkOf, type PeerRole, type ZonePeer } from "../../domain/zone_peer.ts";
import type { HeldKey, TsigKeyStore } from "../../store/tsig_key_store.ts";
import type { ZoneEditor } from "../../store/zone_editor.ts";
import type { ZonePeerStore } from "../../store/zone_peer_store.ts";
import type { ZoneReader, ZoneRow } from "../../store/zone_store.ts";
import { ClientNetworks } from "../client_networks.ts";
import {
  classIn,
  ednsUdpOctets,
  extendedErrors,
  flags,
  headerOctets,
  maxMessageOctets,
  opcodes,
  plainUdpOctets,
  rcodes,
  types,
} from "../codes.ts";
import type { Query } from "../query.ts";
import type { SpecialMessages } from "../special_messages.ts";
import type { Client } from "../transport/responder.ts";
import { type ErrorNote, MessageWriter } from "./message_writer.ts";
import { type RawMessage, readRawMessage } from "./raw_message.ts";
import type { RefusalLog } from "./refusal_log.ts";
import type { TransferCounters } from "./transfer_counters.ts";
import { ReplySigner, signatureOctets, signError, unsigned, verifyRequest } from "./tsig.ts";
import type { UpdateHandler } from "./update_handler.ts";
import { areComplete, differences, packMessages, recordOf, takeSnapshot, wholeZone } from "./zone_stream.ts";

export interface ZoneExchangeOptions {
  readonly zones: ZoneReader;
  readonly editor: ZoneEditor;
  readonly keys: TsigKeyStore;
  readonly peers: ZonePeerStore;
  readonly updates: UpdateHandler;
  readonly secondaries: {
    /** A primary says that the zone has changed. */
    notified(zone: DomainName): void;
    /** Whether the zone's content may no longer be given to anybody. */
    isExpired(zone: DomainName): boolean;
  };
  readonly counters: TransferCounters;
  readonly refusals: RefusalLog;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A message whose signature, if it has one, holds. */
interface Signed {
  readonly message: RawMessage;
  readonly key: HeldKey | null;
  readonly client: Client;
}

const noReply = new Uint8Array(0);

/** How long a transfer may go on before queries get their turn, ms: writes that find room resolve without one. */
const turnMs = 3;

/** Each holds a snapshot of its zone until its client has taken it. */
const maxTransfers = 32;

export class ZoneExchange implements SpecialMessages {
  readonly #options: ZoneExchangeOptions;
  readonly #writer = new MessageWriter();
  #transfers = 0;

  constructor(options: ZoneExchangeOptions) {
    this.#options = options;
  }

  handle(
    packet: Uint8Array,
    _query: Query,
    client: Client,
    plain: (packet: Uint8Array) => Promise<Uint8Array>,
  ): Promise<Uint8Array> | AsyncIterable<Uint8Array> {
    const message = readRawMessage(packet);
    // An id to reply to is there: the listener has seen the header.
    if (message === null) return Promise.resolve(this.#malformed(packet));
    const { keys, clock, counters, refusals, log } = this.#options;
    const verdict = verifyRequest(message, keys, clock);
    if (verdict.kind === "malformed") return Promise.resolve(this.#malformed(packet));
    if (verdict.kind === "refused") {
      counters.badSignatures++;
      const { error, tsig } = verdict;
      refusals.tell("signature refused", { client: client.address, key: textOfKey(tsig.name), error });
      return Promise.resolve(signError(this.#reply(message, rcodes.NOTAUTH), verdict, clock));
    }
    const key = verdict.kind === "signed" ? keys.find(verdict.key.name) ?? null : null;
    if (key !== null) keys.markUsed(key, clock.now());
    const signer = verdict.kind === "signed" ? new ReplySigner(verdict.key, verdict.tsig, clock) : null;
    const signed: Signed = { message, key, client };
    const { opcode, question } = message;
    if (opcode === opcodes.QUERY && (question?.type === types.AXFR || question?.type === types.IXFR)) {
      const messages = this.#transfer(signed, signer);
      return isStream(client) ? messages : firstOf(messages);
    }
    return this.#answer(signed, plain).then((reply) => this.#signed(reply, signed, signer)).catch((error) => {
      log.error("cannot handle a message of another server", { client: client.address, opcode, error });
      return noReply;
    });
  }

  async #answer(signed: Signed, plain: (packet: Uint8Array) => Promise<Uint8Array>): Promise<Uint8Array> {
    const { message, key, client } = signed;
    switch (message.opcode) {
      case opcodes.UPDATE: {
        const { rcode, note } = this.#options.updates.handle(message, key, client);
        return this.#reply(message, rcode, note);
      }
      case opcodes.NOTIFY:
        return this.#notify(signed);
      default:
        return await plain(message.tsig === null ? message.packet : unsigned(message.packet, message.tsig));
    }
  }

  /** RFC 1996 §3: from a primary of the zone only, as what it says makes us connect. */
  #notify({ message, key, client }: Signed): Uint8Array {
    const { zones, counters, secondaries, refusals } = this.#options;
    const { question } = message;
    if (question === null || question.type !== types.SOA) return this.#reply(message, rcodes.FORMERR);
    const zone = DomainName.fromKey(question.key);
    const row = zones.find(zone);
    if (row === undefined || row.kind !== "secondary" || question.class !== classIn) {
      const note = { code: extendedErrors.NOT_AUTHORITATIVE, text: "no secondary zone of that name is here" };
      return this.#reply(message, rcodes.NOTAUTH, note);
    }
    if (this.#peerOf(row, "primary", key, client) === null) {
      refusals.tell("NOTIFY refused: not from a primary of the zone", { zone: zone.text, client: client.address });
      return this.#reply(message, rcodes.REFUSED, {
        code: extendedErrors.PROHIBITED,
        text: "not a primary of the zone",
      });
    }
    counters.notifiesIn++;
    secondaries.notified(zone);
    return this.#reply(message, rcodes.NOERROR, null, true);
  }

  /** Never throws: what can't be begun is a reply, what breaks off ends the stream, and the other side sees it incomplete. */
  async *#transfer(signed: Signed, signer: ReplySigner | null): AsyncGenerator<Uint8Array> {
    const { log, counters, clock } = this.#options;
    const { message, client } = signed;
    try {
      let since = clock.monotonic();
      for await (const reply of this.#transferMessages(signed)) {
        yield this.#signed(reply, signed, signer);
        if (clock.monotonic() - since < turnMs) continue;
        await new Promise((resolve) => setTimeout(resolve, 0));
        since = clock.monotonic();
      }
    } catch (error) {
      counters.transfersRefused++;
      log.error("a zone transfer broke off", {
        zone: textOfKey(message.question!.key),
        client: client.address,
        error,
      });
      yield this.#signed(this.#reply(message, rcodes.SERVFAIL), signed, signer);
    }
  }

  async *#transferMessages(signed: Signed): AsyncGenerator<Uint8Array> {
    const { zones, editor, secondaries, counters, refusals } = this.#options;
    const { message, client } = signed;
    const name = DomainName.fromKey(message.question!.key);
    const refuse = (rcode: number, code: number, text: string) => {
      counters.transfersRefused++;
      refusals.tell("zone transfer refused", { zone: name.text, client: client.address, reason: text });
      return this.#reply(message, rcode, { code, text });
    };
    const row = message.question!.class === classIn ? zones.find(name) : undefined;
    // RFC 5936 §2.2.1.
    if (row === undefined) {
      return yield refuse(rcodes.NOTAUTH, extendedErrors.NOT_AUTHORITATIVE, "no such zone is here");
    }
    if (this.#peerOf(row, "secondary", signed.key, client) === null) {
      return yield refuse(
        rcodes.REFUSED,
        extendedErrors.PROHIBITED,
        "transfers of the zone are not for this client and key",
      );
    }
    const zone = editor.zone(name);
    if (!zone.isAnswerable || secondaries.isExpired(name)) {
      return yield refuse(rcodes.SERVFAIL, extendedErrors.NOT_READY, "the zone is not loaded, or has expired");
    }
    const isIncremental = message.question!.type === types.IXFR;
    if (!isStream(client) && !isIncremental) {
      return yield refuse(rcodes.REFUSED, extendedErrors.PROHIBITED, "whole zones are transferred over TCP or TLS");
    }
    const { key } = message.question!;
    const pack = (records: Parameters<typeof packMessages>[0]) =>
      packMessages(records, { id: message.id, question: message.question!, withOpt: message.edns !== null });
    const held = isIncremental ? heldSerial(message) : null;
    if (isIncremental && held === null) return yield this.#reply(message, rcodes.FORMERR);
    // RFC 1995 §2: nothing newer, or no room: the SOA alone.
    if (held !== null && (!isStream(client) || !isNewerSerial(zone.serial, held))) {
      return yield* pack([recordOf(key, zone.soaSet)]);
    }
    if (this.#transfers >= maxTransfers) {
      return yield refuse(rcodes.SERVFAIL, extendedErrors.NOT_READY, `${maxTransfers} transfers are under way`);
    }
    counters.transfersOut++;
    this.#transfers++;
    try {
      yield* pack(await this.#contentOf(zone, name, held, client));
    } finally {
      this.#transfers--;
    }
  }

  async #contentOf(
    zone: Zone,
    name: DomainName,
    held: number | null,
    client: Client,
  ): Promise<Iterable<TransferRecord>> {
    const steps = held === null ? null : this.#stepsFrom(zone, name, held);
    this.#options.log.info("zone transfer", {
      zone: name.text,
      client: client.address,
      serial: zone.serial,
      kind: steps === null ? "whole" : `from ${held}`,
    });
    return steps === null ? wholeZone(await takeSnapshot(zone)) : differences(name.key, zone.soaSet, steps);
  }

  /** The journal's steps to the zone as it is; null when it doesn't reach back, or the whole zone is shorter. */
  #stepsFrom(zone: Zone, name: DomainName, held: number) {
    const steps = this.#options.editor.journal(name, held);
    const records = steps?.reduce((sum, { removed, added }) => sum + removed.length + added.length, 0) ?? 0;
    // A name has one record at least, so this never calls the shorter one longer.
    if (steps === null || steps.at(-1)?.to !== zone.serial || !areComplete(steps) || records > 4 * zone.size + 100) {
      return null;
    }
    return steps;
  }

  /** The peer that the message is from: its address and, where it has one, its key. Null for a stranger. */
  #peerOf(row: ZoneRow, role: PeerRole, key: HeldKey | null, client: Client): ZonePeer | null {
    const keyName = key === null ? "" : textOfKey(key.name);
    const isFrom = (peer: ZonePeer) =>
      new ClientNetworks([role === "primary" ? hostPortOf(peer)!.hostname : networkOf(peer)]).has(client.address) &&
      (peer.tsigKey === "" || peer.tsigKey === keyName);
    return this.#options.peers.list(row, role).find(isFrom) ?? null;
  }

  /** Signs a reply. One that is too long for the client with its signature becomes TC and question alone (RFC 8945 §5.3). */
  #signed(reply: Uint8Array, { message, key, client }: Signed, signer: ReplySigner | null): Uint8Array {
    if (signer === null || key === null || reply.length === 0) return reply;
    const limit = client.transport !== "udp"
      ? maxMessageOctets
      : Math.min(Math.max(message.edns?.udpOctets ?? plainUdpOctets, plainUdpOctets), ednsUdpOctets);
    return signer.sign(reply.length + signatureOctets(key) <= limit ? reply : truncated(reply, message));
  }

  /** A reply of header, question and, to a client that knows EDNS, OPT. */
  #reply(message: RawMessage, rcode: number, note: ErrorNote | null = null, authoritative = false): Uint8Array {
    const { id, opcode, question, edns } = message;
    this.#writer.start({ id, opcode, isReply: true, authoritative, rcode }, question);
    if (edns !== null) this.#writer.addOpt(note);
    return this.#writer.finish();
  }

  #malformed(packet: Uint8Array): Uint8Array {
    const id = packet[0]! << 8 | packet[1]!;
    this.#writer.start({ id, opcode: packet[2]! >> 3 & 15, isReply: true, rcode: rcodes.FORMERR }, null);
    return this.#writer.finish();
  }
}

/** Whether more than one message can go to the client. */
function isStream({ transport }: Client): boolean {
  return transport === "tcp" || transport === "tls";
}

async function firstOf(messages: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  for await (const message of messages) return message;
  return noReply;
}

/** The serial of an IXFR request (RFC 1995 §3); null when it has none. */
function heldSerial({ question, authorities }: RawMessage): number | null {
  const soa = authorities.find(({ type, owner }) => type === types.SOA && owner === question!.key);
  return soa === undefined || soa.data.length < 22 ? null : serialOfSoa(soa.data);
}

function truncated(reply: Uint8Array, { questionEnd }: RawMessage): Uint8Array {
  const short = reply.slice(0, Math.max(questionEnd, headerOctets));
  short[2]! |= flags.TC;
  short.fill(0, 6, headerOctets);
  return short;
}
