/** Text and octets of each type, as BIND's named-rrchecker has them. */
import assert from "node:assert/strict";
import { DomainName } from "../name.ts";
import { toHex } from "../octets.ts";
import { checkData, exampleOf, formatData, parseData } from "./record_data.ts";
import { typeCode, types, typeText } from "./record_type.ts";

/** Type and value, octets, and how the value is written in a zone file when that differs. */
const vectors: readonly (readonly [string, string, string?])[] = [
  ["A 192.0.2.1", "c0000201"],
  [String.raw`A \# 4 0A000001`, "0a000001", "10.0.0.1"],
  ["AAAA 2001:DB8:0:0::1", "20010db8000000000000000000000001", "2001:db8::1"],
  ["AAAA ::ffff:192.0.2.1", "00000000000000000000ffffc0000201"],
  ["NS ns1.example.org.", "036e7331076578616d706c65036f726700"],
  ["DNAME example.net.", "076578616d706c65036e657400"],
  ["PTR a.b.example.org.", "01610162076578616d706c65036f726700"],
  ["MX 10 mail.example.org.", "000a046d61696c076578616d706c65036f726700"],
  ["MX 0 .", "000000"],
  [String.raw`TXT "v=spf1 mx -all"`, "0e763d73706631206d78202d616c6c"],
  ["TXT v=spf1", "06763d73706631", String.raw`"v=spf1"`],
  [String.raw`TXT "a" "" "b;c"`, "01610003623b63"],
  [String.raw`TXT "\"\\\200 \001"`, "05225cc82001"],
  [String.raw`SPF "v=spf1"`, "06763d73706631"],
  [String.raw`HINFO "ARM64" "Linux 6"`, "0541524d3634074c696e75782036"],
  [String.raw`RP john\.doe.example.org. .`, "086a6f686e2e646f65076578616d706c65036f72670000"],
  ["AFSDB 1 afsdb.example.org.", "0001056166736462076578616d706c65036f726700"],
  ["SRV 10 60 5060 sip.example.org.", "000a003c13c403736970076578616d706c65036f726700"],
  ["SRV 0 0 0 .", "00000000000000"],
  [
    String.raw`NAPTR 100 10 "u" "E2U+sip" "!^(\\d+)$!sip:\\1@example.com!i" .`,
    "0064000a0175074532552b7369701d215e285c642b2924217369703a5c31406578616d706c652e636f6d216900",
  ],
  [
    String.raw`NAPTR 100 10 "S" "SIP+D2U" "" _sip._udp.example.org.`,
    "0064000a0153075349502b44325500045f736970045f756470076578616d706c65036f726700",
  ],
  [String.raw`URI 10 1 "https://www.example.org/"`, "000a000168747470733a2f2f7777772e6578616d706c652e6f72672f"],
  ["KX 10 kx.example.org.", "000a026b78076578616d706c65036f726700"],
  [
    String.raw`CAA 0 issue "letsencrypt.org; validationmethods=dns-01"`,
    "000569737375656c657473656e63727970742e6f72673b2076616c69646174696f6e6d6574686f64733d646e732d3031",
  ],
  [
    String.raw`CAA 128 iodef "mailto:security@example.org"`,
    "8005696f6465666d61696c746f3a7365637572697479406578616d706c652e6f7267",
  ],
  [String.raw`CAA 0 issuewild ";"`, "0009697373756577696c643b"],
  [
    "SSHFP 4 2 123456789abcdef67890123456789abcdef67890123456789abcdef123456789",
    "0402123456789abcdef67890123456789abcdef67890123456789abcdef123456789",
    "4 2 123456789ABCDEF67890123456789ABCDEF67890123456789ABCDEF123456789",
  ],
  [
    "TLSA 3 1 1 0C72AC70B745AC19998811B131D662C9 AC69DBDBE7CB23E5B514B56664C5D3D6",
    "0301010c72ac70b745ac19998811b131d662c9ac69dbdbe7cb23e5b514b56664c5d3d6",
    "3 1 1 0C72AC70B745AC19998811B131D662C9AC69DBDBE7CB23E5B514B56664C5D3D6",
  ],
  ["SMIMEA 3 0 0 AABB", "030000aabb"],
  [
    "OPENPGPKEY mDMEZ7wAARYJKwYB BAHaRw8BAQdA",
    "98330467bc000116092b06010401da470f01010740",
    "mDMEZ7wAARYJKwYBBAHaRw8BAQdA",
  ],
  ["CERT PKIX 0 0 MIIBCg==", "00010000003082010a", "1 0 0 MIIBCg=="],
  [
    "DHCID AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=",
    "000201636fc0b8271c82825bb1ac5c41cf5351aa69b4febd94e8f17cdb95000da48c40",
  ],
  [
    "DS 60485 ECDSAP256SHA256 2 D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A",
    "ec450d02d4b7d520e7bb5f0f67674a0cceb1e3e0614b93c4f9e99b8383f6a1e4469da50a",
    "60485 13 2 D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A",
  ],
  [
    "DS 1 8 1 0123456789abcdef0123456789abcdef01234567",
    "000108010123456789abcdef0123456789abcdef01234567",
    "1 8 1 0123456789ABCDEF0123456789ABCDEF01234567",
  ],
  ["CDS 0 0 0 00", "0000000000"],
  [
    "DNSKEY 257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=",
    "0101030f974d96a22d224bc01adb915091477d44ccd91c9a41a11430010117d52c59240e",
  ],
  ["CDNSKEY 0 3 0 AA==", "0000030000"],
  [
    "RRSIG A 13 3 300 20260131000000 20260117000000 12345 example.org. q1OuCg==",
    "00010d030000012c697d4600696ad1003039076578616d706c65036f726700ab53ae0a",
  ],
  [
    String.raw`NSEC x\.y.example.org. A AAAA RRSIG NSEC TYPE1234 CAA`,
    "03782e79076578616d706c65036f7267000006400000080003010140041b000000000000000000000000000000000000000000000000000020",
    String.raw`x\.y.example.org. A AAAA RRSIG NSEC CAA TYPE1234`,
  ],
  [
    "NSEC3 1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr MX DNSKEY NS SOA NSEC3PARAM RRSIG",
    "0101000c04aabbccdd14174eb2409fe28bcb4887a1836f957f0a8425e27b000722010000000290",
    "1 1 12 AABBCCDD 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR NS SOA MX RRSIG DNSKEY NSEC3PARAM",
  ],
  [
    "NSEC3 1 0 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr",
    "010000000014174eb2409fe28bcb4887a1836f957f0a8425e27b",
    "1 0 0 - 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR",
  ],
  ["NSEC3PARAM 1 0 5 AABBCCDD", "0100000504aabbccdd"],
  ["NSEC3PARAM 1 0 0 -", "0100000000"],
  ["CSYNC 66 3 A NS AAAA", "000000420003000460000008"],
  [
    "ZONEMD 2026010100 1 1 C68090D90A7AED716BC459F9340E3D7C1370D4D24B7E2FC3A1DDC0B9A87153B9A9713B3C9AE5CC27777F98B8E730044C",
    "78c275f40101c68090d90a7aed716bc459f9340e3d7c1370d4d24b7e2fc3a1ddc0b9a87153b9a9713b3c9ae5cc27777f98b8e730044c",
  ],
  [
    "SVCB 16 foo.example.org. alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1",
    "001003666f6f076578616d706c65036f7267000000000400010004000100090268320568332d313900040004c0000201",
    String.raw`16 foo.example.org. mandatory=alpn,ipv4hint alpn="h2,h3-19" ipv4hint=192.0.2.1`,
  ],
  [
    String.raw`SVCB 16 foo.example.org. alpn="f\\\\oo\\,bar,h2"`,
    "001003666f6f076578616d706c65036f7267000001000c08665c6f6f2c626172026832",
  ],
  [
    String.raw`SVCB 16 foo.example.org. alpn=f\\\092oo\092,bar,h2`,
    "001003666f6f076578616d706c65036f7267000001000c08665c6f6f2c626172026832",
    String.raw`16 foo.example.org. alpn="f\\\\oo\\,bar,h2"`,
  ],
  [
    String.raw`SVCB 1 foo.example.com. key667="hello\210qoo"`,
    "000103666f6f076578616d706c6503636f6d00029b000968656c6c6fd2716f6f",
  ],
  [
    "SVCB 1 foo.example.com. key667=hello",
    "000103666f6f076578616d706c6503636f6d00029b000568656c6c6f",
    String.raw`1 foo.example.com. key667="hello"`,
  ],
  ["SVCB 1 foo.example.com. port=53", "000103666f6f076578616d706c6503636f6d00000300020035"],
  [
    String.raw`SVCB 1 foo.example.com. ipv6hint="2001:db8::1,2001:db8::53:1"`,
    "000103666f6f076578616d706c6503636f6d000006002020010db800000000000000000000000120010db8000000000000000000530001",
    "1 foo.example.com. ipv6hint=2001:db8::1,2001:db8::53:1",
  ],
  [
    String.raw`SVCB 1 example.com. ipv6hint="2001:db8:122:344::192.0.2.33"`,
    "0001076578616d706c6503636f6d000006001020010db80122034400000000c0000221",
    "1 example.com. ipv6hint=2001:db8:122:344::c000:221",
  ],
  ["HTTPS 0 foo.example.com.", "000003666f6f076578616d706c6503636f6d00"],
  ["HTTPS 1 .", "000100"],
  [
    String.raw`HTTPS 1 . no-default-alpn alpn=h2 ech=AEX+DQBBzgAgACC/ key3="\001\187"`,
    "00010000010003026832000200000003000201bb0005000c0045fe0d0041ce00200020bf",
    String.raw`1 . alpn="h2" no-default-alpn port=443 ech=AEX+DQBBzgAgACC/`,
  ],
  [
    "SVCB 1 dns.example.org. dohpath=/q{?dns}",
    "000103646e73076578616d706c65036f726700000700082f717b3f646e737d",
    String.raw`1 dns.example.org. dohpath="/q{?dns}"`,
  ],
  ["LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m", "000016138b3cf018810cbce0009895b8"],
  [
    "LOC 42 21 54 N 71 06 18 W -24m 30m",
    "0033161389172dd070be15f000988d20",
    "42 21 54.000 N 71 6 18.000 W -24.00m 30m 10000m 10m",
  ],
  ["LOC 10 N 0 E 0", "00121613822551008000000000989680", "10 0 0.000 N 0 0 0.000 E 0.00m 1m 10000m 10m"],
  [
    "LOC 1 2 S 3 4 5.6 W 42849672.95m 0.5m 90000000m 15m",
    "005199137fc73cc07f577520ffffffff",
    "1 2 0.000 S 3 4 5.600 W 42849672.95m 0.50m 90000000m 10m",
  ],
  ["EUI48 00-00-5E-00-53-2a", "00005e00532a", "00-00-5e-00-53-2a"],
  ["EUI64 00-00-5e-ef-10-00-00-2a", "00005eef1000002a"],
  [
    String.raw`SOA ns1.example.org. john\.doe.example.org. 2026010100 1h 10m 1w 5m`,
    "036e7331076578616d706c65036f726700086a6f686e2e646f65076578616d706c65036f72670078c275f400000e100000025800093a800000012c",
    String.raw`ns1.example.org. john\.doe.example.org. 2026010100 3600 600 604800 300`,
  ],
  [String.raw`TYPE65280 \# 4 0A 00 0001`, "0a000001", String.raw`\# 4 0A000001`],
  [String.raw`TYPE65281 \# 0`, ""],
  // Where BIND keeps capitals we fold them.
  ["CNAME WWW.Example.org.", "03777777076578616d706c65036f726700", "www.example.org."],
  ["ALIAS lb.example.net", "026c62076578616d706c65036e657400", "lb.example.net."],
];

