import assert from "node:assert/strict";
import { answersUnderTest } from "../testing/answers_under_test.ts";
import { query, show } from "../testing/dig_notation.ts";
import { viewsOf, zoneOf } from "../testing/zone_text.ts";

const views = viewsOf(
  zoneOf("example.org", [
    "@ 600 A 192.0.2.1",
    "ns1 A 192.0.2.53",
    "ns1 AAAA 2001:db8::53",
    "www 300 A 192.0.2.80",
    "www 300 A 192.0.2.81",
    "web CNAME www",
    "web2 CNAME web",
    "cross CNAME a.sub",
    "dangling CNAME nothing",
    "halfway CNAME www.elsewhere.net.",
    "loop1 CNAME loop2",
    "loop2 CNAME loop1",
    "a.b.c A 192.0.2.3",
    "*.wild A 192.0.2.9",
    "cut NS ns1.cut",
    "*.wildalias CNAME www",
    ...Array.from({ length: 40 }, (_, i) => `many A 192.0.2.${i}`),
    ...Array.from({ length: 18 }, (_, i) => `chain${i} CNAME chain${i + 1}`),
  ]),
  zoneOf("sub.example.org", ["a AAAA 2001:db8::1"]),
  zoneOf("cut.example.org", ["www A 192.0.2.99"]),
);
const dig = answersUnderTest({ views });
const { reply, counters } = dig;

const soa = "example.org 300 SOA ns1.example.org admin.example.org 2026010100 3600 600 604800 300";

Deno.test("Answers gives what our zones say", () => {
  for (
    const [question, want] of [
      ["www.example.org A", [
        "NOERROR qr aa rd",
        "www.example.org 300 A 192.0.2.80",
        "www.example.org 300 A 192.0.2.81",
      ]],
      ["example.org A", ["NOERROR qr aa rd", "example.org 600 A 192.0.2.1"]],
      ["ns1.example.org AAAA", ["NOERROR qr aa rd", "ns1.example.org 300 AAAA 2001:db8::53"]],
      ["example.org SOA", ["NOERROR qr aa rd", soa.replace(" 300 ", " 3600 ")]],
      ["example.org NS", [
        "NOERROR qr aa rd",
        "example.org 3600 NS ns1.example.org",
        "additional:",
        "ns1.example.org 300 A 192.0.2.53",
        "ns1.example.org 300 AAAA 2001:db8::53",
      ]],
      // NXDOMAIN, NODATA, empty non-terminal: RFC 2308, RFC 8020.
      ["nope.example.org A", ["NXDOMAIN qr aa rd", "authority:", soa]],
      ["www.example.org AAAA", ["NOERROR qr aa rd", "authority:", soa]],
      ["www.example.org SOA", ["NOERROR qr aa rd", "authority:", soa]],
      ["www.example.org HTTPS", ["NOERROR qr aa rd", "authority:", soa]],
      ["c.example.org A", ["NOERROR qr aa rd", "authority:", soa]],
      // Aliases.
      ["web.example.org CNAME", ["NOERROR qr aa rd", "web.example.org 300 CNAME www.example.org"]],
      ["web2.example.org A", [
        "NOERROR qr aa rd",
        "web2.example.org 300 CNAME web.example.org",
        "web.example.org 300 CNAME www.example.org",
        "www.example.org 300 A 192.0.2.80",
        "www.example.org 300 A 192.0.2.81",
      ]],
      ["web.example.org AAAA", [
        "NOERROR qr aa rd",
        "web.example.org 300 CNAME www.example.org",
        "authority:",
        soa,
      ]],
      ["cross.example.org AAAA", [
        "NOERROR qr aa rd",
        "cross.example.org 300 CNAME a.sub.example.org",
        "a.sub.example.org 300 AAAA 2001:db8::1",
      ]],
      ["dangling.example.org A", [
        "NXDOMAIN qr aa rd",
        "dangling.example.org 300 CNAME nothing.example.org",
        "authority:",
        soa,
      ]],
      ["halfway.example.org A", ["NOERROR qr aa rd", "halfway.example.org 300 CNAME www.elsewhere.net"]],
      ["loop1.example.org A", [
        "NOERROR qr aa rd",
        "loop1.example.org 300 CNAME loop2.example.org",
        "loop2.example.org 300 CNAME loop1.example.org",
      ]],
      // Wildcards: RFC 4592.
      ["x.y.wild.example.org A", ["NOERROR qr aa rd", "x.y.wild.example.org 300 A 192.0.2.9"]],
      ["x.wild.example.org AAAA", ["NOERROR qr aa rd", "authority:", soa]],
      ["x.wildalias.example.org CNAME", ["NOERROR qr aa rd", "x.wildalias.example.org 300 CNAME www.example.org"]],
      // ANY: one set (RFC 8482).
      ["ns1.example.org ANY", ["NOERROR qr aa rd", "ns1.example.org 300 A 192.0.2.53"]],
      // DS at a cut comes from the zone above (RFC 4035 §3.1.4.1), elsewhere from the zone itself.
      ["cut.example.org DS", ["NOERROR qr aa rd", "authority:", soa]],
      // A zone of ours that the one above doesn't delegate: denying its name would deny all below it (RFC 8020).
      ["sub.example.org DS", ["NOERROR qr aa rd", "authority:", soa.replaceAll("example.org", "sub.example.org")]],
      ["example.org DS", ["NOERROR qr aa rd", "authority:", soa]],
      // Not ours, and nothing is forwarded.
      ["elsewhere.net A", ["REFUSED qr rd"]],
      [". NS", ["REFUSED qr rd"]],
      ["org SOA", ["REFUSED qr rd"]],
      ["example.org AXFR", ["REFUSED qr rd"]],
      ["example.org IXFR", ["REFUSED qr rd"]],
      ["example.org MAILA", ["NOTIMP qr rd"]],
      ["example.org OPT", ["FORMERR qr rd"]],
      ["example.org TSIG", ["FORMERR qr rd"]],
    ] as const
  ) {
    const [first, ...rest] = want;
    assert.equal(dig(question), [first, `;${question}`, ...rest].join("\n"), question);
  }
});

