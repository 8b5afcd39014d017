import assert from "node:assert/strict";
import { checkCnameRules } from "./cname_rules.ts";
import { DomainName } from "./name.ts";
import { parseRecordValue, type RecordType } from "./record.ts";
import { RecordName } from "./record_name.ts";

const zone = DomainName.parse("example.org", "zone");

/** "www CNAME a.example" beside "A 192.0.2.1": the error's message, or "ok". */
function outcome(adding: string, ...present: string[]): string {
  const [name = "", type = "", value = ""] = adding.split(" ");
  const others = present.map((text) => {
    const [type = "", value = ""] = text.split(" ");
    return { type: type as RecordType, value };
  });
  try {
    checkCnameRules(RecordName.parse(name, zone), parseRecordValue(type as RecordType, value), others);
    return "ok";
  } catch (error) {
    return (error as Error).message;
  }
}

Deno.test("checkCnameRules keeps a CNAME alone, both ways", () => {
  for (
    const [got, want] of [
      [outcome("www A 192.0.2.1"), "ok"],
      [outcome("www A 192.0.2.1", "A 192.0.2.2", "AAAA ::1"), "ok"],
      [outcome("www CNAME a.example.org"), "ok"],
      [outcome("www CNAME a.example.org", "A 192.0.2.1"), 'Cannot add CNAME "www": an A record exists at that name'],
      [outcome("www CNAME a.example.org", "AAAA ::1"), 'Cannot add CNAME "www": an AAAA record exists at that name'],
      [outcome("www A 192.0.2.1", "CNAME b.example.org"), 'Cannot add A "www": a CNAME record exists at that name'],
      [
        outcome("www CNAME a.example.org", "CNAME b.example.org"),
        'Cannot add CNAME "www": a CNAME to b.example.org exists at that name, and a name has one',
      ],
      [
        outcome("@ CNAME a.example.org"),
        'name: Cannot add CNAME "@": the zone\'s SOA and NS records stand there; add A or AAAA records',
      ],
      [outcome("www CNAME www.example.org"), 'value: Cannot add CNAME "www": it points to itself'],
    ] as const
  ) assert.equal(got, want);
});
