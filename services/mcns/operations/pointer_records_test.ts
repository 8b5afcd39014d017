import assert from "node:assert/strict";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { RecordService, ZoneService } from "@proto/mcns/v1/mcns_pb.ts";
import { callers, operationsUnderTest } from "../testing/operations_under_test.ts";
import { lookUp } from "../testing/temp_store.ts";

const { createZone } = ZoneService.method;
const { createRecord, setRecords, listRecords, deleteRecords, deleteOwnedRecords } = RecordService.method;
const zone = "example.org", reverse = "2.0.192.in-addr.arpa", reverse6 = "8.b.d.0.1.0.0.2.ip6.arpa";

async function underTest() {
  const test = await operationsUnderTest();
  for (const name of [zone, "192.in-addr.arpa", reverse, reverse6]) await test.calls.call(createZone, { name });
  return {
    ...test,
    set: (name: string, type: string, values: string[], more: MessageInitShape<typeof setRecords.input> = {}) =>
      test.calls.call(setRecords, { zone, name, type, values, withPtr: true, ...more }),
    /** What an address's name says: "www.example.org", or the kind of finding. */
    ptr: (name: string) => lookUp(test.store.directory, `${name} PTR`).replace(/^\d+ /, ""),
  };
}

Deno.test("with_ptr makes the PTR record in the deepest reverse zone, of both kinds of addresses", async () => {
  await using test = await underTest();
  await test.calls.call(createRecord, { zone, name: "www", type: "A", value: "192.0.2.1", ttl: 60, withPtr: true });
  assert.equal(lookUp(test.store.directory, `1.${reverse} PTR`), "60 www.example.org");
  const inDeepest = await test.calls.call(listRecords, { zone: reverse });
  assert.deepEqual(inDeepest.records.map(({ name, type, value }) => [name, type, value]), [
    ["1", "PTR", "www.example.org"],
  ]);
  await test.set("www", "AAAA", ["2001:db8::1"]);
  assert.equal(test.ptr(`1.${"0.".repeat(23)}${reverse6}`), "www.example.org");
});

Deno.test("with_ptr on a set moves the PTR records with the addresses, and leaves those of other hosts", async () => {
  await using test = await underTest();
  await test.set("www", "A", ["192.0.2.1", "192.0.2.2"]);
  await test.set("ftp", "A", ["192.0.2.2"]);
  assert.equal(test.ptr(`2.${reverse}`), "ftp.example.org www.example.org");
  await test.set("www", "A", ["192.0.2.1", "192.0.2.3"]);
  assert.deepEqual(
    [1, 2, 3].map((last) => test.ptr(`${last}.${reverse}`)),
    ["www.example.org", "ftp.example.org", "www.example.org"],
  );
  const { serial } = test.store.zones.list({ limit: 1, after: "2" })[0]!;
  await test.set("www", "A", ["192.0.2.1", "192.0.2.3"]);
  assert.equal(
    test.store.zones.list({ limit: 1, after: "2" })[0]!.serial,
    serial,
    "the same once more changes nothing",
  );
});

Deno.test("PTR records go with their addresses: deleted, or with their owner", async () => {
  await using test = await underTest();
  await test.set("www", "A", ["192.0.2.1"], { service: "web", lease: "7" });
  await test.set("ftp", "A", ["192.0.2.2"]);
  const removed = await test.calls.call(deleteOwnedRecords, { service: "web" });
  assert.deepEqual([removed.deleted, removed.zones.toSorted()], [2, [reverse, zone].toSorted()]);
  assert.equal(test.ptr(`1.${reverse}`), "no_name");
  await test.calls.call(deleteRecords, { zone, name: "ftp", withPtr: true });
  assert.equal(test.ptr(`2.${reverse}`), "no_name");
});

Deno.test("with_ptr that can't be done changes nothing", async () => {
  await using test = await underTest();
  const www = { zone, name: "www", type: "A", withPtr: true };
  await assert.rejects(test.calls.call(createRecord, { ...www, value: "198.51.100.1" }), {
    code: "conflict",
    message: 'Cannot make the PTR record of 198.51.100.1: no zone here has the name "1.100.51.198.in-addr.arpa"',
    hint: "Create a reverse zone like 100.51.198.in-addr.arpa, or leave with_ptr out.",
  });
  await test.calls.call(createRecord, { zone: reverse, name: "9", type: "CNAME", value: "9.x.example" });
  await assert.rejects(test.calls.call(createRecord, { ...www, value: "192.0.2.9" }), { code: "conflict" });
  await assert.rejects(test.calls.call(createRecord, { ...www, zone: reverse, value: "192.0.2.1" }), {
    code: "invalid",
    field: "with_ptr",
  });
  assert.equal(lookUp(test.store.directory, "www.example.org A"), "no_name");
});

Deno.test("with_ptr needs the right to change the PTR record", async () => {
  await using test = await underTest();
  const services = "svc.mcp.metacircular.net";
  await test.calls.call(createZone, { name: services });
  const mine = { zone: services, name: "mcq", type: "A", values: ["192.0.2.1"] };
  assert.equal(await test.calls.codeOf(setRecords, { ...mine, withPtr: true }, callers.mcq), "denied");
  assert.equal(await test.calls.codeOf(setRecords, mine, callers.mcq), "ok");
  assert.equal(await test.calls.codeOf(setRecords, { ...mine, withPtr: true }, callers.agent), "ok");
  assert.equal(
    await test.calls.codeOf(deleteRecords, { zone: services, name: "mcq", withPtr: true }, callers.mcq),
    "denied",
  );
  assert.equal(lookUp(test.store.directory, `mcq.${services} A`), "300 192.0.2.1", "refused as a whole");
});
