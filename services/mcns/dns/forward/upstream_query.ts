/** Builds a query to an upstream and tells whether a reply is to it. */
import { classIn, dnssecOkFlag, ednsUdpOctets, flags, headerOctets, types } from "../codes.ts";
import { type Message, readMessage } from "../message.ts";
import { readName } from "../wire_name.ts";
import type { Question } from "./upstream_reply.ts";

/** A query, and what a reply must repeat. */
export interface UpstreamQuery {
  readonly packet: Uint8Array;
  readonly id: number;
  /** The name with its letters in random case: bits that a forger has to guess too (draft-vixie-dnsext-dns0x20). */
  readonly name: string;
  readonly type: number;
}

/**
 * What a packet is to a query: its reply; one that repeats the name in other letter case (an upstream that
 * doesn't keep it, or a forger: ask again over TCP); or nothing of ours.
 */
export type Verdict = { kind: "reply" | "case_lost"; message: Message } | { kind: "foreign" };

const optOctets = 11;

/** A query with a new random id and letter case; recursion desired, EDNS, DO and CD as the client had them. */
export function buildQuery(question: Question): UpstreamQuery {
  const random = crypto.getRandomValues(new Uint8Array(2 + question.key.length));
  const id = random[0]! << 8 | random[1]!;
  const name = randomCase(question.key, random.subarray(2));
  const packet = new Uint8Array(headerOctets + name.length + 4 + optOctets);
  const view = new DataView(packet.buffer);
  view.setUint16(0, id);
  packet[2] = flags.RD;
  packet[3] = question.checkingDisabled ? flags.CD : 0;
  view.setUint16(4, 1);
  view.setUint16(10, 1);
  let at = headerOctets;
  for (let i = 0; i < name.length; i++) packet[at++] = name.charCodeAt(i);
  view.setUint16(at, question.type);
  view.setUint16(at + 2, classIn);
  view.setUint16(at + 5, types.OPT);
  view.setUint16(at + 7, ednsUdpOctets);
  view.setUint16(at + 11, question.dnssecOk ? dnssecOkFlag : 0);
  return { packet, id, name, type: question.type };
}

/** Judges a packet that came from the upstream's address. Folds the letter case of its question in place. */
export function judge(query: UpstreamQuery, packet: Uint8Array): Verdict {
  const foreign: Verdict = { kind: "foreign" };
  if (packet.length < headerOctets) return foreign;
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  const isReply = (packet[2]! & flags.QR) !== 0 && (packet[2]! >> 3 & 15) === 0;
  if (view.getUint16(0) !== query.id || !isReply || view.getUint16(4) !== 1) return foreign;
  const asked = readName(packet, headerOctets, packet.length, true);
  if (asked === null || asked.next + 4 > packet.length) return foreign;
  if (view.getUint16(asked.next) !== query.type || view.getUint16(asked.next + 2) !== classIn) return foreign;
  const sameCase = asked.name === query.name;
  if (!sameCase && asked.name.toLowerCase() !== query.name.toLowerCase()) return foreign;
  // Names of the answer are compressed against the question: our random letters are not for clients to see.
  for (let i = headerOctets; i < asked.next; i++) if (packet[i]! >= 65 && packet[i]! <= 90) packet[i]! += 32;
  const message = readMessage(packet);
  return message === null ? foreign : { kind: sameCase ? "reply" : "case_lost", message };
}

/** Length octets are no letters, so every character may be looked at. */
function randomCase(key: string, random: Uint8Array): string {
  let name = "";
  for (let i = 0; i < key.length; i++) name += random[i]! & 1 ? key[i]!.toUpperCase() : key[i]!;
  return name;
}
