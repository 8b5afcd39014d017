import assert from "node:assert/strict";
import { seeded } from "@lib/testing/mod.ts";
import { crc32c } from "./crc32c.ts";
import { maxV1Bytes, maxV2Bytes, type ParsedHeader, parseProxyHeader } from "./header.ts";
import { noTlvs } from "./tlvs.ts";

const latin1 = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
const bytesOf = (hex: string) =>
  Uint8Array.from(hex.replaceAll(" ", "").match(/../g) ?? [], (two) => parseInt(two, 16));

/** "TCP4 1.2.3.4:5 > 6.7.8.9:10", "LOCAL", "UNIX /a > /b", "incomplete", or the reason. */
function show(parsed: ParsedHeader): string {
  if (parsed.kind === "incomplete") return "incomplete";
  if (parsed.kind === "malformed") return parsed.missing ? `missing: ${parsed.reason}` : parsed.reason;
  const { command, transport, source, destination, paths } = parsed;
  if (command === "local") return "LOCAL";
  if (paths !== null) return `${transport} ${paths.source} > ${paths.destination}`;
  if (source === null || destination === null) return "unknown";
  return `${transport} ${source.address} ${source.port} > ${destination.address} ${destination.port}`;
}

const form = "version 1: not of the form PROXY TCP4|TCP6 address address port port";
const noTcp4 = "version 1: no TCP4 address";
const noTcp6 = "version 1: no TCP6 address";
const crlf = "version 1: a CR or LF that is no CRLF";
const f = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";

