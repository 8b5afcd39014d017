/** Referrals, redirections and additional records. */
import assert from "node:assert/strict";
import { answersUnderTest } from "../testing/answers_under_test.ts";
import { viewsOf, zoneOf } from "../testing/zone_text.ts";

const long = "a".repeat(60);
const dig = answersUnderTest({
  views: viewsOf(
    zoneOf("example.org", [
      "ns1 A 192.0.2.53",
      "sub NS ns1.sub",
      "sub NS ns.sibling",
      "sub NS ns1",
      "sub NS ns.example.net.",
      "ns1.sub A 192.0.2.1",
      "ns1.sub AAAA 2001:db8::1",
      "sibling NS ns.sibling",
      "ns.sibling A 192.0.2.2",
      "tosub CNAME www.sub",
      "d DNAME target",
      "www.target A 192.0.2.3",
      "gone DNAME example.net.",
      `long DNAME ${long}.${long}.${long}`,
      "mail A 192.0.2.25",
      "*.wild A 192.0.2.9",
      "mx MX 10 mail",
      "mx MX 20 mail",
      "mx MX 30 mail.example.net.",
      "srv SRV 1 1 443 mail",
      "srvwild SRV 1 1 443 x.wild",
      'naptr NAPTR 1 1 a x "" mail',
      "svc HTTPS 1 . alpn=h2",
      "svc A 192.0.2.4",
      "alias HTTPS 0 svc",
      "none HTTPS 0 .",
      "glue MX 1 ns1.sub",
    ]),
  ),
});
const soa = "example.org 300 SOA ns1.example.org admin.example.org 2026010100 3600 600 604800 300";
const referral = [
  "authority:",
  "sub.example.org 300 NS ns.example.net",
  "sub.example.org 300 NS ns1.example.org",
  "sub.example.org 300 NS ns1.sub.example.org",
  "sub.example.org 300 NS ns.sibling.example.org",
  "additional:",
  "ns1.sub.example.org 300 A 192.0.2.1",
  "ns1.sub.example.org 300 AAAA 2001:db8::1",
  "ns1.example.org 300 A 192.0.2.53",
  "ns.sibling.example.org 300 A 192.0.2.2",
];

function check(rows: readonly (readonly [question: string, want: readonly string[], remark?: string])[]): void {
  for (const [question, [first, ...rest], remark] of rows) {
    const lines = dig(question).split("\n");
    assert.equal(lines[0], `${first} rd`, `${question} ${remark ?? ""}`);
    assert.deepEqual(sorted(lines.slice(2)), sorted(rest), `${question} ${remark ?? ""}`);
  }
}

/** Records of a section come in any order. */
function sorted(lines: readonly string[]): string[] {
  let section = 0;
  const numbered = lines.map((line) => `${line.endsWith(":") ? ++section + "0" : section + "1"} ${line}`);
  return numbered.sort();
}

Deno.test("Answers refers to the servers of a delegated zone, with glue of its own, of siblings and of ours", () => {
  check([
    ["www.sub.example.org A", ["NOERROR qr", ...referral]],
    ["sub.example.org NS", ["NOERROR qr", ...referral], "the child's, not ours"],
    ["ns1.sub.example.org A", ["NOERROR qr", ...referral], "glue is no answer"],
    ["sub.example.org DS", ["NOERROR qr aa", "authority:", soa], "ours"],
    [
      "tosub.example.org A",
      ["NOERROR qr aa", "tosub.example.org 300 CNAME www.sub.example.org", ...referral],
      "AA is for the first name (RFC 1035 §4.1.1)",
    ],
  ]);
});