function split(line: string): [number, string] {
  const space = line.indexOf(" ");
  return [typeCode(line.slice(0, space)), line.slice(space + 1)];
}

Deno.test("parseData and formatData read and write each type as BIND does", () => {
  const tested = new Set<number>();
  for (const [line, hex, written] of vectors) {
    const [type, value] = split(line);
    const data = parseData(type, value);
    assert.equal(toHex(data), hex, line);
    assert.equal(checkData(type, data), null, line);
    assert.equal(formatData(type, data, { finalDot: true }), written ?? value, line);
    // Whatever the style, the text reads back; as what callers write and as what the store has.
    for (const finalDot of [false, true]) {
      const text = formatData(type, data, { finalDot });
      assert.equal(parseData(type, text), data, text);
      assert.equal(parseData(type, text, { formOnly: true }), data, text);
    }
    tested.add(type);
  }
  const known = Object.values(types).filter((type) => exampleOf(type) !== undefined);
  assert.deepEqual(known.filter((type) => !tested.has(type)).map(typeText), []);
  assert.ok(known.length >= 38);
});

Deno.test("exampleOf gives values that are written as they are read", () => {
  for (const type of Object.values(types)) {
    const example = exampleOf(type);
    if (example !== undefined) assert.equal(formatData(type, parseData(type, example)), example);
  }
});

