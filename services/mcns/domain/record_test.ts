import assert from "node:assert/strict";
import { parseRecordType, parseRecordValue, parseTtl, type RecordType } from "./record.ts";

Deno.test("parseRecordValue normalises each type", () => {
  for (
    const [type, text, want] of [
      ["A", "192.0.2.1", "192.0.2.1"],
      ["AAAA", "2001:DB8:0:0::1", "2001:db8::1"],
      ["CNAME", "WWW.Example.org.", "www.example.org"],
      ["CNAME", "localhost.", "localhost"],
    ] as const
  ) assert.equal(parseRecordValue(type, text).text, want);
});

Deno.test("parseRecordValue says what is wrong with what", () => {
  for (
    const [type, text, message] of [
      ["A", "::1", 'value: an A record holds an IPv4 address like 192.0.2.1, got "::1"'],
      ["A", "300.1.1.1", 'value: an A record holds an IPv4 address like 192.0.2.1, got "300.1.1.1"'],
      ["AAAA", "127.0.0.1", 'value: an AAAA record holds an IPv6 address like 2001:db8::1, got "127.0.0.1"'],
      ["CNAME", "www", 'value: a CNAME\'s target is written in full, like www.example.org, got "www"'],
      ["CNAME", "*.example.org", 'value: a CNAME can\'t point to a wildcard, got "*.example.org"'],
      ["CNAME", "", 'value: must be a domain name, got ""'],
    ] as [RecordType, string, string][]
  ) assert.throws(() => parseRecordValue(type, text), { code: "invalid", field: "value", message });
});

Deno.test("parseRecordType takes A, AAAA and CNAME in any case", () => {
  assert.equal(parseRecordType("cname"), "CNAME");
  assert.throws(() => parseRecordType("TXT"), { message: 'type: must be one of A, AAAA, CNAME, got "TXT"' });
});

Deno.test("parseTtl gives the default for 0 and refuses more than 31 bits", () => {
  assert.equal(parseTtl(0), 300);
  assert.equal(parseTtl(1), 1);
  assert.equal(parseTtl(2147483647), 2147483647);
  assert.throws(() => parseTtl(2147483648), { field: "ttl" });
});
