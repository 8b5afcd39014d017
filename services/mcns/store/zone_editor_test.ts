import assert from "node:assert/strict";
import { fromHex } from "../domain/octets.ts";
import { formatData, readSoa } from "../domain/rdata/record_data.ts";
import { typeText } from "../domain/rdata/record_type.ts";
import type { RecordSet } from "../domain/zone.ts";
import { by, lookUp, settings, storeUnderTest, zoneName } from "../testing/temp_store.ts";
import { soaSetOf } from "./zone_content.ts";

const zone = zoneName("example.org");

Deno.test("ZoneEditor.create makes a zone that answers at once, and refuses a second of the name", async () => {
  await using test = await storeUnderTest();
  const row = test.editor.create(zone, { settings }, by);
  assert.deepEqual([row.name, row.serial, test.zones.countRecords(row)], ["example.org", 2026112100, 0]);
  assert.equal(lookUp(test.directory, "example.org NS"), "3600 ns1.example.org");
  assert.throws(() => test.editor.create(zone, { settings }, by), {
    code: "conflict",
    message: 'Cannot create zone "example.org": it exists',
  });
});

Deno.test("ZoneEditor.create refuses a zone that would hide records of the zone above", async () => {
  await using test = await storeUnderTest();
  test.editor.create(zone, { settings }, by);
  for (const text of ["a.sub A 192.0.2.1", "other A 192.0.2.2", "xsub2 A 192.0.2.3", "a.s_b A 192.0.2.4"]) {
    test.add(zone, text);
  }
  const create = (name: string) => test.editor.create(zoneName(name), { settings }, by);
  assert.throws(() => create("sub.example.org"), {
    code: "conflict",
    message: 'Cannot create zone "sub.example.org": record "a.sub" of zone example.org would never be answered again',
  });
  assert.throws(() => create("other.example.org"), { code: "conflict" });
  create("sub2.example.org");
  create("sxb.example.org"); // an underscore stands for itself
});

Deno.test("ZoneEditor.updateSettings changes the SOA and raises the serial once, only when something changes", async () => {
  await using test = await storeUnderTest();
  test.editor.create(zone, { settings }, by);
  const changed = test.editor.updateSettings(zone, () => ({ ...settings, minimum: 60 }), by);
  assert.deepEqual([changed.minimum, changed.serial], [60, 2026112101]);
  assert.equal(lookUp(test.directory, "example.org SOA"), "serial 2026112101");
  assert.equal(test.directory.get(zone.key)?.negativeTtlSeconds, 60);
  assert.equal(test.editor.updateSettings(zone, () => ({ ...settings, minimum: 60 }), by).serial, 2026112101);
  assert.throws(() => test.editor.updateSettings(zoneName("other.org"), () => settings, by), {
    code: "not_found",
    message: 'No zone "other.org"',
  });
});

Deno.test("ZoneEditor.delete takes the records along; a zone made again goes on with its serial", async () => {
  await using test = await storeUnderTest();
  test.editor.create(zone, { settings }, by);
  test.add(zone, "www A 192.0.2.1");
  test.editor.delete(zone, by);
  assert.equal(lookUp(test.directory, "www.example.org A"), "no zone");
  assert.throws(() => test.editor.delete(zone, by), { code: "not_found" });
  const again = test.editor.create(zone, { settings }, by);
  assert.deepEqual([again.serial, test.zones.countRecords(again)], [2026112102, 0]);
  assert.equal(lookUp(test.directory, "www.example.org A"), "no_name");
});

Deno.test("ZoneStore.list pages by name", async () => {
  await using test = await storeUnderTest();
  for (const name of ["c.org", "a.org", "b.org"]) test.editor.create(zoneName(name), { settings }, by);
  const list = (after: string | null, limit: number) => test.zones.list({ limit, after }).map(({ name }) => name);
  assert.deepEqual(list(null, 2), ["a.org", "b.org"]);
  assert.deepEqual(list("b.org", 2), ["c.org"]);
});