/** A line without its CRLF, unless it has one; what it says. */
const v1Cases: [string, string][] = [
  ["PROXY TCP4 192.168.0.1 192.168.0.11 56324 443", "stream 192.168.0.1 56324 > 192.168.0.11 443"],
  ["PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535", "stream 255.255.255.255 65535 > 255.255.255.255 65535"],
  ["PROXY TCP4 0.0.0.0 0.0.0.0 0 0", "stream 0.0.0.0 0 > 0.0.0.0 0"],
  ["PROXY TCP6 ::1 2001:DB8::5 1 2", "stream ::1 1 > 2001:db8::5 2"],
  [`PROXY TCP6 ${f} ${f} 65535 65535`, `stream ${f} 65535 > ${f} 65535`],
  ["PROXY TCP6 2001:0db8:0:0:1:0:0:1 :: 1 2", "stream 2001:db8::1:0:0:1 1 > :: 2"],
  // inet_ntop writes IPv4-mapped addresses so, and HAProxy with it; a client has one address.
  ["PROXY TCP6 ::ffff:192.0.2.1 ::ffff:c000:202 1 2", "stream 192.0.2.1 1 > 192.0.2.2 2"],
  ["PROXY UNKNOWN", "unknown"],
  ["PROXY UNKNOWN ", "unknown"],
  // §2.1: anything before the CRLF is ignored.
  ["PROXY UNKNOWN any\0thing \xff at  all", "unknown"],
  [`PROXY UNKNOWN ${f} ${f} 65535 65535`, "unknown"],
  ["PROXY UNKNOWNX", form],
  ["PROXY unknown", form],
  ["PROXY ", form],
  ["PROXY", "missing: no PROXY header"],
  ["proxy TCP4 1.2.3.4 1.2.3.4 1 2", "missing: no PROXY header"],
  ["PROXY\tTCP4 1.2.3.4 1.2.3.4 1 2", "missing: no PROXY header"],
  ["GET / HTTP/1.1", "missing: no PROXY header"],
  ["\x16\x03\x01\x02", "missing: no PROXY header"],
  [" PROXY TCP4 1.2.3.4 1.2.3.4 1 2", "missing: no PROXY header"],
  ["PROXY  TCP4 1.2.3.4 1.2.3.4 1 2", form],
  ["PROXY TCP4  1.2.3.4 1.2.3.4 1 2", form],
  ["PROXY TCP4 1.2.3.4  1.2.3.4 1 2", form],
  ["PROXY TCP4 1.2.3.4 1.2.3.4 1  2", form],
  ["PROXY TCP4 1.2.3.4 1.2.3.4 1 2 ", form],
  ["PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3", form],
  ["PROXY TCP4 1.2.3.4 1.2.3.4 1", form],
  ["PROXY TCP4 1.2.3.4 1.2.3.4", form],
  ["PROXY TCP4\t1.2.3.4 1.2.3.4 1 2", form],
  ["PROXY TCP5 1.2.3.4 1.2.3.4 1 2", form],
  ["PROXY UDP4 1.2.3.4 1.2.3.4 1 2", form],
  ["PROXY tcp4 1.2.3.4 1.2.3.4 1 2", form],
  ["PROXY TCP4 01.2.3.4 1.2.3.4 1 2", noTcp4],
  ["PROXY TCP4 1.2.3.256 1.2.3.4 1 2", noTcp4],
  ["PROXY TCP4 1.2.3 1.2.3.4 1 2", noTcp4],
  ["PROXY TCP4 1.2.3.4.5 1.2.3.4 1 2", noTcp4],
  ["PROXY TCP4 1.2.3.4 1.2.3.04 1 2", noTcp4],
  ["PROXY TCP4 0x1.2.3.4 1.2.3.4 1 2", form],
  ["PROXY TCP4 ::1 ::1 1 2", noTcp4],
  ["PROXY TCP4 1.2.3.4 ::1 1 2", noTcp4],
  ["PROXY TCP6 1.2.3.4 1.2.3.4 1 2", noTcp6],
  ["PROXY TCP6 1:2:3:4:5:6:7 ::1 1 2", noTcp6],
  ["PROXY TCP6 1:2:3:4:5:6:7:8:9 ::1 1 2", noTcp6],
  ["PROXY TCP6 1::2::3 ::1 1 2", noTcp6],
  ["PROXY TCP6 ::: ::1 1 2", noTcp6],
  ["PROXY TCP6 :1::2 ::1 1 2", noTcp6],
  ["PROXY TCP6 1:2:3:4:5:6:7:8:: ::1 1 2", noTcp6],
  ["PROXY TCP6 00001::1 ::1 1 2", noTcp6],
  ["PROXY TCP6 1.2.3.4::1 ::1 1 2", noTcp6],
  ["PROXY TCP6 ::1.2.3.4:5 ::1 1 2", noTcp6],
  ["PROXY TCP6 fe80::1%eth0 ::1 1 2", form],
  ["PROXY TCP6 [::1] ::1 1 2", form],
  ["PROXY TCP4 1.2.3.4 1.2.3.4 01 2", form],
  ["PROXY TCP4 1.2.3.4 1.2.3.4 1 00", form],
  ["PROXY TCP4 1.2.3.4 1.2.3.4 -1 2", form],
  ["PROXY TCP4 1.2.3.4 1.2.3.4 +1 2", form],
  ["PROXY TCP4 1.2.3.4 1.2.3.4 1 0x2", form],
  ["PROXY TCP4 1.2.3.4 1.2.3.4 1 123456", form],
  ["PROXY TCP4 1.2.3.4 1.2.3.4 65536 2", "version 1: port above 65535"],
  ["PROXY TCP4 1.2.3.4 1.2.3.4 1 99999", "version 1: port above 65535"],
  ["PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n", crlf],
  ["PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\r\n", crlf],
  ["PROXY TCP4 1.2.3.4 1.2.3.4\r1 2\r\n", crlf],
  ["PROXY UNKNOWN\n\r\n", crlf],
  ["PROXY UNKNOWN \r \r\n", crlf],
  ["PROXY TCP4 1.2.3.4 1.2.3.4 1 2\0\r\n", form],
];

Deno.test("parseProxyHeader reads version 1 by its specification, and nothing else", () => {
  for (const [text, expected] of v1Cases) {
    const whole = text.endsWith("\n") ? text : `${text}\r\n`;
    const parsed = parseProxyHeader(latin1(`${whole}\x16\x03\x01`));
    assert.equal(show(parsed), expected, JSON.stringify(text));
    if (parsed.kind === "header") {
      assert.equal(parsed.version, 1);
      assert.equal(parsed.bytes, whole.length, "what follows stays with the client");
    }
  }
});

