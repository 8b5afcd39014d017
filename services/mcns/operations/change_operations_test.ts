import assert from "node:assert/strict";
import type { Change } from "@proto/mcns/v1/mcns_pb.ts";
import { RecordService, ZoneService } from "@proto/mcns/v1/mcns_pb.ts";
import { callers, operationsUnderTest } from "../testing/operations_under_test.ts";
import { lookUp } from "../testing/temp_store.ts";

const { createZone, updateZone, listChanges, undoChange } = ZoneService.method;
const { createRecord, setRecords } = RecordService.method;
const { agent, mcq, user } = callers;
const zone = "svc.mcp.metacircular.net";

/** "ada record.set -www 300 A 192.0.2.1 +www …": one line a change. */
function lineOf({ actor, action, removed, added }: Change): string {
  return [actor, action, ...removed.map((line) => `-${line}`), ...added.map((line) => `+${line}`)].join(" ");
}

Deno.test("history says who did what, latest first, for all names or one", async () => {
  await using test = await operationsUnderTest();
  const { calls } = test;
  await calls.call(createZone, { name: zone });
  await calls.call(createRecord, { zone, name: "mcq", type: "A", value: "192.0.2.1" }, mcq);
  await calls.call(setRecords, { zone, name: "mcq", type: "A", values: ["192.0.2.2"] }, agent);
  await calls.call(createRecord, { zone, name: "mcat", type: "TXT", value: '"x"' });
  const lines = async (request: { name?: string; pageSize?: number; pageToken?: string }) => {
    const { changes, nextPageToken } = await calls.call(listChanges, { zone, ...request }, user);
    return { lines: changes.map(lineOf), nextPageToken };
  };
  const all = [
    'ada record.add +mcat 300 TXT "x"',
    "mcp-agent record.set -mcq 300 A 192.0.2.1 +mcq 300 A 192.0.2.2",
    "mcq record.add +mcq 300 A 192.0.2.1",
    "ada zone.create",
  ];
  assert.deepEqual((await lines({})).lines, all);
  assert.deepEqual((await lines({ name: "mcq" })).lines, all.slice(1, 3));
  const first = await lines({ pageSize: 3 });
  assert.deepEqual(first.lines, all.slice(0, 3));
  assert.deepEqual((await lines({ pageToken: first.nextPageToken })).lines, all.slice(3));
  const { changes } = await calls.call(listChanges, { zone, pageSize: 1 });
  assert.deepEqual(
    [changes[0]!.zone, changes[0]!.remote, changes[0]!.serialBefore, changes[0]!.serial, changes[0]!.undoneBy],
    [zone, "127.0.0.1", 2026112102, 2026112103, 0n],
  );
});

Deno.test("a change is taken back by who could have made it, once, as a change of its own", async () => {
  await using test = await operationsUnderTest();
  const { calls, store } = test;
  await calls.call(createZone, { name: zone });
  await calls.call(setRecords, { zone, name: "mcq", type: "A", values: ["192.0.2.1"] });
  await calls.call(setRecords, { zone, name: "mcq", type: "A", values: ["192.0.2.2"], ttl: 60 }, agent);
  await calls.call(setRecords, { zone, name: "mcat", type: "A", values: ["192.0.2.3"] });
  await calls.call(updateZone, { zone, minimum: 60 });
  const { changes } = await calls.call(listChanges, { zone });
  const [settings, mcat, second] = changes.map(({ id }) => Number(id));
  for (
    const [id, caller, want] of [
      [second!, user, "denied"],
      [second!, null, "unauthenticated"],
      [mcat!, mcq, "denied"],
      [settings!, mcq, "denied"],
      [settings!, agent, "conflict"], // it changed no records
      [999, mcq, "not_found"],
      [0, agent, "invalid"],
    ] as const
  ) assert.equal(await calls.codeOf(undoChange, { zone, id }, caller), want, `${id} ${caller?.username}`);
  const undone = await calls.call(undoChange, { zone, id: BigInt(second!) }, mcq);
  assert.equal(lineOf(undone), "mcq undo -mcq 60 A 192.0.2.2 +mcq 300 A 192.0.2.1");
  assert.equal(undone.undoes, BigInt(second!));
  assert.equal(lookUp(store.directory, `mcq.${zone} A`), "300 192.0.2.1");
  const after = await calls.call(listChanges, { zone });
  assert.equal(after.changes.find(({ id }) => id === BigInt(second!))!.undoneBy, undone.id);
  assert.equal(await calls.codeOf(undoChange, { zone, id: second! }, mcq), "conflict");
});
