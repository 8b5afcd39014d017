/** Zone files and record data as BIND, NSD and ldns read and write them. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { DomainName } from "../../services/mcns/domain/name.ts";
import { exampleOf, formatData, parseData } from "../../services/mcns/domain/rdata/record_data.ts";
import { types, typeText } from "../../services/mcns/domain/rdata/record_type.ts";
import { diffRecords } from "../../services/mcns/domain/zone_file/diff_records.ts";
import { formatZoneFile } from "../../services/mcns/domain/zone_file/format_zone_file.ts";
import { parseZoneFile } from "../../services/mcns/domain/zone_file/parse_zone_file.ts";
import { withTools } from "./tools.ts";

const origin = DomainName.parse("example.org", "zone");

/** One record of each type that others know, and the spellings where implementations differ. */
function zone(): string {
  const lines = ["$TTL 300", "@ SOA ns1 admin 1 1h 10m 1w 5m", "@ NS ns1", "ns1 A 192.0.2.53"];
  for (const type of Object.values(types)) {
    const example = exampleOf(type);
    if (example === undefined || type === types.SOA || type === types.ALIAS) continue;
    const value = formatData(type, parseData(type, example), { finalDot: true });
    lines.push(`${typeText(type).toLowerCase()}-example ${typeText(type)} ${value}`);
  }
  return lines.concat([
    'txt TXT "a b" c "with \\"quote\\" \\\\ \\200 ;" ""',
    'naptr NAPTR 100 10 "u" "E2U+sip" "!^(\\\\d+)$!sip:\\\\1@example.com!i" .',
    "loc LOC 42 21 43.952 S 71 5 6.344 W -24m 0.5m 200m",
    "loc2 LOC 0 N 0 E 42849672.95m 90000000m 15m 0m",
    "svcb1 SVCB 16 foo alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1",
    'svcb2 SVCB 16 foo alpn="f\\\\\\\\oo\\\\,bar,h2"',
    'svcb3 SVCB 16 foo key667="hello\\210qoo" port=53 key9999',
    "https HTTPS 1 . no-default-alpn alpn=h2 ech=AEX+DQBBzgAgACC/ ipv6hint=2001:db8::1,::",
    "unknown TYPE65280 \\# 4 0A 00 0001",
    "unknown TYPE65281 \\# 0",
    "known TYPE1 \\# 4 0A000001",
    "0/26.2 CNAME john\\.doe\\@x\\032y\\200\\!",
    "nsec NSEC x\\.y A TYPE1234 CAA TYPE65280",
    "nsec3 NSEC3 1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr A",
  ]).join("\n") + "\n";
}

/** Lenient in everything that is about the content rather than its form. */
const compilezone = "-i none -k ignore -n ignore -m ignore -M ignore -r ignore -S ignore -T ignore -W ignore".split(
  " ",
);

const readers: readonly { tool: string; args: (file: string) => string[] }[] = [
  { tool: "named-compilezone", args: (file) => [...compilezone, "-o", "-", "example.org", file] },
  { tool: "ldns-read-zone", args: (file) => [file] },
];

for (const { tool, args } of readers) {
  Deno.test({
    ...withTools(`${tool} reads our zone files as we do, and we read its`, tool),
    async fn() {
      const records = parseZoneFile(zone(), { origin });
      assert.ok(records.length > 50);
      const theirs = await through(tool, args, formatZoneFile(origin, records));
      const difference = diffRecords(records, parseZoneFile(theirs, { origin, file: tool, formOnly: true }));
      const show = (some: typeof records) =>
        some.map(({ type, data }) => `${typeText(type)} ${formatData(type, data)}`);
      assert.deepEqual([show(difference.removed), show(difference.added)], [[], []]);
    },
  });
}

Deno.test({
  ...withTools("nsd-checkzone takes our zone files", "nsd-checkzone"),
  async fn() {
    const text = formatZoneFile(origin, parseZoneFile(zone(), { origin }));
    assert.match(await through("nsd-checkzone", (file) => ["example.org", file], text), /is ok/);
  },
});

/** What the tool prints about a file with that text. */
async function through(tool: string, args: (file: string) => string[], text: string): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "zone_file_" });
  try {
    const file = join(folder, "example.org.zone");
    await Deno.writeTextFile(file, text);
    const path = tool === "nsd-checkzone" ? "/usr/sbin/nsd-checkzone" : tool;
    const { success, stdout, stderr } = await new Deno.Command(path, { args: args(file) }).output();
    assert.ok(success, new TextDecoder().decode(stderr) + new TextDecoder().decode(stdout));
    return new TextDecoder().decode(stdout);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
