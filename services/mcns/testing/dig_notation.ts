/**
 * Queries and replies as text, so that tests read like a terminal with dig in it.
 */
import { formatIpv4, formatIpv6 } from "../domain/ip_address.ts";
import { textOfKey } from "../domain/name.ts";
import { rcodes, types } from "../dns/codes.ts";
import { type Message, readMessage, type WireRecord } from "../dns/message.ts";
import { readName } from "../dns/wire_name.ts";

export interface QueryOptions {
  id?: number;
  /** Default true. */
  recursionDesired?: boolean;
  checkingDisabled?: boolean;
  /** Client's UDP size; left out: no EDNS. */
  edns?: number;
  dnssecOk?: boolean;
}

/** A query for "WWW.example.org A" (letter case goes out as written), "example.org TYPE65". */
export function query(text: string, options: QueryOptions = {}): Uint8Array {
  const { id = 0x1234, recursionDesired = true, checkingDisabled = false, edns, dnssecOk = false } = options;
  const [name = "", type = "A"] = text.split(" ");
  const octets = [id >> 8, id & 255, recursionDesired ? 1 : 0, checkingDisabled ? 0x10 : 0, 0, 1, 0, 0, 0, 0, 0, 0];
  if (edns !== undefined) octets[11] = 1;
  for (const label of name.split(".")) {
    if (label !== "") octets.push(label.length, ...new TextEncoder().encode(label));
  }
  octets.push(0, ...u16(typeNumber(type)), ...u16(1));
  if (edns !== undefined) octets.push(0, ...u16(types.OPT), ...u16(edns), 0, 0, dnssecOk ? 0x80 : 0, 0, 0, 0);
  return Uint8Array.from(octets);
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
    lines[0] += ` edns=${message.edns.udpOctets}${message.edns.dnssecOk ? " do" : ""}`;
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
  const name = (at: number) => {
    const read = readName(data, at, data.length, true)!;
    return { text: textOfKey(read.name), next: read.next };
  };
  switch (type) {
    case types.A:
      return formatIpv4(data);
    case types.AAAA:
      return formatIpv6(data);
    case types.CNAME:
    case types.NS:
      return name(0).text;
    case types.SOA: {
      const primary = name(0), mailbox = name(primary.next);
      const view = new DataView(data.buffer, data.byteOffset + mailbox.next);
      return [primary.text, mailbox.text, ...[0, 4, 8, 12, 16].map((at) => view.getUint32(at))].join(" ");
    }
    default:
      // RFC 3597 §5.
      return `\\# ${data.length} ${data.toHex()}`;
  }
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

const typeNames = new Map(Object.entries(types).map(([name, number]) => [number as number, name]));
const rcodeNames = new Map(Object.entries(rcodes).map(([name, number]) => [number as number, name]));
const typeText = (type: number): string => typeNames.get(type) ?? `TYPE${type}`;
const rcodeText = (rcode: number): string => rcodeNames.get(rcode) ?? `RCODE${rcode}`;

function typeNumber(text: string): number {
  const known = Object.entries(types).find(([name]) => name === text)?.[1];
  return known ?? Number(text.replace("TYPE", ""));
}

const u16 = (value: number): [number, number] => [value >> 8, value & 255];
