/** Signed zones: signatures beside what is answered, and the proofs of the RFCs' own examples. */
import assert from "node:assert/strict";
import { silentLogger } from "@lib/log/mod.ts";
import { query, show } from "../testing/dig_notation.ts";
import { signedZoneOf, withoutSignatures } from "../testing/signed_zone.ts";
import { viewsOf } from "../testing/zone_text.ts";
import { Answers } from "./answer.ts";
import { ClientNetworks } from "./client_networks.ts";
import { Counters } from "./counters.ts";
import type { Zone } from "../domain/zone.ts";

/** The reply to a query with DO over TCP, signatures and NSEC records shortened; its lines after the question. */
function asker(...zones: Zone[]): (question: string) => string[] {
  const answers = new Answers({
    views: viewsOf(...zones),
    forwarder: null,
    forwardFor: new ClientNetworks([]),
    counters: new Counters(),
    log: { ...silentLogger, error: (message, fields) => assert.fail(`${message} ${fields?.error}`) },
  });
  const out = new Uint8Array(65_535);
  return (question) => {
    const packet = query(question, { edns: 1232, dnssecOk: true, recursionDesired: false });
    const length = answers.answer(packet, { address: "192.0.2.1", port: 5353, transport: "tcp" }, out);
    const [first = "", , ...lines] = withoutSignatures(show(out.subarray(0, length as number))).split("\n");
    return [first.replace(" qr", "").replace(" edns=1232 do", ""), ...lines];
  };
}

/** A set and its signature. */
const signed = (line: string): string[] => {
  const [owner, ttl, type] = line.split(" ");
  return [line, `${owner} ${ttl} RRSIG ${type}`];
};
const proof = (type: "NSEC" | "NSEC3", ...owners: string[]): string[] =>
  owners.flatMap((owner) => signed(`${owner} 300 ${type}`));

const content = [
  "@ 3600 SOA ns1 bugs.x.w 1 3600 300 3600000 300",
  "@ NS ns1",
  "@ NS ns2",
  "@ MX 1 xx",
  "a NS ns1.a",
  "a DS 58470 5 1 3079F1593EBAD6DC121E202A8B766A6A4837206C",
  "ns1.a A 192.0.2.5",
  "ai A 192.0.2.9",
  "ns1 A 192.0.2.1",
  "ns2 A 192.0.2.2",
  "*.w MX 1 ai",
  "x.w MX 1 xx",
  "x.y.w MX 1 xx",
  "xx A 192.0.2.10",
];
const soa = signed("example 300 SOA ns1.example bugs.x.w.example 1 3600 300 3600000 300");

Deno.test("NSEC proofs are those of RFC 4035 appendix B", () => {
  const ask = asker(signedZoneOf("example", [...content, "b NS ns1.b", "ns1.b A 192.0.2.7"]));
  for (
    const [remark, question, want] of [
      ["B.1 answer", "x.w.example MX", [
        "NOERROR aa",
        ...signed("x.w.example 300 MX 1 xx.example"),
        "additional:",
        ...signed("xx.example 300 A 192.0.2.10"),
      ]],
      ["B.2 name error", "ml.example A", [
        "NXDOMAIN aa",
        "authority:",
        ...soa,
        ...proof("NSEC", "b.example", "example"),
      ]],
      ["B.3 no data", "ns1.example MX", ["NOERROR aa", "authority:", ...soa, ...proof("NSEC", "ns1.example")]],
      ["no data, empty non-terminal", "y.w.example MX", [
        "NOERROR aa",
        "authority:",
        ...soa,
        ...proof("NSEC", "x.w.example"),
      ]],
      ["B.4 referral to a signed zone", "mc.a.example MX", [
        "NOERROR",
        "authority:",
        "a.example 300 NS ns1.a.example",
        ...signed("a.example 300 DS 58470 5 1 3079F1593EBAD6DC121E202A8B766A6A4837206C"),
        "additional:",
        "ns1.a.example 300 A 192.0.2.5",
      ]],
      ["B.5 referral to an unsigned zone", "mc.b.example MX", [
        "NOERROR",
        "authority:",
        "b.example 300 NS ns1.b.example",
        ...proof("NSEC", "b.example"),
        "additional:",
        "ns1.b.example 300 A 192.0.2.7",
      ]],
      ["B.6 wildcard", "a.z.w.example MX", [
        "NOERROR aa",
        ...signed("a.z.w.example 300 MX 1 ai.example"),
        "authority:",
        ...proof("NSEC", "x.y.w.example"),
        "additional:",
        ...signed("ai.example 300 A 192.0.2.9"),
      ]],
      ["B.7 wildcard no data", "a.z.w.example AAAA", [
        "NOERROR aa",
        "authority:",
        ...soa,
        ...proof("NSEC", "*.w.example", "x.y.w.example"),
      ]],
      ["B.8 DS at the apex", "example DS", ["NOERROR aa", "authority:", ...soa, ...proof("NSEC", "example")]],
      ["DS at the cut", "a.example DS", [
        "NOERROR aa",
        ...signed("a.example 300 DS 58470 5 1 3079F1593EBAD6DC121E202A8B766A6A4837206C"),
      ]],
      ["no DS at the cut", "b.example DS", ["NOERROR aa", "authority:", ...soa, ...proof("NSEC", "b.example")]],
      ["NSEC itself", "ai.example NSEC", ["NOERROR aa", ...proof("NSEC", "ai.example")]],
      ["signatures", "ai.example RRSIG", ["NOERROR aa", "ai.example 300 RRSIG A", "ai.example 300 RRSIG NSEC"]],
      ["one set of all", "ai.example ANY", ["NOERROR aa", ...signed("ai.example 300 A 192.0.2.9")]],
    ] as const
  ) assert.deepEqual(ask(question), want, remark);
});