Deno.test("parseProxyHeader takes a line of 107 octets and refuses a longer one as soon as it is", () => {
  const longest = `PROXY UNKNOWN ${f} ${f} 65535 65535\r\n`;
  assert.equal(longest.length, maxV1Bytes);
  assert.equal(parseProxyHeader(latin1(longest)).kind, "header");
  const longer = latin1(`PROXY UNKNOWN ${f} ${f} 65535 655350\r\n`);
  assert.equal(show(parseProxyHeader(longer)), "version 1: no CRLF within 107 octets");
  assert.equal(show(parseProxyHeader(longer.subarray(0, maxV1Bytes - 1))), "incomplete");
  assert.equal(show(parseProxyHeader(longer.subarray(0, maxV1Bytes))), "version 1: no CRLF within 107 octets");
  assert.equal(parseProxyHeader(latin1("PROXY TCP4 " + "1".repeat(1_000_000))).kind, "malformed");
});

const sig = "0d0a0d0a000d0a515549540a";
const ends4 = "c0000201 c6336402 dc04 01bb";
const said4 = "stream 192.0.2.1 56324 > 198.51.100.2 443";
const ends6 = "20010db8000000000000000000000001 20010db80000000000000000000000ff 0001 ffff";
const unix = (path: string) => [...path].map((c) => c.charCodeAt(0).toString(16)).join("").padEnd(216, "0");
const ff = (octets: number) => "ff".repeat(octets);

/** Hex behind the signature; what it says. */
const v2Cases: [string, string][] = [
  [`21 11 000c ${ends4}`, said4],
  [`21 12 000c ${ends4}`, said4.replace("stream", "datagram")],
  [`21 21 0024 ${ends6}`, "stream 2001:db8::1 1 > 2001:db8::ff 65535"],
  [`21 22 0024 ${ends6}`, "datagram 2001:db8::1 1 > 2001:db8::ff 65535"],
  [`21 31 00d8 ${unix("/run/a")} ${unix("/run/b")}`, "stream /run/a > /run/b"],
  [`21 32 00d8 ${unix("")} ${ff(108)}`, `datagram  > ${"\xff".repeat(108)}`],
  ["21 00 0000", "unknown"],
  [`21 00 0005 ${ff(5)}`, "unknown"],
  // One of the two is UNSPEC: addresses may be there or not, and aren't looked at.
  ["21 10 0000", "unknown"],
  ["21 01 0000", "unknown"],
  [`21 20 0003 ${ff(3)}`, "unknown"],
  ["20 00 0000", "LOCAL"],
  // §2.2: a LOCAL header's family and block are discarded, its length counts.
  [`20 11 000c ${ends4}`, "LOCAL"],
  ["20 11 0000", "LOCAL"],
  [`20 21 0003 ${ff(3)}`, "LOCAL"],
  ["22 11 0000", "version 2: command 2"],
  ["2f 11 0000", "version 2: command 15"],
  ["11 11 0000", "version 1 behind the signature of version 2"],
  ["01 11 0000", "version 0 behind the signature of version 2"],
  ["31 11 0000", "version 3 behind the signature of version 2"],
  ["21 41 0000", "version 2: address family 4"],
  ["20 f1 0000", "version 2: address family 15"],
  ["21 13 0000", "version 2: transport protocol 3"],
  ["20 0f 0000", "version 2: transport protocol 15"],
  ["21 11 0000", "version 2: 0 octets for addresses that take 12"],
  [`21 11 000b ${ff(11)}`, "version 2: 11 octets for addresses that take 12"],
  [`21 21 0023 ${ff(35)}`, "version 2: 35 octets for addresses that take 36"],
  [`21 22 000c ${ends4}`, "version 2: 12 octets for addresses that take 36"],
  [`21 31 00d7 ${ff(215)}`, "version 2: 215 octets for addresses that take 216"],
  ["21 11 0fff", "version 2: 4111 octets, more than 4096"],
  ["21 11 ffff", "version 2: 65551 octets, more than 4096"],
  ["20 00 ffff", "version 2: 65551 octets, more than 4096"],
  [`21 11 0ff0 ${ends4}`, "incomplete"],
  [`21 11 000c ${ends4.slice(0, -2)}`, "incomplete"],
  [`21 11 000d ${ends4} 04`, "version 2: a TLV without room for its type and length"],
  [`21 11 000e ${ends4} 0400`, "version 2: a TLV without room for its type and length"],
  [`21 11 000f ${ends4} 040000`, said4],
  [`21 11 000f ${ends4} 040001`, "version 2: TLV type 0x04 longer than the header"],
  [`21 11 000f ${ends4} 02ffff`, "version 2: TLV type 0x02 longer than the header"],
  [`21 11 0011 ${ends4} 0100026832`, said4],
  [`21 11 000f ${ends4} 010000`, "version 2: ALPN of 0 octets"],
  [`21 11 0017 ${ends4} 0100026832 04 0000 04 0000`, said4],
  [`21 11 0016 ${ends4} 0100026832 0100026833`, "version 2: TLV type 0x01 twice"],
  [`21 11 0013 ${ends4} 03 0004 00000000`, "version 2: wrong checksum"],
  [`21 11 0012 ${ends4} 03 0003 000000`, "version 2: checksum of 3 octets"],
  [`21 11 0010 ${ends4} 02 0001 ff`, "version 2: authority that is not UTF-8"],
  [`21 11 0010 ${ends4} 02 0001 0a`, "version 2: authority with a control character"],
  [`21 11 0110 ${ends4} 02 0101 ${"61".repeat(257)}`, "version 2: authority of 257 octets"],
  [`21 11 0090 ${ends4} 05 0081 ${ff(129)}`, "version 2: unique id of 129 octets"],
  [`21 11 008f ${ends4} 05 0080 ${ff(128)}`, said4],
  [`21 11 0013 ${ends4} 20 0004 01000000`, "version 2: SSL TLV of 4 octets"],
  [`21 11 0014 ${ends4} 20 0005 0100000000`, said4],
  [`21 11 0016 ${ends4} 20 0007 0100000000 2100`, "version 2: a TLV without room for its type and length"],
  [`21 11 0017 ${ends4} 20 0008 0100000000 210001`, "version 2: TLV type 0x21 longer than the header"],
  [`21 11 0010 ${ends4} 30 0001 0d`, "version 2: namespace with a control character"],
  // Custom, experimental and unregistered types are skipped, as often as they come.
  [`21 11 0019 ${ends4} e0 0001 ff e0 0000 f7 0000 ee 0000`, said4],
];

