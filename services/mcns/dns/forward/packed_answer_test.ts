import assert from "node:assert/strict";
import { query, recordText, show } from "../../testing/dig_notation.ts";
import { replyTo, type Script } from "../../testing/scripted_upstream.ts";
import { readMessage } from "../message.ts";
import { readQuery } from "../query.ts";
import { AnswerPacker, isPacked, sectionOctets, unpack, writeSections } from "./packed_answer.ts";

const packer = new AnswerPacker();

/** What the script says, packed and then put into a reply to the question. */
function sent(text: string, script: Script, ageSeconds: number, fixedTtl?: number): string {
  const question = readQuery(query(text))!;
  const message = readMessage(replyTo(question, script, "tcp"))!;
  const packed = packer.pack(question.key, message)!;
  assert.ok(isPacked(packed));
  assert.deepEqual(unpack(question.key, packed)?.answers.map(recordText), message.answers.map(recordText));
  const out = new Uint8Array(question.questionEnd + sectionOctets(packed));
  out.set(question.packet.subarray(0, question.questionEnd));
  out[2]! |= 0x80;
  for (let i = 0; i < 4; i++) out[6 + i] = packed.charCodeAt(2 + i);
  writeSections(packed, out, question.questionEnd, ageSeconds, fixedTtl);
  return show(out);
}

Deno.test("packed answers come out as they went in, TTLs counted down", () => {
  const script: Script = {
    answers: [
      "www.example.net 300 CNAME web.example.net",
      "web.example.net 60 A 192.0.2.1",
      "web.example.net 5 A 192.0.2.2",
      "web.example.net 60 MX 10 mail.example.net",
      'web.example.net 60 TXT "a b"',
      "web.example.net 60 SRV 1 2 3 srv.example.net",
    ],
    authorities: ["example.net 3600 SOA 30", "example.net 3600 NS ns.elsewhere.org"],
  };
  assert.equal(
    sent("WWW.example.net A", script, 10),
    `NOERROR qr rd
;WWW.example.net A
www.example.net 290 CNAME web.example.net
web.example.net 50 A 192.0.2.1
web.example.net 0 A 192.0.2.2
web.example.net 50 MX 10 mail.example.net
web.example.net 50 TXT "a b"
web.example.net 50 SRV 1 2 3 srv.example.net
authority:
example.net 3590 SOA ns.example.net admin.example.net 1 2 3 4 30
example.net 3590 NS ns.elsewhere.org`,
  );
  assert.match(sent("www.example.net A", script, 0, 30), /^(?!.* (290|3600|60|5) [A-Z])/s);
});

Deno.test("AnswerPacker compresses names as a server would", () => {
  const answers = Array.from({ length: 100 }, (_, i) => `www.example.net 60 A 192.0.2.${i}`);
  const question = readQuery(query("www.example.net A"))!;
  const packed = packer.pack(question.key, readMessage(replyTo(question, { answers }, "tcp"))!)!;
  assert.equal(sectionOctets(packed), 100 * 16);
});

Deno.test("AnswerPacker packs up to a whole message, and refuses more", () => {
  const record = (octets: number) => ({
    owner: "\0",
    type: 16,
    class: 1,
    ttlSeconds: 60,
    data: new Uint8Array(octets),
  });
  const sections = (octets: number) => ({ rcode: 0, answers: [record(octets)], authorities: [] });
  const room = 65_535 - 12 - 1 - 4 - 11;
  assert.equal(unpack("\0", packer.pack("\0", sections(room))!)?.answers[0]?.data.length, room);
  assert.equal(packer.pack("\0", sections(room + 1)), null);
});

Deno.test("unpack refuses what pack didn't make", () => {
  const question = readQuery(query("a.net A"))!;
  const packed = packer.pack(question.key, readMessage(replyTo(question, { answers: ["a.net 60 A 192.0.2.1"] }))!)!;
  for (let length = 0; length < packed.length; length++) {
    assert.equal(unpack(question.key, packed.slice(0, length)), null, `${length} octets`);
  }
  assert.equal(unpack(question.key, packed.slice(0, 6) + "\xff\xff" + packed.slice(8)), null, "TTL elsewhere");
});
