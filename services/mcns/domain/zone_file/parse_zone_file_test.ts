import assert from "node:assert/strict";
import { DomainName, textOfKey } from "../name.ts";
import { formatData } from "../rdata/record_data.ts";
import { typeText } from "../rdata/record_type.ts";
import { parseZoneFile, type ZoneFileOptions } from "./parse_zone_file.ts";

const origin = DomainName.parse("example.org", "zone");

/** "line owner ttl type data" of each record. */
function read(text: string, options: Partial<ZoneFileOptions> = {}): string[] {
  return parseZoneFile(text, { origin, ...options }).map(({ line, owner, ttlSeconds, type, data }) =>
    `${line} ${textOfKey(owner)} ${ttlSeconds} ${typeText(type)} ${formatData(type, data)}`
  );
}

Deno.test("parseZoneFile reads RFC 1035's form with the additions that servers share", () => {
  const text = `; a comment
$TTL 1h ; RFC 2308
@       IN SOA  ns1 john\\.doe (
                2026010100 ; serial
                1h 10m 1w 5m )
        NS      ns1
        IN NS   ns2.example.net.

ns1     300 IN A 192.0.2.1 ; TTL before class
        IN 2d AAAA 2001:DB8::1\t; class before TTL
www.example.org. CLASS1 cname @
$ORIGIN sub.example.org.
@       TXT "a;b" (
  "c d" ) unquoted
deep.er MX 10 mail
$ORIGIN more.sub
x       SRV 0 0 1 y
$ORIGIN .
z.example.org TYPE65280 \\# 2 0A 0B
a.example.org A \\# 4 C0000202
*.w.example.org HTTPS 1 . alpn="h2,h3" port=443
1/26.example.org CNAME a.b.
a\\.b.example.org (A
192.0.2.3)`;
  assert.deepEqual(read(text), [
    "3 example.org 3600 SOA ns1.example.org john\\.doe.example.org 2026010100 3600 600 604800 300",
    "6 example.org 3600 NS ns1.example.org",
    "7 example.org 3600 NS ns2.example.net",
    "9 ns1.example.org 300 A 192.0.2.1",
    "10 ns1.example.org 172800 AAAA 2001:db8::1",
    "11 www.example.org 3600 CNAME example.org",
    '13 sub.example.org 3600 TXT "a;b" "c d" "unquoted"',
    "15 deep.er.sub.example.org 3600 MX 10 mail.sub.example.org",
    "17 x.more.sub.sub.example.org 3600 SRV 0 0 1 y.more.sub.sub.example.org",
    "19 z.example.org 3600 TYPE65280 \\# 2 0A0B",
    "20 a.example.org 3600 A 192.0.2.2",
    '21 *.w.example.org 3600 HTTPS 1 . alpn="h2,h3" port=443',
    "22 1/26.example.org 3600 CNAME a.b",
    "23 a\\.b.example.org 3600 A 192.0.2.3",
  ]);
});

Deno.test("parseZoneFile finds a TTL where none is stated", () => {
  for (
    const [text, ttls, remark] of [
      ["$TTL 60\n@ 10 A 192.0.2.1\n@ A 192.0.2.2", [10, 60], "$TTL before the last one"],
      ["@ 10 A 192.0.2.1\n@ A 192.0.2.2", [10, 10], "the last one (RFC 1035 §5.1)"],
      ["@ SOA a. b. 1 2 3 4 55\n@ A 192.0.2.2", [55, 55], "the SOA's minimum, as in BIND"],
      ["@ 0 A 192.0.2.1", [0], "zero is one"],
      ["@ 2147483647 A 192.0.2.1", [2147483647], ""],
    ] as const
  ) assert.deepEqual(parseZoneFile(text, { origin }).map(({ ttlSeconds }) => ttlSeconds), ttls, remark);
  assert.deepEqual(read("@ A 192.0.2.1", { defaultTtl: 77 }), ["1 example.org 77 A 192.0.2.1"]);
});

Deno.test("parseZoneFile takes what editors leave behind", () => {
  for (
    const [text, lines] of [
      ["", []],
      ["\n \n;x\n\t;y\n", []],
      ["\ufeff@ 1 A 192.0.2.1\r\n  A 192.0.2.2\r\n", ["1 example.org 1 A 192.0.2.1", "2 example.org 1 A 192.0.2.2"]],
      ["@ 1 A 192.0.2.1\n@ 5 A 192.0.2.1", ["1 example.org 1 A 192.0.2.1"]], // the same twice
      ["@ 1 TXT é", ['1 example.org 1 TXT "\\195\\169"']],
      ["in 1 in a 192.0.2.1", ["1 in.example.org 1 A 192.0.2.1"]],
      ["a 1 A 192.0.2.1\n$ORIGIN b\na 1 A 192.0.2.1", [
        "1 a.example.org 1 A 192.0.2.1",
        "3 a.b.example.org 1 A 192.0.2.1",
      ]],
    ] as [string, string[]][]
  ) assert.deepEqual(read(text), lines);
});