Deno.test("parseProxyHeader reads version 2 by its specification, and nothing else", () => {
  for (const [hex, expected] of v2Cases) {
    const whole = bytesOf(sig + hex);
    assert.equal(show(parseProxyHeader(whole)), expected, hex);
    if (expected === "incomplete") continue;
    const parsed = parseProxyHeader(new Uint8Array([...whole, 0x16, 0x03, 0x01]));
    assert.equal(show(parsed), expected, `${hex} with bytes behind it`);
    if (parsed.kind === "header") assert.equal(parsed.bytes, whole.length, hex);
  }
});

Deno.test("parseProxyHeader tells what the TLVs say, and verifies the checksum", () => {
  const tlvs = "01 0002 6832" + "02 0006 612e74657374" + "05 0002 beef" + "30 0004 626c7565" +
    "20 001e 07 00000001 21 0007 544c5376312e33 22 0003 626f62 23 0003 414553 25 0000" + "03 0004 00000000";
  const whole = bytesOf(`${sig} 21 11 004e ${ends4} ${tlvs}`);
  assert.equal(whole.length, 16 + 0x4e);
  new DataView(whole.buffer).setUint32(whole.length - 4, crc32c(whole));
  const parsed = parseProxyHeader(whole);
  assert.ok(parsed.kind === "header", show(parsed));
  assert.deepEqual(parsed.tlvs, {
    alpn: "h2",
    authority: "a.test",
    uniqueId: Uint8Array.of(0xbe, 0xef),
    ssl: {
      tls: true,
      certificateOnConnection: true,
      certificateInSession: true,
      verify: 1,
      version: "TLSv1.3",
      commonName: "bob",
      cipher: "AES",
      signatureAlgorithm: null,
      keyAlgorithm: "",
    },
    netns: "blue",
    checksum: true,
  });
  // Any bit of the header flipped: another checksum, or another reason.
  for (let bit = 0; bit < 8 * whole.length; bit++) {
    const flipped = whole.slice();
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    const other = parseProxyHeader(flipped);
    // In the command (PROXY to LOCAL) and family (to UNSPEC) nothing more is read.
    const unread = other.kind === "header" && other.source === null && other.paths === null;
    assert.ok(other.kind !== "header" || unread || !other.tlvs.checksum, `bit ${bit}: ${show(other)}`);
  }
});

