import assert from "node:assert/strict";
import { silentLogger } from "@lib/log/mod.ts";
import { by, lookUp, type Opened, parsed, settings, storeUnderTest, zoneName } from "../testing/temp_store.ts";
import { ZoneFollower } from "./zone_follower.ts";

const zone = zoneName("example.org");

function add(process: Opened, text: string): void {
  const { name, value } = parsed(zone, text);
  process.records.add(zone, name, value, 300, by);
}

Deno.test("ZoneFollower.reload sees what another process changed, made and deleted", async () => {
  await using first = await storeUnderTest();
  first.zones.create(zone, settings, by);
  add(first, "www A 192.0.2.1");
  using second = first.open();
  assert.equal(lookUp(second.directory, "www.example.org A"), "300 192.0.2.1");
  const version = second.db.dataVersion();

  add(first, "ftp A 192.0.2.2");
  first.zones.create(zoneName("other.org"), settings, by);
  assert.notEqual(second.db.dataVersion(), version);
  second.follower.reload();
  assert.equal(lookUp(second.directory, "ftp.example.org A"), "300 192.0.2.2");
  assert.equal(lookUp(second.directory, "other.org NS"), "ns1.example.org");

  first.zones.delete(zone, by);
  second.follower.reload();
  assert.equal(lookUp(second.directory, "www.example.org A"), "no zone");
});

Deno.test("ZoneFollower doesn't lose another process's change under one of its own", async () => {
  await using first = await storeUnderTest();
  first.zones.create(zone, settings, by);
  using second = first.open();
  add(second, "theirs A 192.0.2.1");
  // Our own commit comes before we have looked: the serial in memory moves past theirs.
  add(first, "ours A 192.0.2.2");
  assert.equal(lookUp(first.directory, "ours.example.org A"), "300 192.0.2.2");
  assert.equal(lookUp(first.directory, "theirs.example.org A"), "300 192.0.2.1");
});

Deno.test("ZoneFollower leaves out a row that doesn't parse, and answers the others", async () => {
  await using test = await storeUnderTest();
  test.zones.create(zone, settings, by);
  add(test, "www A 192.0.2.1");
  add(test, "www A 192.0.2.2");
  test.db.prepare("UPDATE records SET value = 'rubbish' WHERE value = '192.0.2.1'").run();
  const errors: string[] = [];
  const log = { ...silentLogger, error: (message: string) => void errors.push(message) };
  test.directory.remove(zone.key);
  new ZoneFollower(test.db, test.directory, log).reload();
  assert.equal(lookUp(test.directory, "www.example.org A"), "300 192.0.2.2");
  assert.deepEqual(errors, ["a record in the database is left out"]);
});