Deno.test("Answers follows at most 16 aliases", () => {
  assert.equal(dig("chain0.example.org A", {}, { transport: "tcp" }).match(/CNAME/g)?.length, 16);
});

Deno.test("Answers repeats the question's letter case, id and RD, and matches names in any case", () => {
  const want = [
    "NOERROR qr aa",
    ";wWw.eXample.ORG A",
    "www.example.org 300 A 192.0.2.80",
    "www.example.org 300 A 192.0.2.81",
  ];
  assert.equal(dig("wWw.eXample.ORG A", { recursionDesired: false }), want.join("\n"));
  assert.deepEqual([...reply(query("www.example.org A", { id: 0xbeef }))!.subarray(0, 2)], [0xbe, 0xef]);
});

Deno.test("Answers compresses: an answer's owner is a pointer to the question", () => {
  const packet = reply(query("ns1.example.org A"))!;
  assert.equal(packet.subarray(33).toHex(), "c00c" + "0001" + "0001" + "0000012c" + "0004" + "c0000235");
});

Deno.test("Answers with EDNS sends an OPT record back, with DO as it came", () => {
  assert.match(dig("example.org A", { edns: 4096 }), /^NOERROR qr aa rd edns=1232\n/);
  assert.match(dig("example.org A", { edns: 4096, dnssecOk: true }), /^NOERROR qr aa rd edns=1232 do\n/);
  assert.match(dig("elsewhere.net A", { edns: 512 }), /^REFUSED qr rd edns=1232 ede=20\n/);
});

Deno.test("Answers truncates over UDP what doesn't fit, and gives it whole over TCP", () => {
  for (
    const [options, transport, first, records, remark] of [
      [{}, "udp", "NOERROR qr aa tc rd", 0, "512 octets"],
      [{ edns: 100 }, "udp", "NOERROR qr aa tc rd edns=1232", 0, "a size below 512 counts as 512"],
      [{ edns: 600 }, "udp", "NOERROR qr aa tc rd edns=1232", 0, "34 + 40 × 16 + 11 octets are more"],
      [{ edns: 685 }, "udp", "NOERROR qr aa rd edns=1232", 40, "exactly that"],
      [{ edns: 684 }, "udp", "NOERROR qr aa tc rd edns=1232", 0, "one less"],
      [{}, "tcp", "NOERROR qr aa rd", 40, ""],
    ] as const
  ) {
    const lines = dig("many.example.org A", options, { transport }).split("\n");
    assert.equal(lines[0], first, remark);
    assert.equal(lines.length - 2, records, remark);
  }
});