Deno.test("crc32c gives the known values", () => {
  // RFC 3720 §B.4.
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assert.equal(crc32c(new Uint8Array(32).fill(255)), 0x62a8ab43);
  assert.equal(crc32c(Uint8Array.from({ length: 32 }, (_, index) => index)), 0x46dd794e);
  assert.equal(crc32c(latin1("123456789")), 0xe3069283);
  assert.equal(crc32c(latin1("12\xff\xff\xff\xff789"), 2), crc32c(latin1("12\x00\x00\x00\x00789")));
});

Deno.test("parseProxyHeader finds the same in a header that arrives octet by octet", () => {
  const wholes = [
    ...v1Cases.map(([text]) => latin1(text.endsWith("\n") ? text : `${text}\r\n`)),
    ...v2Cases.map(([hex]) => bytesOf(sig + hex)),
  ];
  for (const whole of wholes) {
    const atOnce = show(parseProxyHeader(whole));
    for (let length = 0; length < whole.length; length++) {
      const early = parseProxyHeader(whole.subarray(0, length));
      // What is refused early is refused for the same reason; a header is never seen before its last octet.
      if (early.kind === "malformed") assert.equal(show(early), atOnce);
      else assert.equal(early.kind, "incomplete");
    }
  }
});

Deno.test("parseProxyHeader never throws for 20,000 mutated headers, and stays within its bounds", () => {
  const seeds = [
    ...v1Cases.slice(0, 12).map(([text]) => latin1(`${text}\r\n`)),
    ...v2Cases.filter(([, said]) => !said.startsWith("version")).map(([hex]) => bytesOf(sig + hex)),
  ];
  const pick = seeded(4);
  const seen = new Map<string, number>();
  for (let round = 0; round < 20_000; round++) {
    const octets = [...seeds[pick(seeds.length)]!];
    for (let change = pick(4); change >= 0; change--) {
      const at = pick(octets.length + 1);
      switch (pick(6)) {
        case 0:
          octets[at] = pick(256);
          break;
        case 1:
          octets[at] = (octets[at] ?? 0) ^ 1 << pick(8);
          break;
        case 2:
          octets.splice(at, pick(4));
          break;
        case 3:
          octets.splice(at, 0, ...Array.from({ length: pick(300) }, () => pick(256)));
          break;
        case 4:
          octets.length = at;
          break;
        case 5:
          // Lengths: of the whole, and of what may be a TLV.
          octets[pick(2) === 0 ? 14 + pick(2) : at] = [0, 1, 127, 128, 255][pick(5)]!;
      }
    }
    const bytes = Uint8Array.from(octets, (octet) => octet ?? 0);
    const parsed = parseProxyHeader(bytes);
    seen.set(parsed.kind, (seen.get(parsed.kind) ?? 0) + 1);
    if (parsed.kind === "incomplete") assert.ok(bytes.length < maxV2Bytes);
    if (parsed.kind !== "header") continue;
    assert.ok(parsed.bytes >= 15 && parsed.bytes <= Math.min(bytes.length, maxV2Bytes));
    assert.deepEqual(parseProxyHeader(bytes.subarray(0, parsed.bytes)), parsed, "what follows has no influence");
    assert.equal(parsed.source === null, parsed.destination === null);
    if (parsed.command === "local") assert.deepEqual([parsed.source, parsed.tlvs], [null, noTlvs]);
  }
  for (const kind of ["header", "incomplete", "malformed"]) assert.ok((seen.get(kind) ?? 0) > 1000, `${kind}: few`);
});