Deno.test("parseData takes the spellings that people use", () => {
  for (
    const [line, written] of [
      ["A 192.0.2.1 ", "192.0.2.1"],
      ["MX 10\tMail.Example.org", "10 mail.example.org"],
      ["MX  10  mail.example.org.", "10 mail.example.org"],
      ["CNAME localhost.", "localhost."], // a single label keeps its dot, so that it reads back
      ["NS ns-1.example.org", "ns-1.example.org"],
      ["NS 1.example.org", "1.example.org"],
      ["PTR 1/26.2.0.192.in-addr.arpa", "1/26.2.0.192.in-addr.arpa"],
      ["TXT v=DMARC1;p=none", '"v=DMARC1;p=none"'],
      ["TXT (a)", '"(a)"'],
      ["TXT é", '"\\195\\169"'],
      ["TXT \\é", '"\\195\\169"'],
      ['TXT "two" "strings"', '"two" "strings"'],
      ['TXT ""', '""'],
      ["HINFO ARM64 LINUX", '"ARM64" "LINUX"'],
      ["CAA 0 ISSUE letsencrypt.org", '0 issue "letsencrypt.org"'],
      ["DS 1 ed25519 2 " + "ab ".repeat(32), "1 15 2 " + "AB".repeat(32)],
      [
        "RRSIG A 13 3 300 4294967295 0 1 example.org q1OuCg==",
        "A 13 3 300 21060207062815 19700101000000 1 example.org q1OuCg==",
      ],
      ["NSEC \\000.example.org TYPE1 A", "\\000.example.org A"],
      ["HTTPS 1 . port=443 ALPN=h2", '1 . alpn="h2" port=443'],
      ["HTTPS 1 . key8 key9", "1 . ohttp key9"],
      ["LOC 0 S 0 W -100000", "0 0 0.000 N 0 0 0.000 E -100000.00m 1m 10000m 10m"],
      ["LOC 90 N 180 W 0.01m", "90 0 0.000 N 180 0 0.000 W 0.01m 1m 10000m 10m"],
      ["SOA a.example. b.example. 1 1w2d3h4m5s 1 1 1", "a.example b.example 1 788645 1 1 1"],
    ] as const
  ) {
    const [type, value] = split(line);
    assert.equal(formatData(type, parseData(type, value)), written, line);
  }
});

Deno.test("parseData splits a text that is longer than one string", () => {
  const data = parseData(types.TXT, "x".repeat(600));
  assert.equal(formatData(types.TXT, data), `"${"x".repeat(255)}" "${"x".repeat(255)}" "${"x".repeat(90)}"`);
  assert.equal(parseData(types.TXT, `"${"x".repeat(600)}"`), data);
  assert.equal(parseData(types.TXT, `"${"\\120".repeat(600)}"`), data);
  assert.equal(parseData(types.TXT, "x".repeat(255)), "\xff" + "x".repeat(255));
});

Deno.test("parseData puts relative names below the origin when there is one", () => {
  const origin = DomainName.parse("example.org", "origin");
  for (
    const [line, written] of [
      ["MX 10 mail", "10 mail.example.org"],
      ["MX 10 mail.example.org", "10 mail.example.org.example.org"],
      ["CNAME @", "example.org"],
      ["NS ns.example.net.", "ns.example.net"],
      ["SVCB 1 svc port=1", "1 svc.example.org port=1"],
    ] as const
  ) {
    const [type, value] = split(line);
    assert.equal(formatData(type, parseData(type, value, { origin })), written);
  }
});