const h = {
  apex: "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example",
  ns1: "2t7b4g4vsa5smi47k61mv5bv1a22bojr.example",
  "x.y.w": "2vptu5timamqttgl4luu9kg21e0aor3s.example",
  a: "35mthgpgcu1qg68fab165klnsnk3dpvl.example",
  "x.w": "b4um86eghhds6nea196smvmlo4ors995.example",
  "y.w": "ji6neoaepv8b5o6k4ev33abha8ht9fgc.example",
  w: "k8udemvp1j2f7eg6jebps17vp3n8i58h.example",
  ns2: "q04jkcevqvmu85r014c7dkba38o0ji5r.example",
  "*.w": "r53bq7cc2uvmubfu5ocmm6pers9tk9en.example",
};

Deno.test("NSEC3 proofs are those of RFC 5155 appendix B, below opt-out spans too", () => {
  const ask = asker(
    signedZoneOf("example", [
      ...content,
      "c NS ns1.c",
      "ns1.c A 192.0.2.7",
      // A name of the zone that looks like a hashed owner.
      "2t7b4g4vsa5smi47k61mv5bv1a22bojr A 192.0.2.127",
    ], { nsec3: true }),
  );
  for (
    const [remark, question, want] of [
      ["B.1 name error", "a.c.x.w.example A", [
        "NXDOMAIN aa",
        "authority:",
        ...soa,
        ...proof("NSEC3", h["x.w"], h.apex, h.a),
      ]],
      ["B.2 no data", "ns1.example MX", ["NOERROR aa", "authority:", ...soa, ...proof("NSEC3", h.ns1)]],
      ["B.2.1 no data, empty non-terminal", "y.w.example A", [
        "NOERROR aa",
        "authority:",
        ...soa,
        ...proof("NSEC3", h["y.w"]),
      ]],
      ["B.3 referral to an unsigned zone, opt-out", "mc.c.example MX", [
        "NOERROR",
        "authority:",
        "c.example 300 NS ns1.c.example",
        ...proof("NSEC3", h.apex, h.a),
        "additional:",
        "ns1.c.example 300 A 192.0.2.7",
      ]],
      ["B.4 wildcard", "a.z.w.example MX", [
        "NOERROR aa",
        ...signed("a.z.w.example 300 MX 1 ai.example"),
        "authority:",
        ...proof("NSEC3", h.ns2),
        "additional:",
        ...signed("ai.example 300 A 192.0.2.9"),
      ]],
      ["B.5 wildcard no data", "a.z.w.example AAAA", [
        "NOERROR aa",
        "authority:",
        ...soa,
        ...proof("NSEC3", h.w, h.ns2, h["*.w"]),
      ]],
      ["B.6 DS at the apex", "example DS", ["NOERROR aa", "authority:", ...soa, ...proof("NSEC3", h.apex)]],
      ["no DS in an opt-out span", "c.example DS", [
        "NOERROR aa",
        "authority:",
        ...soa,
        ...proof("NSEC3", h.apex, h.a),
      ]],
      ["a hashed owner is no name (§7.2.8)", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example NSEC3", "NXDOMAIN aa"],
      ["unless it is one", "2t7b4g4vsa5smi47k61mv5bv1a22bojr.example A", [
        "NOERROR aa",
        ...signed("2t7b4g4vsa5smi47k61mv5bv1a22bojr.example 300 A 192.0.2.127"),
      ]],
    ] as const
  ) {
    const lines = ask(question);
    if (typeof want === "string") assert.equal(lines[0], want, remark);
    else assert.deepEqual(lines, want, remark);
  }
});

Deno.test("proofs follow a chain of aliases, each once, after all answers", () => {
  const ask = asker(signedZoneOf("example", [
    "@ 3600 SOA ns1 admin 1 3600 600 604800 300",
    "@ NS ns1",
    "*.w CNAME y.v",
    "*.v CNAME nope",
    "d DNAME w",
  ]));
  assert.deepEqual(ask("x.d.example A"), [
    "NXDOMAIN aa",
    ...signed("d.example 300 DNAME w.example"),
    "x.d.example 300 CNAME x.w.example",
    ...signed("x.w.example 300 CNAME y.v.example"),
    ...signed("y.v.example 300 CNAME nope.example"),
    "authority:",
    ...signed("example 300 SOA ns1.example admin.example 1 3600 600 604800 300"),
    ...proof("NSEC", "*.w.example", "*.v.example", "d.example", "example"),
  ]);
});

Deno.test("without DO a signed zone answers as if it were unsigned", () => {
  const zone = signedZoneOf("example", content);
  const answers = new Answers({
    views: viewsOf(zone),
    forwarder: null,
    forwardFor: new ClientNetworks([]),
    counters: new Counters(),
    log: silentLogger,
  });
  const out = new Uint8Array(1232);
  const ask = (question: string) => {
    const length = answers.answer(query(question, { edns: 1232 }), { address: "::1", port: 1, transport: "udp" }, out);
    return show(out.subarray(0, length as number)).split("\n").slice(2);
  };
  assert.deepEqual(ask("ai.example A"), ["ai.example 300 A 192.0.2.9"]);
  assert.equal(ask("ml.example A").length, 2);
  assert.deepEqual(ask("mc.a.example A").length, 4);
});
