import assert from "node:assert/strict";
import { types } from "../domain/rdata/record_type.ts";
import { RecordName } from "../domain/record_name.ts";
import { by, lookUp, settings, storeUnderTest, zoneName } from "../testing/temp_store.ts";

const zone = zoneName("example.org");

Deno.test("ChangeStore.undo leaves alone a record that stands for another lease since, and brings back none that is over", async () => {
  await using test = await storeUnderTest();
  test.editor.create(zone, { settings }, by);
  const newest = () => test.changes.list(zone, null, { limit: 1, before: null })[0]!;
  const spec = { name: RecordName.parse("www", zone), type: types.A, data: ["\xc0\0\x02\x01"], ttlSeconds: 300 };
  test.records.set(zone, { ...spec, service: "web", lease: "one" }, by);
  const first = newest();
  test.records.set(zone, { ...spec, service: "web", lease: "two" }, by);
  const refused = { code: "conflict", message: /www 300 A 192\.0\.2\.1 has changed since or is gone$/ };
  assert.throws(() => test.changes.undo(zone, first.id, by), refused);
  test.changes.undo(zone, newest().id, by);
  test.changes.undo(zone, first.id, by);
  assert.equal(lookUp(test.directory, "www.example.org A"), "no_name");

  const expiresAt = test.clock.now() + 60_000;
  test.add(zone, "dhcp A 192.0.2.1", { expiresAt });
  test.records.remove(zone, { name: RecordName.parse("dhcp", zone) }, by);
  test.clock.set(expiresAt);
  assert.throws(() => test.changes.undo(zone, newest().id, by), {
    code: "conflict",
    message: /dhcp 300 A 192\.0\.2\.1 was over at 2026-11-21T12:01:00/,
  });
});
