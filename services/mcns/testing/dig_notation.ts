/**
 * Queries and replies as text, so that tests read like a terminal with dig in it.
 */
import { DomainName, textOfKey } from "../domain/name.ts";
import { fromBytes } from "../domain/octets.ts";
import { formatData } from "../domain/rdata/record_data.ts";
import { typeCode, typeText } from "../domain/rdata/record_type.ts";
import { classIn, ednsOptions, types } from "../dns/codes.ts";
import { type Message, type MessageEdns, readMessage, type WireRecord } from "../dns/message.ts";
import { rcodeText } from "../dns/query_log.ts";

export interface QueryOptions {
  id?: number;
  /** Default true. */
  recursionDesired?: boolean;
  checkingDisabled?: boolean;
  /** Client's UDP size; left out: no EDNS. */
  edns?: number;
  dnssecOk?: boolean;
  /** Default 1, IN. */
  class?: number;
  /** Default 0, QUERY. */
  opcode?: number;
  /** EDNS options: code, and data in hexadecimal. */
  options?: readonly (readonly [number, string])[];
}

/** A query for "WWW.example.org A" (letter case goes out as written), "example.org TYPE65". */
export function query(text: string, options: QueryOptions = {}): Uint8Array {
  const { id = 0x1234, recursionDesired = true, checkingDisabled = false, edns, dnssecOk = false } = options;
  const [name = "", type = "A"] = text.split(" ");
  const second = (options.opcode ?? 0) << 3 | (recursionDesired ? 1 : 0);
  const octets = [id >> 8, id & 255, second, checkingDisabled ? 0x10 : 0, 0, 1, 0, 0, 0, 0, 0, 0];
  if (edns !== undefined) octets[11] = 1;
  octets.push(...nameOctets(name), ...u16(typeCode(type)), ...u16(options.class ?? classIn));
  if (edns !== undefined) {
    const data = (options.options ?? []).flatMap(([code, hex]) => {
      const value = Uint8Array.fromHex(hex);
      return [...u16(code), ...u16(value.length), ...value];
    });
    octets.push(0, ...u16(types.OPT), ...u16(edns), 0, 0, dnssecOk ? 0x80 : 0, 0, ...u16(data.length), ...data);
  }
  return Uint8Array.from(octets);
}

/** Letter case as written; escapes as in zone files. */
function nameOctets(text: string): number[] {
  if (text.includes("\\")) return [...DomainName.parse(text, "name").key].map((octet) => octet.charCodeAt(0));
  const labels = text.split(".").filter((label) => label !== "");
  return [...labels.flatMap((label) => [label.length, ...new TextEncoder().encode(label)]), 0];
}

/**
 * A reply: rcode and flags, the question after `;`, then records; authority and additional ones under their own heading.
 *
 *     NOERROR qr aa rd
 *     ;WWW.example.org A
 *     www.example.org 300 A 192.0.2.1
 */
export function show(packet: Uint8Array): string {
  const message = readMessage(packet);
  if (message === null) return `malformed ${packet.toHex()}`;
  const lines = [[rcodeText(message.rcode), ...flagsOf(message, packet)].join(" ")];
  if (message.edns !== null) {
    lines[0] += ` edns=${message.edns.udpOctets}${message.edns.dnssecOk ? " do" : ""}${optionsText(message.edns)}`;
  }
  if (message.question !== null) lines.push(`;${textOfKey(message.question.name)} ${typeText(message.question.type)}`);
  lines.push(...message.answers.map(recordText));
  if (message.authorities.length > 0) lines.push("authority:", ...message.authorities.map(recordText));
  if (message.additionals.length > 0) lines.push("additional:", ...message.additionals.map(recordText));
  return lines.join("\n");
}

export function recordText({ owner, ttlSeconds, type, data }: WireRecord): string {
  return `${textOfKey(owner)} ${ttlSeconds} ${typeText(type)} ${dataText(type, data)}`;
}

function dataText(type: number, data: Uint8Array): string {
  return formatData(type, fromBytes(data));
}

/** " nsid=6e7331 ede=20"; padding by its length, a cookie not at all: it differs each time. */
function optionsText({ options }: MessageEdns): string {
  return options.map(({ code, data }) => {
    switch (code) {
      case ednsOptions.NSID:
        return ` nsid=${data.toHex()}`;
      case ednsOptions.COOKIE:
        return " cookie";
      case ednsOptions.KEEPALIVE:
        return ` keepalive=${data[0]! << 8 | data[1]!}`;
      case ednsOptions.PADDING:
        return ` padding=${data.length}`;
      case ednsOptions.EXTENDED_ERROR:
        return ` ede=${data[0]! << 8 | data[1]!}`;
      default:
        return ` option${code}=${data.toHex()}`;
    }
  }).join("");
}

function flagsOf(message: Message, packet: Uint8Array): string[] {
  const flags: [boolean, string][] = [
    [message.isReply, "qr"],
    [message.authoritative, "aa"],
    [message.truncated, "tc"],
    [message.recursionDesired, "rd"],
    [message.recursionAvailable, "ra"],
    [(packet[3]! & 0x20) !== 0, "ad"],
    [(packet[3]! & 0x10) !== 0, "cd"],
  ];
  return flags.filter(([set]) => set).map(([, name]) => name);
}

const u16 = (value: number): [number, number] => [value >> 8, value & 255];
