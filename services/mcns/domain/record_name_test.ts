import assert from "node:assert/strict";
import { DomainName } from "./name.ts";
import { RecordName } from "./record_name.ts";

const zone = DomainName.parse("example.org", "zone");

Deno.test("RecordName.parse takes relative and absolute names", () => {
  for (
    const [text, relative, absolute] of [
      ["@", "@", "example.org"],
      ["example.org", "@", "example.org"],
      ["EXAMPLE.org.", "@", "example.org"],
      ["www", "www", "www.example.org"],
      ["a.b", "a.b", "a.b.example.org"],
      ["www.example.org", "www", "www.example.org"],
      ["www.example.org.", "www", "www.example.org"],
      ["*", "*", "*.example.org"],
      ["_acme-challenge.www", "_acme-challenge.www", "_acme-challenge.www.example.org"],
      ["myexample.org", "myexample.org", "myexample.org.example.org"], // whole labels only
    ] as const
  ) {
    const name = RecordName.parse(text, zone);
    assert.deepEqual([name.relative, name.absolute.text], [relative, absolute], text);
  }
});

Deno.test("RecordName.parse refuses names of other zones and broken ones", () => {
  for (
    const [text, why] of [
      ["www.example.com.", /must be in zone example.org, got "www.example.com."/],
      ["", /must be a domain name/],
      ["a..b", /labels are/],
      [`${"a".repeat(63)}.${"b".repeat(63)}.${"c".repeat(63)}.${"d".repeat(58)}`, /at most 255 octets/],
    ] as const
  ) assert.throws(() => RecordName.parse(text, zone), (error: Error) => why.test(error.message), text);
});
