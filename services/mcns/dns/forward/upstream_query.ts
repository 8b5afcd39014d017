/** Builds a query to an upstream and tells whether a reply is to it. */
import { classIn, dnssecOkFlag, ednsOptions, ednsUdpOctets, flags, headerOctets, types } from "../codes.ts";
import { type Message, readMessage } from "../message.ts";
import { readName } from "../wire_name.ts";
import type { Question } from "./upstream_reply.ts";

/** How a query is dressed. */
export interface QueryOptions {
  /** With an OPT record; without one there are no cookies and no padding either. Default true. */
  edns?: boolean;
  /** The cookie option's data: our part, and the server's where known (RFC 7873 §4). */
  cookie?: Uint8Array | null;
  /** Fill up to a multiple of so many octets, so that lengths tell nothing of names; 0: not. */
  paddingBlock?: number;
}

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

const foreign: Verdict = { kind: "foreign" };

/** Octets of an OPT record without options, and before an option's data. */
const optOctets = 11;
const optionHeader = 4;

/** A query with a new random id and letter case; recursion desired, DO and CD as the client had them. */
export function buildQuery(question: Question, options: QueryOptions = {}): UpstreamQuery {
  const { edns = true, cookie = null, paddingBlock = 0 } = options;
  const random = crypto.getRandomValues(new Uint8Array(2 + question.key.length));
  const id = random[0]! << 8 | random[1]!;
  const name = randomCase(question.key, random.subarray(2));
  const questionEnd = headerOctets + name.length + 4;
  const cookieOctets = cookie === null ? 0 : optionHeader + cookie.length;
  const unpadded = questionEnd + (edns ? optOctets + cookieOctets : 0);
  const isPadded = edns && paddingBlock > 0;
  const length = isPadded ? Math.ceil((unpadded + optionHeader) / paddingBlock) * paddingBlock : unpadded;
  const packet = new Uint8Array(length);
  const view = new DataView(packet.buffer);
  view.setUint16(0, id);
  packet[2] = flags.RD;
  packet[3] = question.checkingDisabled ? flags.CD : 0;
  view.setUint16(4, 1);
  for (let i = 0; i < name.length; i++) packet[headerOctets + i] = name.charCodeAt(i);
  view.setUint16(questionEnd - 4, question.type);
  view.setUint16(questionEnd - 2, classIn);
  if (edns) {
    view.setUint16(10, 1);
    view.setUint16(questionEnd + 1, types.OPT);
    view.setUint16(questionEnd + 3, ednsUdpOctets);
    view.setUint16(questionEnd + 7, question.dnssecOk ? dnssecOkFlag : 0);
    view.setUint16(questionEnd + 9, length - questionEnd - optOctets);
    let at = questionEnd + optOctets;
    if (cookie !== null) {
      view.setUint16(at, ednsOptions.COOKIE);
      view.setUint16(at + 2, cookie.length);
      packet.set(cookie, at + optionHeader);
      at += cookieOctets;
    }
    if (isPadded) {
      view.setUint16(at, ednsOptions.PADDING);
      view.setUint16(at + 2, length - at - optionHeader);
    }
  }
  return { packet, id, name, type: question.type };
}

/** Judges a packet that came from the upstream's address. Folds the letter case of its question in place. */
export function judge(query: UpstreamQuery, packet: Uint8Array): Verdict {
  if (packet.length < headerOctets) return foreign;
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  const isReply = (packet[2]! & flags.QR) !== 0 && (packet[2]! >> 3 & 15) === 0;
  if (view.getUint16(0) !== query.id || !isReply) return foreign;
  // A server that can't read a query may send the header alone back (RFC 6891 §7): that says FORMERR, and no more.
  if (view.getUint16(4) === 0) return judgeBareHeader(packet);
  if (view.getUint16(4) !== 1) return foreign;
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

function judgeBareHeader(packet: Uint8Array): Verdict {
  const message = readMessage(packet);
  if (message === null || message.rcode === 0) return foreign;
  // Without the question it is no better than a forger's guess of the id: over TCP it is the server's.
  return { kind: "case_lost", message };
}

/** Length octets are no letters, so every character may be looked at. */
function randomCase(key: string, random: Uint8Array): string {
  let name = "";
  for (let i = 0; i < key.length; i++) name += random[i]! & 1 ? key[i]!.toUpperCase() : key[i]!;
  return name;
}
