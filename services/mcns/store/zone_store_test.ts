import assert from "node:assert/strict";
import { by, lookUp, parsed, settings, storeUnderTest, zoneName } from "../testing/temp_store.ts";

const zone = zoneName("example.org");

Deno.test("ZoneStore.create makes a zone that answers at once, and refuses a second of the name", async () => {
  await using test = await storeUnderTest();
  const row = test.zones.create(zone, settings, by);
  assert.deepEqual([row.name, row.serial, test.zones.countRecords(row)], ["example.org", 2026112100, 0]);
  assert.equal(lookUp(test.directory, "example.org NS"), "ns1.example.org");
  assert.throws(() => test.zones.create(zone, settings, by), {
    code: "conflict",
    message: 'Cannot create zone "example.org": it exists',
  });
});

Deno.test("ZoneStore.create refuses a zone that would hide records of the zone above", async () => {
  await using test = await storeUnderTest();
  test.zones.create(zone, settings, by);
  for (const text of ["a.sub A 192.0.2.1", "other A 192.0.2.2", "xsub2 A 192.0.2.3", "a.s_b A 192.0.2.4"]) {
    const { name, value } = parsed(zone, text);
    test.records.add(zone, name, value, 300, by);
  }
  const create = (name: string) => test.zones.create(zoneName(name), settings, by);
  assert.throws(() => create("sub.example.org"), {
    code: "conflict",
    message: 'Cannot create zone "sub.example.org": record "a.sub" of zone example.org would never be answered again',
  });
  assert.throws(() => create("other.example.org"), { code: "conflict" });
  create("sub2.example.org");
  create("sxb.example.org"); // an underscore stands for itself
});

Deno.test("ZoneStore.update changes the SOA and raises the serial once, only when something changes", async () => {
  await using test = await storeUnderTest();
  test.zones.create(zone, settings, by);
  const changed = test.zones.update(zone, () => ({ ...settings, minimum: 60 }), by);
  assert.deepEqual([changed.minimum, changed.serial], [60, 2026112101]);
  assert.equal(lookUp(test.directory, "example.org SOA"), "serial 2026112101");
  assert.equal(test.directory.get(zone.key)?.negativeTtlSeconds, 60);
  assert.equal(test.zones.update(zone, () => ({ ...settings, minimum: 60 }), by).serial, 2026112101);
  assert.throws(() => test.zones.update(zoneName("other.org"), () => settings, by), {
    code: "not_found",
    message: 'No zone "other.org"',
  });
});

Deno.test("ZoneStore.delete takes the records along; a zone made again goes on with its serial", async () => {
  await using test = await storeUnderTest();
  test.zones.create(zone, settings, by);
  const { name, value } = parsed(zone, "www A 192.0.2.1");
  test.records.add(zone, name, value, 300, by);
  test.zones.delete(zone, by);
  assert.equal(lookUp(test.directory, "www.example.org A"), "no zone");
  assert.throws(() => test.zones.delete(zone, by), { code: "not_found" });
  const again = test.zones.create(zone, settings, by);
  assert.deepEqual([again.serial, test.zones.countRecords(again)], [2026112102, 0]);
  assert.equal(lookUp(test.directory, "www.example.org A"), "no_name");
});

Deno.test("ZoneStore.list pages by name", async () => {
  await using test = await storeUnderTest();
  for (const name of ["c.org", "a.org", "b.org"]) test.zones.create(zoneName(name), settings, by);
  const list = (after: string | null, limit: number) => test.zones.list({ limit, after }).map(({ name }) => name);
  assert.deepEqual(list(null, 2), ["a.org", "b.org"]);
  assert.deepEqual(list("b.org", 2), ["c.org"]);
});
