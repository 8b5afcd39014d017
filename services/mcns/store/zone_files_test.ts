import assert from "node:assert/strict";
import { by, lookUp, settings, storeUnderTest, zoneName } from "../testing/temp_store.ts";

const zone = zoneName("example.org");
const file = `$ORIGIN example.org.
$TTL 600
@ 3600 IN SOA ns1 hostmaster ( 7 7200 900 1209600 60 )
@ 3600 IN NS ns1
ns1 A 192.0.2.53
www 300 A 192.0.2.1
www 300 A 192.0.2.2
mail MX 10 www
sub NS ns.sub
ns.sub A 192.0.2.54
`;

async function underTest() {
  const test = await storeUnderTest({ views: [{ name: "lan", has: () => false }] });
  return { test, files: test.files };
}

Deno.test("ZoneFiles.import makes a zone of a file, and what export writes changes nothing", async () => {
  const { test, files } = await underTest();
  await using _ = test;
  await assert.rejects(files.import(zone, file, { dryRun: false, create: false }, by), { code: "not_found" });
  const made = await files.import(zone, file, { dryRun: false, create: true }, by);
  assert.equal(made.serial, 2026112100);
  assert.equal(made.added.length, 6, "the NS is what the zone makes by itself");
  assert.equal(lookUp(test.directory, "www.example.org A"), "300 192.0.2.1 192.0.2.2");
  assert.equal(lookUp(test.directory, "mail.example.org MX"), "600 10 www.example.org");
  assert.equal(lookUp(test.directory, "x.sub.example.org A"), "delegation ns.sub.example.org");
  assert.deepEqual(
    (({ refresh, minimum, soa_ttl, primary_ns }) => [refresh, minimum, soa_ttl, primary_ns])(test.zones.get(zone)),
    [7200, 60, 3600, "ns1.example.org"],
  );
  for (const published of [false, true]) {
    const { text, serial } = files.export(zone, published);
    assert.equal(serial, 2026112100);
    assert.match(
      text,
      /^@ +3600 IN SOA +ns1\.example\.org\. hostmaster\.example\.org\. 2026112100 7200 900 1209600 60$/m,
    );
    const again = await files.import(zone, text, { dryRun: false, create: false }, by);
    assert.deepEqual(again, { removed: [], added: [], serial: 2026112100 });
  }
});

Deno.test("ZoneFiles.import changes only what differs, and a dry run nothing", async () => {
  const { test, files } = await underTest();
  await using _ = test;
  await files.import(zone, file, { dryRun: false, create: true }, by);
  test.add(zone, "www A 10.0.0.1", { view: "lan" });
  const changed = file.replace("192.0.2.2", "192.0.2.9").replace("mail MX 10 www\n", "@ NS ns2.example.net.\n");
  const want = {
    removed: ["mail 600 MX 10 www.example.org", "www 300 A 192.0.2.2"],
    added: ["@ 600 NS ns1.example.org", "@ 600 NS ns2.example.net", "www 300 A 192.0.2.9"],
  };
  const rehearsed = await files.import(zone, changed, { dryRun: true, create: false }, by);
  assert.deepEqual({ removed: rehearsed.removed, added: rehearsed.added.sort() }, want);
  assert.equal(test.zones.get(zone).serial, 2026112101);
  assert.equal(lookUp(test.directory, "mail.example.org MX"), "600 10 www.example.org");
  const done = await files.import(zone, changed, { dryRun: false, create: false }, by);
  assert.deepEqual({ removed: done.removed, added: done.added.sort() }, want);
  assert.equal(lookUp(test.directory, "mail.example.org MX"), "no_name");
  assert.match(files.export(zone, false).text, /^; view lan: www 300 A 10\.0\.0\.1$/m);
  const change = test.changes.list(zone, null, { limit: 1, before: null })[0]!;
  test.changes.undo(zone, change.id, by);
  assert.equal(lookUp(test.directory, "example.org NS"), "3600 ns1.example.org");
});

Deno.test("ZoneFiles.import says which line is wrong, and changes nothing", async () => {
  const { test, files } = await underTest();
  await using _ = test;
  test.editor.create(zone, { settings }, by);
  for (
    const [text, message] of [
      [file + "bad A 192.0.2\n", /zone file:11: .*192\.0\.2/],
      [file + "www CNAME other\n", /Cannot add .*"www"/],
      [file + "@ SOA a b 1 2 3 4 5\n", /one SOA/],
      [file + "other.net. A 192.0.2.1\n", /zone file:11/],
      [file + "x ANY 1\n", /zone file:11/],
    ] as const
  ) await assert.rejects(files.import(zone, text, { dryRun: false, create: false }, by), message, text);
  assert.equal(test.zones.get(zone).serial, 2026112100);
});
