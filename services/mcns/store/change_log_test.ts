import assert from "node:assert/strict";
import { by, storeUnderTest } from "../testing/temp_store.ts";
import { ChangeLog, maxChangesPerZone } from "./change_log.ts";

Deno.test("ChangeLog keeps the latest changes of each zone, whichever zones change in turn", async () => {
  await using test = await storeUnderTest();
  const log = new ChangeLog(test.db);
  const change = { at: 0, action: "update", serialBefore: 1, serial: 2, removed: [], added: [], undoes: null };
  test.db.write(() => {
    for (let i = 0; i < maxChangesPerZone + 600; i++) {
      // Ids alternate: all of one zone's are odd.
      for (const zone of ["example.org", "example.net"]) log.append({ ...change, zone }, by);
    }
  });
  const count = test.db.prepare<{ kept: number }>("SELECT count(*) AS kept FROM zone_changes WHERE zone = ?");
  for (const zone of ["example.org", "example.net"]) {
    const { kept } = count.get(zone)!;
    assert.ok(kept >= maxChangesPerZone && kept < maxChangesPerZone + 256, `${zone}: ${kept}`);
  }
  const again = new ChangeLog(test.db);
  again.append({ ...change, zone: "example.org" }, by);
  assert.equal(count.get("example.org")!.kept, maxChangesPerZone, "a new process begins by looking");
});
