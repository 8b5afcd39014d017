import assert from "node:assert/strict";
import { DomainName } from "./name.ts";
import { formatData } from "./rdata/record_data.ts";
import { typeText } from "./rdata/record_type.ts";
import { parseSeedRecord } from "./seed.ts";

const zone = DomainName.parse("example.org", "zone");

Deno.test("parseSeedRecord reads lines of a zone file", () => {
  for (
    const [line, want] of [
      ["www A 192.0.2.1", "www 300 A 192.0.2.1"],
      ["  www\t600  aaaa  2001:DB8::1 ", "www 600 AAAA 2001:db8::1"],
      ["@ A 192.0.2.1", "@ 300 A 192.0.2.1"],
      ["web.example.org. CNAME www.example.org.", "web 300 CNAME www.example.org"],
      ["mail MX 10 mx.example.org", "mail 300 MX 10 mx.example.org"],
      ['@ TXT "v=spf1 -all"', '@ 300 TXT "v=spf1 -all"'],
      ["10 A 192.0.2.1", "10 300 A 192.0.2.1"], // a name of digits
    ] as const
  ) {
    const { name, ttlSeconds, type, data } = parseSeedRecord(line, zone, "zones[0].records[0]");
    assert.equal(`${name} ${ttlSeconds} ${typeText(type)} ${formatData(type, data)}`, want);
  }
});

Deno.test("parseSeedRecord names the config key of a wrong line", () => {
  for (
    const line of [
      "",
      "www",
      "www A",
      "www A 192.0.2.1 more",
      "www RRSIG x",
      "www SOA x",
      "www A 1.2.3",
      "a..b A 192.0.2.1",
    ]
  ) {
    assert.throws(() => parseSeedRecord(line, zone, "zones[0].records[0]"), { field: "zones[0].records[0]" }, line);
  }
});
