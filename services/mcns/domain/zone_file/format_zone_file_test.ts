import assert from "node:assert/strict";
import { DomainName, textOfKey } from "../name.ts";
import { formatData } from "../rdata/record_data.ts";
import { typeText } from "../rdata/record_type.ts";
import { diffRecords } from "./diff_records.ts";
import { formatZoneFile } from "./format_zone_file.ts";
import { parseZoneFile, type RecordLine } from "./parse_zone_file.ts";

const origin = DomainName.parse("example.org", "zone");
const parse = (text: string) => parseZoneFile(text, { origin });

const zoneFile = `$ORIGIN example.org.
@    3600 IN SOA       ns1.example.org. admin.example.org. 1 3600 600 604800 300
@    3600 IN NS        ns1.example.org.
@     300 IN MX        10 mail.example.org.
@     300 IN TXT       "a \\"b\\" \\\\ \\001"
*      60 IN ALIAS     lb.example.net.
a\\.b   60 IN A         192.0.2.1
a.b    60 IN A         192.0.2.2
a.b    60 IN A         192.0.2.10
ns1   300 IN A         192.0.2.1
ns1   300 IN TYPE65280 \\# 1 00
`;

Deno.test("formatZoneFile writes columns in canonical order, the SOA first, and reads back", () => {
  const records = parse(zoneFile);
  assert.equal(formatZoneFile(origin, records.toReversed()), zoneFile);
  assert.deepEqual(diffRecords<RecordLine>(parse(formatZoneFile(origin, records)), records), {
    removed: [],
    added: [],
  });
});

Deno.test("formatZoneFile writes the root zone and owners outside of the zone", () => {
  const root = DomainName.fromKey("\0");
  const records = parseZoneFile("org. 1 NS a.example.", { origin: root });
  assert.equal(formatZoneFile(root, records), "$ORIGIN .\norg 1 IN NS a.example.\n");
  assert.equal(formatZoneFile(origin, records), "$ORIGIN example.org.\norg. 1 IN NS a.example.\n");
  assert.equal(formatZoneFile(origin, []), "$ORIGIN example.org.\n");
});

Deno.test("diffRecords tells what goes and what comes", () => {
  const show = (records: readonly RecordLine[]) =>
    records.map(({ owner, ttlSeconds, type, data }) =>
      `${textOfKey(owner)} ${ttlSeconds} ${typeText(type)} ${formatData(type, data)}`
    );
  for (
    const [before, after, removed, added] of [
      ["", "", [], []],
      ["a 1 A 192.0.2.1", "a 1 A 192.0.2.1", [], []],
      ["a 1 A 192.0.2.1\nb 1 A 192.0.2.1", "b 1 A 192.0.2.1\na 1 A 192.0.2.1", [], []],
      ["a 1 A 192.0.2.1", "a 2 A 192.0.2.1", ["a.example.org 1 A 192.0.2.1"], ["a.example.org 2 A 192.0.2.1"]],
      ["z 1 A 192.0.2.1\nb 1 A 192.0.2.1\na 1 A 192.0.2.1", "", [
        "a.example.org 1 A 192.0.2.1",
        "b.example.org 1 A 192.0.2.1",
        "z.example.org 1 A 192.0.2.1",
      ], []],
      ["", "a 1 TXT x\na 1 A 192.0.2.1", [], ["a.example.org 1 A 192.0.2.1", 'a.example.org 1 TXT "x"']],
    ] as const
  ) {
    const difference = diffRecords(parse(before), parse(after));
    assert.deepEqual(show(difference.removed), removed);
    assert.deepEqual(show(difference.added), added);
  }
});
