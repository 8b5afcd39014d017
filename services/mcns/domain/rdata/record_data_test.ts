import assert from "node:assert/strict";
import { DomainName, textOfKey } from "../name.ts";
import { fromHex } from "../octets.ts";
import {
  canonicalData,
  checkData,
  exampleOf,
  formatData,
  isCompressible,
  namesIn,
  parseData,
  readSoa,
  soaData,
  targetOf,
} from "./record_data.ts";
import { typeCode, types } from "./record_type.ts";

Deno.test("checkData says what is wrong with data off the wire", () => {
  for (
    const [type, hex, problem] of [
      ["A", "c0000201", null],
      ["A", "c00002", "its IPv4 address is cut short"],
      ["A", "c000020101", "1 octet is left over"],
      ["AAAA", "", "its IPv6 address is cut short"],
      ["NS", "00", null],
      ["NS", "", "its name server is no name"],
      ["NS", "0161", "its name server is no name"],
      ["NS", "40" + "61".repeat(64) + "00", "its name server is no name"], // a label of 64 octets
      ["NS", "c000", "its name server is no name"], // a pointer
      ["NS", ("3f" + "61".repeat(63)).repeat(4) + "00", "its name server is no name"], // 257 octets
      ["NS", "016100ff", "1 octet is left over"],
      ["MX", "000a00", null],
      ["MX", "00", "its preference is cut short"],
      ["SOA", "0000" + "00".repeat(20), null],
      ["SOA", "0000" + "00".repeat(19), "its minimum is cut short"],
      ["TXT", "00", null],
      ["TXT", "", "its text is missing"],
      ["TXT", "0261", "its text is cut short"],
      ["CAA", "0000", "its property is no word"],
      ["CAA", "000161", null], // an empty value
      ["CAA", "00012d", "its property is no word"],
      ["CAA", "000561", "its property is no word"],
      ["URI", "00000000", null],
      ["DS", "00000000", "its digest is missing"],
      ["NSEC", "00000140", null],
      ["NSEC", "00" + "000100", "its set of types is malformed"], // an octet without bits
      ["NSEC", "00" + "0000", "its set of types is malformed"], // an empty window
      ["NSEC", "00" + "010140" + "000140", "its set of types is malformed"], // windows not ascending
      ["NSEC", "00" + "0002ff", "its set of types is malformed"],
      ["NSEC", "00" + "0021" + "ff".repeat(33), "its set of types is malformed"],
      ["NSEC", "0000", "its set of types is malformed"],
      ["NSEC3", "0100000000", "its next hash is cut short"],
      ["NSEC3", "010000000000", "its next hash is cut short"], // of no octets
      ["NSEC3PARAM", "0100000401", "its salt is cut short"],
      ["SVCB", "000100", null],
      ["SVCB", "0001000003000201bb", null],
      ["SVCB", "00010000030002", "its port is cut short"],
      ["SVCB", "000100000300", "a parameter is cut short"],
      ["SVCB", "0001000003000101", "its port is malformed"],
      ["SVCB", "0001000003000201bb0003000201bb", "its port doesn't stand in the order of the keys' numbers"],
      ["SVCB", "0001000003000201bb00010003026832", "its alpn doesn't stand in the order of the keys' numbers"],
      ["SVCB", "00010000010000", "its alpn is malformed"],
      ["SVCB", "0001000001000100", "its alpn is malformed"],
      ["SVCB", "000100000100020368", "its alpn is malformed"],
      ["SVCB", "00010000000000", "its mandatory is malformed"],
      ["SVCB", "000100000000020000", "its mandatory is malformed"], // itself
      ["SVCB", "0001000000000400030001", "its mandatory is malformed"], // not ascending
      ["SVCB", "00010000020001ff", "its no-default-alpn is malformed"],
      ["SVCB", "00010000040003c00002", "its ipv4hint is malformed"],
      ["SVCB", "00010000060004c0000201", "its ipv6hint is malformed"],
      ["LOC", "00123316" + "80000000".repeat(2) + "00989680", null],
      ["LOC", "01123316" + "80000000".repeat(2) + "00989680", "its version is 0, got 1"],
      ["LOC", "00a23316" + "80000000".repeat(2) + "00989680", "its sizes are no decimal digits"],
      ["LOC", "00031216" + "80000000".repeat(2) + "00989680", "a size of 0 has a power of ten"],
      ["LOC", "00123316" + "ffffffff".repeat(2) + "00989680", "its angles are beyond the poles or the date line"],
      ["LOC", "0012", "its location is cut short"],
      ["TYPE65280", "", null],
      ["TYPE65280", "00".repeat(65536), "it has more than 65535 octets"],
    ] as const
  ) assert.equal(checkData(typeCode(type), fromHex(hex)!), problem, `${type} ${hex.slice(0, 60)}`);
});

Deno.test("formatData writes malformed data in the form for unknown types", () => {
  for (
    const [type, hex, text] of [
      ["A", "c00002", "\\# 3 C00002"],
      ["A", "c000020101", "\\# 5 C000020101"],
      ["CNAME", "", "\\# 0"],
      ["TYPE65280", "0a", "\\# 1 0A"],
    ] as const
  ) assert.equal(formatData(typeCode(type), fromHex(hex)!), text);
});

