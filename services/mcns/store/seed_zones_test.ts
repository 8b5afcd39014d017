import assert from "node:assert/strict";
import { parseSeeds } from "../seeds.ts";
import { RecordName } from "../domain/record_name.ts";
import { by, lookUp, storeUnderTest, zoneName } from "../testing/temp_store.ts";
import { seedZones } from "./seed_zones.ts";

const tables = [
  { name: "example.org", primary_ns: "", admin_email: "", records: ["@ A 192.0.2.1", "www 60 A 192.0.2.2"] },
  {
    name: "sub.example.org",
    primary_ns: "ns.example.org",
    admin_email: "a@b.org",
    records: ["x CNAME www.example.org"],
  },
];

Deno.test("seedZones inserts zones that never existed, and leaves alone what the API changed", async () => {
  await using test = await storeUnderTest();
  const seed = (zones = tables) => seedZones(test.editor, test.zones, parseSeeds(zones));
  assert.deepEqual(seed(), ["example.org", "sub.example.org"]);
  assert.equal(lookUp(test.directory, "www.example.org A"), "60 192.0.2.2");
  assert.equal(lookUp(test.directory, "x.sub.example.org A"), "cname www.example.org");
  assert.equal(lookUp(test.directory, "example.org NS"), "3600 ns1.example.org");

  const zone = zoneName("example.org");
  test.records.remove(zone, { name: RecordName.parse("www", zone) }, by);
  test.editor.delete(zoneName("sub.example.org"), by);
  assert.deepEqual(seed(), [], "again: nothing to do");
  assert.equal(lookUp(test.directory, "www.example.org A"), "no_name");
  assert.equal(lookUp(test.directory, "sub.example.org NS"), "no_name");
  const more = [...tables, { name: "new.org", primary_ns: "", admin_email: "", records: [] }];
  assert.deepEqual(seed(more), ["new.org"], "a zone added to the config later");
});

Deno.test("seedZones inserts nothing of a zone whose records break a rule", async () => {
  await using test = await storeUnderTest();
  const bad = [{
    name: "bad.org",
    primary_ns: "",
    admin_email: "",
    records: ["www A 192.0.2.1", "www CNAME a.bad.org"],
  }];
  assert.throws(() => seedZones(test.editor, test.zones, parseSeeds(bad)), { code: "conflict" });
  assert.equal(test.zones.find(zoneName("bad.org")), undefined);
});

Deno.test("parseSeeds names the key of what is wrong", () => {
  for (
    const [zone, field] of [
      [{ name: "a..b", primary_ns: "", admin_email: "", records: [] }, "zones[0].name"],
      [{ name: "a.org", primary_ns: "", admin_email: "", records: ["@ A 192.0.2.1", "x"] }, "zones[0].records[1]"],
      [{ name: "a.org", primary_ns: "-", admin_email: "", records: [] }, "primary_ns"],
    ] as const
  ) assert.throws(() => parseSeeds([zone]), { field });
});
