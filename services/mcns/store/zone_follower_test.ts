import assert from "node:assert/strict";
import { silentLogger } from "@lib/log/mod.ts";
import { parseSeedRecord } from "../domain/seed.ts";
import { by, lookUp, settings, storeUnderTest, zoneName } from "../testing/temp_store.ts";

const zone = zoneName("example.org");

Deno.test("ZoneFollower.reload sees what another process changed, made and deleted", async () => {
  await using first = await storeUnderTest();
  first.editor.create(zone, { settings }, by);
  first.add(zone, "www A 192.0.2.1");
  using second = first.open();
  assert.equal(lookUp(second.directory, "www.example.org A"), "300 192.0.2.1");
  const version = second.db.dataVersion();

  first.add(zone, "ftp A 192.0.2.2");
  first.editor.create(zoneName("other.org"), { settings }, by);
  assert.notEqual(second.db.dataVersion(), version);
  second.follower.reload();
  assert.equal(lookUp(second.directory, "ftp.example.org A"), "300 192.0.2.2");
  assert.equal(lookUp(second.directory, "other.org NS"), "3600 ns1.example.org");

  first.editor.delete(zone, by);
  second.follower.reload();
  assert.equal(lookUp(second.directory, "www.example.org A"), "no zone");
});

Deno.test("ZoneFollower doesn't lose another process's change under one of its own", async () => {
  await using first = await storeUnderTest();
  first.editor.create(zone, { settings }, by);
  using second = first.open();
  second.add(zone, "theirs A 192.0.2.1");
  // Our own commit comes before we have looked: the serial in memory moves past theirs.
  first.add(zone, "ours A 192.0.2.2");
  assert.equal(lookUp(first.directory, "ours.example.org A"), "300 192.0.2.2");
  assert.equal(lookUp(first.directory, "theirs.example.org A"), "300 192.0.2.1");
});

Deno.test("ZoneFollower leaves out a row that doesn't parse, and answers the others", async () => {
  const errors: string[] = [];
  const log = { ...silentLogger, error: (message: string) => void errors.push(message) };
  await using test = await storeUnderTest({ log });
  test.editor.create(zone, { settings }, by);
  test.add(zone, "www A 192.0.2.1");
  test.add(zone, "www A 192.0.2.2");
  test.db.prepare("UPDATE records SET value = 'rubbish' WHERE value = '192.0.2.1'").run();
  using second = test.open();
  assert.equal(lookUp(second.directory, "www.example.org A"), "300 192.0.2.2");
  assert.deepEqual(errors, ["a record in the database is left out"]);
});

Deno.test("ZoneFollower.created has what a second process reads", async () => {
  const lan = { name: "lan", has: (address: string) => address.startsWith("10.") };
  await using first = await storeUnderTest({ views: [lan] });
  const lines = [
    "www A 192.0.2.2",
    "www 60 A 192.0.2.1",
    "a.b MX 10 www.example.org",
    "*.wild TXT x",
    "cut NS ns.cut.example.org",
    "ns.cut A 192.0.2.3",
  ];
  const inLan = ["www A 10.0.0.1", "only TXT lan", "a.b CNAME www.example.org"];
  first.editor.create(zone, { settings }, by, (edit) => {
    for (const line of lines) edit.add(parseSeedRecord(line, zone, "record"));
    for (const line of inLan) edit.add({ ...parseSeedRecord(line, zone, "record"), view: "lan" });
  });
  using second = first.open();
  for (const address of ["192.0.2.9", "10.0.0.9"]) {
    const [made, read] = [first, second].map(({ views }) => views.directoryFor(address).get(zone.key)!);
    const names = [...read!.names()].sort();
    assert.deepEqual([...made!.names()].sort(), names);
    assert.equal(made!.size, read!.size);
    for (const key of names) assert.deepEqual(new Set(made!.setsAt(key)), new Set(read!.setsAt(key)));
  }
  assert.equal(lookUp(first.directory, "www.example.org A"), "60 192.0.2.1 192.0.2.2");
  assert.equal(lookUp(first.views.directoryFor("10.0.0.9"), "www.example.org A"), "300 10.0.0.1");
});

Deno.test("ZoneFollower.suspend keeps a zone from being answered until it is resumed", async () => {
  await using test = await storeUnderTest();
  test.editor.create(zone, { settings }, by);
  test.editor.suspend(zone);
  assert.equal(lookUp(test.directory, "example.org SOA"), "not answerable");
  test.add(zone, "www A 192.0.2.1");
  assert.equal(lookUp(test.directory, "www.example.org A"), "not answerable");
  test.editor.resume(zone);
  assert.equal(lookUp(test.directory, "www.example.org A"), "300 192.0.2.1");
});