Deno.test("Answers truncates a referral whose own glue doesn't fit (RFC 9471), not one that lacks a sibling's", () => {
  const glue = (host: string, count: number) => Array.from({ length: count }, (_, i) => `${host} A 192.0.2.${i}`);
  for (
    const [lines, want, remark] of [
      [["sub NS ns.sub", ...glue("ns.sub", 40)], "NOERROR qr tc rd", "40 × 16 octets are more than 512"],
      [["sub NS ns.sub", ...glue("ns.sub", 20)], "NOERROR qr rd", ""],
      [["sub NS ns.sibling", "sibling NS ns.sibling", ...glue("ns.sibling", 40)], "NOERROR qr rd", "a sibling's"],
    ] as const
  ) {
    const ask = answersUnderTest({ views: viewsOf(zoneOf("example.org", lines)) });
    assert.equal(ask("www.sub.example.org A").split("\n")[0], want, remark);
  }
});

Deno.test("Answers redirects below a DNAME with a CNAME made from it (RFC 6672)", () => {
  check([
    ["www.d.example.org A", [
      "NOERROR qr aa",
      "d.example.org 300 DNAME target.example.org",
      "www.d.example.org 300 CNAME www.target.example.org",
      "www.target.example.org 300 A 192.0.2.3",
    ]],
    ["nope.d.example.org A", [
      "NXDOMAIN qr aa",
      "d.example.org 300 DNAME target.example.org",
      "nope.d.example.org 300 CNAME nope.target.example.org",
      "authority:",
      soa,
    ]],
    ["d.example.org DNAME", ["NOERROR qr aa", "d.example.org 300 DNAME target.example.org"]],
    ["d.example.org A", ["NOERROR qr aa", "authority:", soa], "the DNAME's own name"],
    ["x.gone.example.org A", [
      "NOERROR qr aa",
      "gone.example.org 300 DNAME example.net",
      "x.gone.example.org 300 CNAME x.example.net",
    ]],
    [`${long}.${long}.long.example.org A`, [
      "YXDOMAIN qr aa",
      `long.example.org 300 DNAME ${long}.${long}.${long}.example.org`,
    ], "more than 255 octets (§2.2)"],
  ]);
});

Deno.test("Answers adds what the client will ask for next", () => {
  check([
    ["mx.example.org MX", [
      "NOERROR qr aa",
      "mx.example.org 300 MX 10 mail.example.org",
      "mx.example.org 300 MX 20 mail.example.org",
      "mx.example.org 300 MX 30 mail.example.net",
      "additional:",
      "mail.example.org 300 A 192.0.2.25",
    ], "each host once"],
    ["srv.example.org SRV", [
      "NOERROR qr aa",
      "srv.example.org 300 SRV 1 1 443 mail.example.org",
      "additional:",
      "mail.example.org 300 A 192.0.2.25",
    ]],
    ["srvwild.example.org SRV", [
      "NOERROR qr aa",
      "srvwild.example.org 300 SRV 1 1 443 x.wild.example.org",
      "additional:",
      "x.wild.example.org 300 A 192.0.2.9",
    ]],
    ["naptr.example.org NAPTR", [
      "NOERROR qr aa",
      'naptr.example.org 300 NAPTR 1 1 "a" "x" "" mail.example.org',
      "additional:",
      "mail.example.org 300 A 192.0.2.25",
    ]],
    ["svc.example.org HTTPS", [
      "NOERROR qr aa",
      'svc.example.org 300 HTTPS 1 . alpn="h2"',
      "additional:",
      "svc.example.org 300 A 192.0.2.4",
    ], "`.` is the owner (RFC 9460 §2.5.2)"],
    ["alias.example.org HTTPS", [
      "NOERROR qr aa",
      "alias.example.org 300 HTTPS 0 svc.example.org",
      "additional:",
      "svc.example.org 300 A 192.0.2.4",
      'svc.example.org 300 HTTPS 1 . alpn="h2"',
    ]],
    ["none.example.org HTTPS", ["NOERROR qr aa", "none.example.org 300 HTTPS 0 ."], "there is no service"],
    ["glue.example.org MX", [
      "NOERROR qr aa",
      "glue.example.org 300 MX 1 ns1.sub.example.org",
      "additional:",
      "ns1.sub.example.org 300 A 192.0.2.1",
      "ns1.sub.example.org 300 AAAA 2001:db8::1",
    ]],
  ]);
});
