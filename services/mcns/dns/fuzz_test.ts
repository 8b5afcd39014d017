/** Mutated packets: bounded in number, the same on every run. A failure names the packet. */
import assert from "node:assert/strict";
import { systemClock } from "@lib/clock/mod.ts";
import { seeded } from "@lib/testing/mod.ts";
import { answersUnderTest } from "../testing/answers_under_test.ts";
import { query } from "../testing/dig_notation.ts";
import { mutate } from "../testing/mutate.ts";
import { signedZoneOf } from "../testing/signed_zone.ts";
import { viewsOf, zoneOf } from "../testing/zone_text.ts";
import { ednsOptions } from "./codes.ts";
import { cookieOctets, Cookies } from "./cookies.ts";
import { readMessage } from "./message.ts";

const mutations = 100_000;

const limit = 4;
const ask = answersUnderTest({
  views: viewsOf(
    zoneOf("example.org", [
      "www A 192.0.2.1",
      "web CNAME www",
      "*.wild AAAA 2001:db8::1",
      "a.b CNAME x.net.",
      "d DNAME wild",
      "sub NS ns.sub",
      "ns.sub A 192.0.2.2",
      "@ MX 10 www",
      ...Array.from({ length: 40 }, (_, i) => `many TXT ${i}`),
    ]),
    signedZoneOf("signed.example", ["www A 192.0.2.1", "*.wild A 192.0.2.2", "sub NS ns.sub"]),
    signedZoneOf("hashed.example", ["www A 192.0.2.1", "*.wild A 192.0.2.2", "sub NS ns.sub"], { nsec3: true }),
  ),
  cookies: new Cookies([new Uint8Array(16)], systemClock),
  nsid: "ns1.example.org",
  idleMs: 1000,
  amplificationLimit: limit,
});

const questions = [
  "www.example.org A",
  "web.example.org A",
  "x.wild.example.org AAAA",
  "nope.example.org TXT",
  "a.b.example.org A",
  "x.d.example.org AAAA",
  "www.sub.example.org A",
  "example.org MX",
  "many.example.org TXT",
  "nope.signed.example A",
  "x.wild.signed.example A",
  "sub.signed.example DS",
  "nope.hashed.example A",
  "x.wild.hashed.example A",
  "www.sub.hashed.example A",
  "signed.example DNSKEY",
];
const { COOKIE, NSID } = ednsOptions;
const seeds = questions.flatMap((text) => [
  query(text),
  query(text, { edns: 1232, dnssecOk: true }),
  query(text, { edns: 4096, dnssecOk: true, options: [[NSID, ""], [COOKIE, "0102030405060708"]] }),
]);

Deno.test("Answers gives a well-formed reply or none to 100,000 mutated queries, four times as long at most", () => {
  const pick = seeded(1);
  let replies = 0;
  for (let i = 0; i < mutations; i++) {
    const packet = mutate(seeds[i % seeds.length]!, pick);
    const sent = ask.reply(packet);
    if (sent === null) continue;
    replies++;
    const reply = readMessage(sent);
    assert.ok(reply !== null && reply.isReply, packet.toHex());
    assert.ok(sent.length <= limit * packet.length, `${sent.length} octets to ${packet.toHex()}`);
    assert.equal(reply.id, packet[0]! << 8 | packet[1]!, packet.toHex());
  }
  // A fuzz that only ever gets dropped would prove nothing.
  assert.ok(replies > mutations / 2, `only ${replies} replies`);
  assert.ok(ask.counters.authoritative > mutations / 25, `only ${ask.counters.authoritative} answers`);
});

Deno.test("Answers gives a well-formed reply to 20,000 mutated queries over TLS, whatever their length", () => {
  const pick = seeded(3);
  for (let i = 0; i < mutations / 5; i++) {
    const packet = mutate(seeds[i % seeds.length]!, pick);
    const sent = ask.reply(packet, { transport: "tls" });
    if (sent !== null) assert.ok(readMessage(sent) !== null, packet.toHex());
  }
});

Deno.test("Answers with our cookie, mutated with the query or not, is well formed", () => {
  const pick = seeded(4);
  const first = readMessage(
    ask.reply(query("www.example.org A", {
      edns: 1232,
      options: [[COOKIE, "0102030405060708"]],
    }))!,
  )!;
  const cookie = first.edns!.options.find(({ code }) => code === COOKIE)!.data;
  assert.equal(cookie.length, cookieOctets);
  let whole = 0;
  for (let i = 0; i < mutations / 5; i++) {
    const text = questions[i % questions.length]!;
    const packet = query(text, { edns: 1232, dnssecOk: true, options: [[COOKIE, cookie.toHex()]] });
    const sent = ask.reply(i % 4 === 0 ? packet : mutate(packet, pick));
    if (sent === null) continue;
    assert.ok(readMessage(sent) !== null && sent.length <= 1232, packet.toHex());
    if (sent.length > limit * packet.length) whole++;
  }
  assert.ok(whole > 0, "who shows our cookie gets long answers");
});

Deno.test("readMessage reads or refuses 100,000 mutated replies", () => {
  const pick = seeded(2);
  const replies = seeds.map((seed) => ask.reply(seed, { transport: "tcp" })!);
  let read = 0;
  for (let i = 0; i < mutations; i++) {
    if (readMessage(mutate(replies[i % replies.length]!, pick)) !== null) read++;
  }
  assert.ok(read > mutations / 20 && read < mutations, `${read} read`);
});
