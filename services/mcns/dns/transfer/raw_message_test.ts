import assert from "node:assert/strict";
import { DomainName, textOfKey } from "../../domain/name.ts";
import { parseData } from "../../domain/rdata/record_data.ts";
import { typeCode, types, typeText } from "../../domain/rdata/record_type.ts";
import { classes, opcodes } from "../codes.ts";
import { MessageWriter, sections } from "./message_writer.ts";
import { type RawRecord, readRawMessage } from "./raw_message.ts";

const key = (text: string) => DomainName.parse(text, "name").key;

const lines = [
  "www.example.org 60 A 192.0.2.1",
  "example.org 60 MX 10 mail.example.org",
  "example.org 60 SOA ns1.example.org admin.example.org 5 3600 600 604800 300",
  "_sip._tcp.example.org 60 SRV 1 2 5060 www.example.org",
  `example.org 60 NAPTR 10 20 "s" "SIP+D2U" "" _sip._udp.example.org`,
  "example.org 60 RP admin.example.org text.example.org",
  "example.org 60 HTTPS 1 svc.example.org alpn=h2",
  `example.org 60 TXT "hello" "world"`,
  "example.org 60 TYPE65280 \\# 3 010203",
];

function messageOf(records: readonly string[]): Uint8Array {
  const writer = new MessageWriter();
  writer.start({ id: 7, opcode: opcodes.UPDATE }, { key: key("example.org"), type: types.SOA, class: 1 });
  for (const line of records) {
    const [name = "", ttl = "", type = "", ...value] = line.split(" ");
    const data = parseData(typeCode(type), value.join(" "));
    const record = { owner: key(name), type: typeCode(type), ttlSeconds: Number(ttl), data };
    assert.ok(writer.add(sections.authority, record), line);
  }
  writer.addOpt();
  return writer.finish();
}

Deno.test("readRawMessage reads what MessageWriter writes, compressed, for types with names of every kind", () => {
  const packet = messageOf(lines);
  const message = readRawMessage(packet)!;
  assert.deepEqual(
    message.authorities.map((
      { owner, type, data, ttlSeconds },
    ) => [textOfKey(owner), typeText(type), ttlSeconds, data]),
    lines.map((line) => {
      const [name = "", ttl = "", type = "", ...value] = line.split(" ");
      return [name, typeText(typeCode(type)), Number(ttl), parseData(typeCode(type), value.join(" "))];
    }),
  );
  assert.equal(message.edns?.udpOctets, 1232);
  const uncompressed = lines.reduce((sum, line) => {
    const [name = "", , type = "", ...value] = line.split(" ");
    return sum + key(name).length + 10 + parseData(typeCode(type), value.join(" ")).length;
  }, 12 + 17 + 11);
  assert.ok(packet.length < uncompressed - 60, `${packet.length} octets, uncompressed ${uncompressed}`);
});

Deno.test("readRawMessage gives data in canonical form: names written out, in lower case where their case doesn't count", () => {
  const packet = messageOf(["example.org 60 MX 10 mail.example.org"]);
  const upper = packet.map((octet, i) => i > 30 && octet >= 0x61 && octet <= 0x7a ? octet - 0x20 : octet);
  const [record] = readRawMessage(upper)!.authorities as [RawRecord];
  assert.equal(record.data, parseData(types.MX, "10 mail.example.org"));
});

Deno.test("readRawMessage reads records without data, as updates have them", () => {
  const writer = new MessageWriter();
  writer.start({ id: 7, opcode: opcodes.UPDATE }, { key: key("example.org"), type: types.SOA, class: 1 });
  const owner = key("www.example.org");
  writer.add(sections.answer, { owner, type: types.ANY, class: classes.NONE, ttlSeconds: 0, data: "" });
  writer.add(sections.authority, { owner, type: types.MX, class: classes.ANY, ttlSeconds: 0, data: "" });
  const message = readRawMessage(writer.finish())!;
  assert.deepEqual(message.answers.map(({ class: one, data }) => [one, data]), [[classes.NONE, ""]]);
  assert.deepEqual(message.authorities.map(({ class: one, data }) => [one, data]), [[classes.ANY, ""]]);
});

Deno.test("readRawMessage never throws, whatever becomes of a message", () => {
  const packet = messageOf(lines);
  // A fixed sequence (xorshift), so that a failure comes again.
  let state = 0x9e3779b9;
  const random = (below: number) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
  let understood = 0;
  for (let i = 0; i < 50_000; i++) {
    const mutated = packet.slice(0, random(8) === 0 ? random(packet.length + 1) : packet.length);
    for (let changes = random(4); changes > 0 && mutated.length > 0; changes--) {
      mutated[random(mutated.length)] = random(256);
    }
    if (readRawMessage(mutated) !== null) understood++;
  }
  assert.ok(understood > 5000 && understood < 45_000, `${understood} were understood`);
});