Deno.test("ZoneEditor.journal tells each step from a serial on, as long as it fits", async () => {
  await using test = await storeUnderTest({ journalBytes: 3000 });
  test.editor.create(zone, { settings }, by);
  test.add(zone, "www A 192.0.2.1");
  test.add(zone, "www A 192.0.2.2");
  const shown = (serial: number) =>
    test.editor.journal(zone, serial)?.map(({ from, to, removed, added }) =>
      `${from}→${to} ${[...removed.map(line("-")), ...added.map(line("+"))].join(" ")}`
    ) ?? null;
  assert.deepEqual(shown(2026112100), [
    "2026112100→2026112101 -SOA 2026112100 +A 192.0.2.1 +SOA 2026112101",
    "2026112101→2026112102 -SOA 2026112101 +A 192.0.2.2 +SOA 2026112102",
  ]);
  assert.equal(shown(2026112102), null, "nothing has happened since");
  assert.equal(shown(2026112001), null, "before the journal");
  for (let i = 10; i < 60; i++) test.add(zone, `host${i} A 192.0.2.${i}`);
  assert.equal(shown(2026112101), null, "pushed out by newer ones");
  assert.equal(shown(2026112150)?.length, 2);
});

Deno.test("ZoneEditor.replicate stores a secondary as its primary has it, signatures and all", async () => {
  await using test = await storeUnderTest();
  const edits = () => test.add(zone, "x A 192.0.2.1");
  test.editor.create(zone, { settings, kind: "secondary" }, by);
  assert.equal(lookUp(test.directory, "example.org SOA"), "not answerable");
  const soa = { ...settings, adminEmail: "odd\\.box.example.org", serial: 7, ttlSeconds: 60 };
  const row = {
    primary_ns: soa.primaryNs,
    admin_email: soa.adminEmail,
    soa_ttl: 60,
    kind: "secondary" as const,
    ...soa,
  };
  const rrsig = fromHex("000105030000012c")! + "\0".repeat(10) + zone.key + "sig";
  const changes = new Map<string, RecordSet[]>([
    [zone.key, [soaSetOf(row)]],
    ["\x03www" + zone.key, [{ type: 1, ttlSeconds: 300, data: ["\xc0\x00\x02\x01"], signatures: [rrsig] }]],
  ]);
  test.editor.replicate(zone, { soa, changes }, { actor: "primary 127.0.0.1:53", remote: "" });
  assert.equal(lookUp(test.directory, "www.example.org A"), "300 192.0.2.1");
  using second = test.open();
  for (const { directory } of [test, second]) {
    assert.equal(lookUp(directory, "example.org SOA"), "serial 7");
    assert.equal(directory.get(zone.key)?.soa.mailbox.text, "odd\\.box.example.org");
    assert.deepEqual(directory.get(zone.key)?.setsAt("\x03www" + zone.key)[0]?.signatures, [rrsig]);
  }
  assert.throws(edits, { code: "conflict", message: /it is a secondary/ });
  const gone = new Map<string, RecordSet[]>([["\x03www" + zone.key, []], [zone.key, [
    soaSetOf({ ...row, serial: 8 }),
  ]]]);
  test.editor.replicate(zone, { soa: { ...soa, serial: 8 }, changes: gone }, by);
  assert.equal(lookUp(test.directory, "www.example.org A"), "no_name");
  assert.equal(test.editor.journal(zone, 7)?.[0]?.removed.length, 3, "A, its signature, SOA");
});

Deno.test("ZoneEditor.together changes several zones or none", async () => {
  await using test = await storeUnderTest();
  const other = zoneName("example.net");
  for (const name of [zone, other]) test.editor.create(name, { settings }, by);
  const heard: string[] = [];
  test.editor.onChange((name, serial) => heard.push(`${name} ${serial}`));
  assert.throws(() =>
    test.editor.together(() => {
      test.add(zone, "www A 192.0.2.1");
      test.add(other, "www A rubbish");
    })
  );
  assert.equal(lookUp(test.directory, "www.example.org A"), "no_name");
  assert.deepEqual(heard, []);
  test.editor.together(() => {
    test.add(zone, "www A 192.0.2.1");
    assert.equal(lookUp(test.directory, "www.example.org A"), "no_name", "not before the commit");
    test.add(other, "www A 192.0.2.2");
  });
  assert.equal(lookUp(test.directory, "www.example.net A"), "300 192.0.2.2");
  assert.deepEqual(heard, ["example.org 2026112101", "example.net 2026112101"]);
});

function line(sign: string) {
  return ({ type, data }: { type: number; data: string }) =>
    `${sign}${typeText(type)} ${type === 6 ? readSoa(data).serial : formatData(type, data)}`;
}