Deno.test("formatData ends names with a dot where it is asked to", () => {
  for (
    const [type, value, plain, dotted] of [
      ["CNAME", "www.example.org.", "www.example.org", "www.example.org."],
      ["MX", "0 .", "0 .", "0 ."],
      ["NS", "org.", "org.", "org."],
      ["RP", "a\\.b.example.org .", "a\\.b.example.org .", "a\\.b.example.org. ."],
      ["RRSIG", "A 13 0 1 1 1 1 . AA==", "A 13 0 1 19700101000001 19700101000001 1 . AA==", null],
      ["HTTPS", "1 . port=1", "1 . port=1", "1 . port=1"],
      ["TXT", '"a."', '"a."', '"a."'],
    ] as const
  ) {
    const data = parseData(typeCode(type), value);
    assert.equal(formatData(typeCode(type), data), plain);
    assert.equal(formatData(typeCode(type), data, { finalDot: true }), dotted ?? plain);
  }
});

Deno.test("namesIn tells where names stand, isCompressible of which types", () => {
  for (
    const [type, layout, compressible] of [
      ["A", undefined, false],
      ["TXT", undefined, false],
      ["NS", ["n"], true],
      ["CNAME", ["n"], true],
      ["PTR", ["n"], true],
      ["DNAME", ["n"], false],
      ["MX", [2, "n"], true],
      ["SOA", ["n", "n"], true],
      ["RP", ["n", "n"], false],
      ["SRV", [2, 2, 2, "n"], false],
      ["NAPTR", [2, 2, "s", "s", "s", "n"], false],
      ["RRSIG", [2, 1, 1, 4, 4, 4, 2, "n"], false],
      ["NSEC", ["n"], false],
      ["HTTPS", [2, "n"], false],
      ["TYPE65280", undefined, false],
    ] as const
  ) {
    assert.deepEqual(namesIn(typeCode(type)), layout, type);
    assert.equal(isCompressible(typeCode(type)), compressible, type);
  }
});

Deno.test("targetOf gives the host to look up", () => {
  for (
    const [line, target] of [
      ["NS ns1.example.org", "ns1.example.org"],
      ["CNAME www.example.org", "www.example.org"],
      ["DNAME example.net", "example.net"],
      ["PTR host.example.org", "host.example.org"],
      ["ALIAS lb.example.net", "lb.example.net"],
      ["MX 10 mail.example.org", "mail.example.org"],
      ["MX 0 .", null],
      ["SRV 0 0 1 sip.example.org", "sip.example.org"],
      ["SRV 0 0 0 .", null],
      ['NAPTR 1 1 "s" "x" "" _sip._udp.example.org', "_sip._udp.example.org"],
      ['NAPTR 1 1 "u" "x" "!a!b!" .', null],
      ["SVCB 0 svc.example.org", "svc.example.org"],
      ["HTTPS 1 . port=1", null],
      ["AFSDB 1 afs.example.org", "afs.example.org"],
      ["KX 1 kx.example.org", "kx.example.org"],
      ["A 192.0.2.1", null],
      ["RP a.example.org b.example.org", null],
      ["TYPE65280 \\# 1 00", null],
    ] as const
  ) {
    const space = line.indexOf(" ");
    const type = typeCode(line.slice(0, space));
    const key = targetOf(type, parseData(type, line.slice(space + 1)));
    assert.equal(key === null ? null : textOfKey(key), target, line);
  }
  assert.equal(targetOf(types.CNAME, "\x03WWW\x03Org\0"), "\x03www\x03org\0");
});

Deno.test("canonicalData folds names of the types of RFC 4034 §6.2 and nothing else", () => {
  for (
    const [type, data, canonical] of [
      [types.NS, "\x01A\0", "\x01a\0"],
      [types.SOA, "\x01A\0\x01B\0" + "C".repeat(20), "\x01a\0\x01b\0" + "C".repeat(20)],
      [types.NAPTR, "AABB\x01C\x01D\x01E\x01F\0", "AABB\x01C\x01D\x01E\x01f\0"],
      [types.RRSIG, "A".repeat(18) + "\x01A\0ABC", "A".repeat(18) + "\x01a\0ABC"],
      [types.NSEC, "\x01A\0\0\x01@", "\x01A\0\0\x01@"],
      [types.HTTPS, "\0\x01\x01A\0", "\0\x01\x01A\0"],
      [types.TXT, "\x01A", "\x01A"],
      [65280, "\x01A\0", "\x01A\0"],
    ] as const
  ) assert.equal(canonicalData(type, data), canonical);
});

Deno.test("soaData and readSoa agree with the text", () => {
  const text = "ns1.example.org hostmaster.example.org 4294967295 1 2 3 4";
  const data = parseData(types.SOA, text);
  const soa = readSoa(data);
  assert.deepEqual([soa.primaryNs.text, soa.mailbox.text], ["ns1.example.org", "hostmaster.example.org"]);
  assert.deepEqual([soa.serial, soa.refresh, soa.retry, soa.expire, soa.minimum], [4294967295, 1, 2, 3, 4]);
  assert.equal(soaData(soa), data);
  assert.equal(soaData({ ...soa, primaryNs: DomainName.parse("NS1.Example.ORG", "primary_ns") }), data);
});

Deno.test("exampleOf knows no example of types that hold no data", () => {
  for (const type of [types.ANY, types.OPT, 65280]) assert.equal(exampleOf(type), undefined);
});