Deno.test("parseZoneFile says file, line and what to do", () => {
  for (
    const [text, message] of [
      ["\n@ 1 A 192.0.2.x", '2: an A record holds an IPv4 address like 192.0.2.1, got "192.0.2.x"'],
      ["@ A 192.0.2.1", "1: the record has no TTL; put $TTL 300 at the top"],
      [" 1 A 192.0.2.1", "1: the first record gives its name; @ is the zone's own"],
      ["www 1", "1: www.example.org is followed by a type, like A, and data"],
      ["www 1 IN", "1: www.example.org is followed by a type, like A, and data"],
      [
        "www 1 IN FOO bar",
        '1: "FOO" is no record type known here; write others as TYPE and their number, with \\# data',
      ],
      [
        "www 1 IN IN A 192.0.2.1",
        '1: "IN" is no record type known here; write others as TYPE and their number, with \\# data',
      ],
      ["www 1 CH TXT x", '1: only class IN is served, got "CH"'],
      ["www 1 CLASS3 TXT x", '1: only class IN is served, got "CLASS3"'],
      ["www 2147483648 A 192.0.2.1", '1: a TTL is seconds up to 2147483647, or a time like 1h30m, got "2147483648"'],
      ["www 1y A 192.0.2.1", '1: a TTL is seconds up to 2147483647, or a time like 1h30m, got "1y"'],
      ["$TTL x", '1: a TTL is seconds up to 2147483647, or a time like 1h30m, got "x"'],
      ["$TTL", "1: $TTL has one value"],
      ["$ORIGIN a b", "1: $ORIGIN has one value"],
      ["$INCLUDE other.zone", "1: $INCLUDE isn't read here: put the other file's lines in its place"],
      [
        "$GENERATE 1-9 a$ A 192.0.2.$",
        '1: only $ORIGIN and $TTL are known here, got "$GENERATE"; write its records out',
      ],
      [
        "www.example.com. 1 A 192.0.2.1",
        "1: www.example.com isn't in zone example.org; leave the record out, or mend its name",
      ],
      ["@ 1 OPT \\# 0", "1: OPT stands in messages, not in zones"],
      ["@ 1 ANY \\# 0", "1: ANY stands in messages, not in zones"],
      ['\n@ 1 TXT "a\nb"', '2: the quotation mark before "a\\nb\\"" has no partner in its line'],
      ["\n\n@ 1 TXT (a\nb", '3: there is a "(" without a ")" after it'],
      ["@ 1 TXT a )", '1: there is a ")" without a "(" before it'],
      [
        "@ 1 MX (\n10\n192.0.2.1 )",
        '1: an MX record\'s mail server is a name; an address stands in an A or AAAA record of that name, got "192.0.2.1"',
      ],
      [
        "a..b 1 A 192.0.2.1",
        `1: labels are letters, digits, "-" and "_", not "-" at either end; any other character is ` +
        'written with a backslash before it, got "a..b"',
      ],
      [
        "@ 1 TYPE65280 x",
        '1: write a TYPE65280 record as its number of octets and hexadecimal, like \\# 4 0A000001, got "x"',
      ],
    ] as const
  ) {
    assert.throws(
      () => parseZoneFile(text, { origin, file: "example.org.zone" }),
      { code: "invalid", field: "text", message: `example.org.zone:${message}` },
      text,
    );
  }
});

Deno.test("parseZoneFile has bounds, and reads each character of a hostile file once", () => {
  assert.throws(() => parseZoneFile("a 1 A 192.0.2.1\n".repeat(2) + "b 1 A 192.0.2.1", { origin, maxRecords: 1 }), {
    message: "zone file:3: a zone file has at most 1 record here",
  });
  const many = 300_000;
  for (
    const text of [
      '"'.repeat(many),
      "(".repeat(many),
      "a ".repeat(many),
      "\\".repeat(many),
      "x 1 CNAME " + ".".repeat(many),
      "x 1 CNAME " + "\\001".repeat(many),
      "x".repeat(many) + " 1 A 192.0.2.1",
      'a 1 TXT "x\n'.repeat(many / 10),
      "a 1 TXT (\n".repeat(many / 10),
      "@ 1 TXT " + "a ".repeat(many),
      "@ 1 SVCB 1 . mandatory=" + "alpn,".repeat(many),
      "@ 1 LOC " + "1 ".repeat(many),
      "@ 1 DS 1 8 1 " + "0 ".repeat(many),
      "@ 1 A " + "x".repeat(5 * many),
    ]
  ) assert.throws(() => parseZoneFile(text, { origin }), { code: "invalid" }, text.slice(0, 40));
  for (const text of ["\n".repeat(many), "()".repeat(many), ";\n".repeat(many), "@ 1 NSEC . " + "A ".repeat(many)]) {
    assert.ok(parseZoneFile(text, { origin }).length <= 1);
  }
});

Deno.test("parseZoneFile with formOnly takes what another server wrote", () => {
  const text = "-odd!name 1 CNAME *.192.0.2.1.\n@ 1 TLSA 9 9 9 00";
  assert.deepEqual(read(text, { formOnly: true }), [
    "1 \\-odd\\!name.example.org 1 CNAME *.192.0.2.1",
    "2 example.org 1 TLSA 9 9 9 00",
  ]);
  assert.throws(() => read(text), { code: "invalid" });
});
