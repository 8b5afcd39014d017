import assert from "node:assert/strict";
import { unavailable } from "@lib/errors/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import type { RecordSet, Zone } from "../domain/zone.ts";
import { by, lookUp, settings, type StoreUnderTest, storeUnderTest, zoneName } from "../testing/temp_store.ts";
import { lineOf } from "./change_store.ts";
import { unsigned } from "./publisher.ts";
import { RecordExpiry } from "./record_expiry.ts";

const zone = zoneName("example.org");

async function withZone(): Promise<StoreUnderTest> {
  const test = await storeUnderTest();
  test.editor.create(zone, { settings }, by);
  return test;
}

Deno.test("RecordExpiry takes records away when their time is over, with history", async () => {
  await using test = await withZone();
  test.add(zone, "dhcp A 192.0.2.1", { expiresAt: test.clock.now() + 60_000 });
  test.add(zone, "www A 192.0.2.2");
  using expiry = new RecordExpiry(test.rows, test.editor, test.clock, silentLogger);
  test.clock.set(Date.UTC(2026, 10, 21, 12, 0, 59));
  expiry.sweep();
  assert.equal(lookUp(test.directory, "dhcp.example.org A"), "300 192.0.2.1");
  test.clock.set(Date.UTC(2026, 10, 21, 12, 1));
  expiry.sweep();
  assert.equal(lookUp(test.directory, "dhcp.example.org A"), "no_name");
  assert.equal(lookUp(test.directory, "www.example.org A"), "300 192.0.2.2");
  const [change] = test.changes.list(zone, null, { limit: 1, before: null });
  assert.deepEqual([change!.actor, change!.action, change!.serial], ["expiry", "record.expire", 2026112103]);
  assert.deepEqual(change!.removed.map(lineOf), ["dhcp 300 A 192.0.2.1"]);
});

Deno.test("RecordExpiry goes on with other zones when one can't be changed", async () => {
  await using test = await withZone();
  const other = zoneName("example.net");
  test.editor.create(other, { settings }, by);
  const expiresAt = test.clock.now() + 60_000;
  test.add(zone, "a A 192.0.2.1", { expiresAt });
  test.add(other, "b A 192.0.2.1", { expiresAt });
  // As when the vault's key file is lost: what is signed can't be signed anew.
  const publish = (before: Zone, plain: ReadonlyMap<string, readonly RecordSet[]>) => {
    if (before.key === zone.key) throw unavailable("Cannot open the secret");
    return plain;
  };
  test.editor.publishThrough({ ...unsigned, publish });
  using expiry = new RecordExpiry(test.rows, test.editor, test.clock, silentLogger);
  test.clock.set(expiresAt);
  expiry.sweep();
  assert.equal(lookUp(test.directory, "a.example.org A"), "300 192.0.2.1");
  assert.equal(lookUp(test.directory, "b.example.net A"), "no_name");
});