Deno.test("Answers leaves out additional sets that don't fit whole, without TC", () => {
  const other = answersUnderTest({
    views: viewsOf(zoneOf("example.org", [
      "@ NS ns1",
      "@ NS ns2",
      ...Array.from({ length: 20 }, (_, i) => `ns1 A 192.0.2.${i}`),
      ...Array.from({ length: 20 }, (_, i) => `ns2 A 192.0.2.${i}`),
    ])),
  });
  const text = other("example.org NS").split("\n");
  assert.equal(text[0], "NOERROR qr aa rd");
  assert.deepEqual(text.slice(4).map((line) => line.split(" ")[0]), [
    "additional:",
    ...new Array(20).fill("ns1.example.org"),
  ]);
});

Deno.test("Answers to malformed packets is FORMERR, NOTIMP, or nothing", () => {
  const good = query("www.example.org A").toHex();
  const header = (flags: string, counts: string) => `1234${flags}${counts}`;
  const question = good.slice(24);
  const opt = "00" + "0029" + "04d0" + "00000000" + "0000";
  for (
    const [hex, want, remark] of [
      ["", "no reply", "empty"],
      [good.slice(0, 22), "no reply", "11 octets"],
      [header("8100", "0001000000000000") + question, "no reply", "QR is set: a reply"],
      [header("0100", "0000000000000000"), "FORMERR qr rd", "no question"],
      [header("0100", "0002000000000000") + question + question, "FORMERR qr rd", "two questions (RFC 9619)"],
      [header("0100", "0001000000000000"), "FORMERR qr rd", "question missing"],
      [good.slice(0, -2), "FORMERR qr rd", "question cut off"],
      [good + "00", "FORMERR qr rd", "octets left over"],
      [header("0100", "0001000000000000") + "c00c00010001", "FORMERR qr rd", "pointer to itself"],
      [header("0100", "0001000000000000") + "c00400010001", "FORMERR qr rd", "pointer into the header"],
      [header("0100", "0001ffffffffffff") + question, "FORMERR qr rd", "records announced, none there"],
      [header("0100", "0001000000000002") + question + opt + opt, "FORMERR qr rd", "two OPTs"],
      [header("0100", "0001000100000000") + question + opt, "FORMERR qr rd", "OPT as an answer"],
      [header("0100", "0001000000000001") + question + "0161" + opt, "FORMERR qr rd", "OPT with a name"],
      [
        header("0100", "0001000000000001") + question + opt.slice(0, -4) + "0003" + "000a00",
        "FORMERR qr rd",
        "option cut off",
      ],
      [header("2900", "0001000000000000") + question, "NOTIMP qr rd", "UPDATE"],
      [header("2000", "0001000000000000") + question, "NOTIMP qr", "NOTIFY"],
      [header("2000", "0000000000000000"), "FORMERR qr", "NOTIFY without a zone"],
      [header("1000", "0001000000000000") + question, "NOTIMP qr", "STATUS"],
      [header("7800", "0000000000000000"), "NOTIMP qr", "opcode 15"],
      [header("0100", "0001000000000000") + question.slice(0, -4) + "0003", "REFUSED qr rd", "class CH"],
      [
        header("0100", "0001000000000001") + question + "00002904d00001000000" + "00",
        "BADVERS qr rd edns=1232",
        "EDNS 1",
      ],
      [header("0100", "0001000000000001") + question + opt, "NOERROR qr aa rd edns=1232", "good"],
    ] as const
  ) {
    const packet = reply(Uint8Array.fromHex(hex));
    assert.equal(packet === null ? "no reply" : show(packet).split("\n")[0], want, remark);
  }
});

Deno.test("Answers counts what it does", () => {
  const before = { ...counters };
  dig("www.example.org A");
  dig("www.example.org A", {}, { transport: "tcp" });
  dig("elsewhere.net A");
  dig("many.example.org A");
  reply(new Uint8Array(3));
  const after = counters;
  assert.deepEqual(
    [
      after.queriesUdp - before.queriesUdp,
      after.queriesTcp - before.queriesTcp,
      after.authoritative - before.authoritative,
      after.refused - before.refused,
      after.truncated - before.truncated,
      after.malformed - before.malformed,
    ],
    [4, 1, 3, 1, 1, 1],
  );
});

Deno.test("Answers writes a DNAME that leads below itself once, and ends", () => {
  const ask = answersUnderTest({ views: viewsOf(zoneOf("example.org", ["d DNAME x.d"])) });
  const lines = ask("a.d.example.org A", {}, { transport: "tcp" }).split("\n");
  assert.equal(lines.filter((line) => line === "d.example.org 300 DNAME x.d.example.org").length, 1);
  assert.equal(lines.filter((line) => line.includes(" CNAME ")).length, 16);
});
