import assert from "node:assert/strict";
import type { DescMethod, JsonValue } from "@bufbuild/protobuf";
import { RecordService, ZoneService } from "@proto/mcns/v1/mcns_pb.ts";
import { callers, operationsUnderTest } from "../testing/operations_under_test.ts";
import { lookUp } from "../testing/temp_store.ts";

const { createZone } = ZoneService.method;
const { createRecord, setRecords, listRecords, deleteRecords, deleteOwnedRecords } = RecordService.method;
const { admin, agent, mcq, user, guest } = callers;
const zone = "svc.mcp.metacircular.net";

/** With the zones of a platform. */
async function underTest() {
  const test = await operationsUnderTest({ views: [{ name: "lan", has: (address) => address.startsWith("10.") }] });
  for (const name of [zone, "mcp.metacircular.net"]) await test.calls.call(createZone, { name });
  return test;
}

Deno.test("records: admins and the agent change any, a system account its own, humans none", async () => {
  await using test = await underTest();
  for (
    const [caller, zone, name, want, type = "A", value = "192.0.2.1"] of [
      [admin, "svc.mcp.metacircular.net", "mcq", "ok"],
      [agent, "svc.mcp.metacircular.net", "mcq", "ok"],
      [agent, "mcp.metacircular.net", "node1", "ok"],
      [mcq, "svc.mcp.metacircular.net", "mcq", "ok"],
      [mcq, "svc.mcp.metacircular.net", "mcq", "ok", "HTTPS", "1 . alpn=h2"],
      [mcq, "svc.mcp.metacircular.net", "_acme-challenge.mcq", "ok", "TXT", '"token"'],
      [mcq, "svc.mcp.metacircular.net", "_acme-challenge.mcq", "denied", "CNAME", "x.example"],
      [mcq, "svc.mcp.metacircular.net", "mcat", "denied"],
      [mcq, "mcp.metacircular.net", "mcq", "denied"],
      [user, "svc.mcp.metacircular.net", "uma", "denied"],
      [guest, "svc.mcp.metacircular.net", "gus", "denied"],
      [null, "svc.mcp.metacircular.net", "mcq", "unauthenticated"],
    ] as const
  ) {
    const who = `${caller?.username} ${name} ${type}`;
    const record = { zone, name, type };
    assert.equal(await test.calls.codeOf(setRecords, { ...record, values: [value] }, caller), want, `set ${who}`);
    assert.equal(await test.calls.codeOf(deleteRecords, record, caller), want, `delete ${who}`);
    assert.equal(await test.calls.codeOf(createRecord, { ...record, value }, caller), want, `create ${who}`);
    const read = caller === null ? want : "ok";
    assert.equal(await test.calls.codeOf(listRecords, { zone }, caller), read, `list ${who}`);
    if (want === "ok") await test.calls.call(deleteRecords, { zone, name });
  }
});

Deno.test("a denied change is refused before anything is looked up", async () => {
  await using test = await operationsUnderTest();
  const request = { zone: "secret.org", name: "x", type: "A", value: "not an address" };
  assert.equal(await test.calls.codeOf(createRecord, request, mcq), "denied");
  assert.equal(await test.calls.codeOf(createRecord, request, admin), "invalid");
  assert.equal(await test.calls.codeOf(createRecord, { ...request, value: "192.0.2.1" }, admin), "not_found");
});

Deno.test("records come back normalised, with their times, and answer at once", async () => {
  await using test = await underTest();
  const { calls, store } = test;
  const record = await calls.call(createRecord, { zone, name: `MCQ.${zone}.`, type: "aaaa", value: "2001:DB8::0:1" });
  assert.deepEqual([record.id, record.zone, record.name, record.type, record.value, record.ttl], [
    1n,
    zone,
    "mcq",
    "AAAA",
    "2001:db8::1",
    300,
  ]);
  assert.equal(record.createdAt?.seconds, BigInt(Date.UTC(2026, 10, 21, 12) / 1000));
  assert.equal(lookUp(store.directory, `mcq.${zone} AAAA`), "300 2001:db8::1");

  const set = await calls.call(setRecords, {
    zone,
    name: "mcq",
    type: "A",
    values: ["192.0.2.1", "192.0.2.2"],
    ttl: 60,
  });
  assert.deepEqual([set.records.map(({ value }) => value), set.serial], [["192.0.2.1", "192.0.2.2"], 2026112102]);
  const removed = await calls.call(deleteRecords, { zone, name: "mcq", type: "AAAA", value: "2001:0db8::1" });
  assert.deepEqual([removed.deleted, removed.serial], [1, 2026112103]);
  assert.equal(lookUp(store.directory, `mcq.${zone} A`), "60 192.0.2.1 192.0.2.2");
});

Deno.test("a record can have a view, an end and an owner, which go with it in the list", async () => {
  await using test = await underTest();
  const { calls, store } = test;
  const record = await calls.call(createRecord, {
    ...{ zone, name: "mcq", type: "A", value: "10.0.0.1", view: "lan" },
    ...{ expiresIn: 60, service: "mcq", lease: "node1/7" },
  });
  assert.deepEqual([record.view, record.service, record.lease], ["lan", "mcq", "node1/7"]);
  assert.equal(record.expiresAt?.seconds, BigInt(Date.UTC(2026, 10, 21, 12, 1) / 1000));
  assert.equal(lookUp(store.views.directoryFor("10.0.0.9"), `mcq.${zone} A`), "300 10.0.0.1");
  assert.equal(lookUp(store.directory, `mcq.${zone} A`), "no_name");
  await calls.call(createRecord, { zone, name: "mcat", type: "TXT", value: '"about MCQ"' });
  for (
    const [filter, want] of [
      [{}, ["mcq", "mcat"]],
      [{ service: "mcq" }, ["mcq"]],
      [{ service: "mcq", lease: "node1/8" }, []],
      [{ contains: "mcq" }, ["mcq", "mcat"]],
      [{ contains: "10.0" }, ["mcq"]],
      [{ type: "txt" }, ["mcat"]],
      [{ name: "mcq", type: "A" }, ["mcq"]],
    ] as const
  ) {
    const { records } = await calls.call(listRecords, { zone, ...filter });
    assert.deepEqual(records.map(({ name }) => name), want, JSON.stringify(filter));
  }
});

Deno.test("what stands for a service goes in all zones at once, by admins and the agent", async () => {
  await using test = await underTest();
  const { calls, store } = test;
  const owner = { service: "mcq", lease: "7" };
  await calls.call(setRecords, { zone, name: "mcq", type: "A", values: ["192.0.2.1", "192.0.2.2"], ...owner });
  const node = { zone: "mcp.metacircular.net", name: "node1", type: "TXT", values: ['"mcq"'] };
  await calls.call(setRecords, { ...node, service: "mcq", lease: "8" });
  await calls.call(setRecords, { zone, name: "mcat", type: "A", values: ["192.0.2.3"], service: "mcat" });
  for (const caller of [mcq, user]) {
    assert.equal(await calls.codeOf(deleteOwnedRecords, { service: "mcq" }, caller), "denied");
  }
  assert.equal(await calls.codeOf(deleteOwnedRecords, {}), "invalid");
  const leased = await calls.call(deleteOwnedRecords, { service: "mcq", lease: "8" }, agent);
  assert.deepEqual([leased.deleted, leased.zones], [1, ["mcp.metacircular.net"]]);
  const rest = await calls.call(deleteOwnedRecords, { service: "mcq" }, agent);
  assert.deepEqual([rest.deleted, rest.zones], [2, [zone]]);
  assert.equal(lookUp(store.directory, `mcq.${zone} A`), "no_name");
  assert.equal(lookUp(store.directory, `mcat.${zone} A`), "300 192.0.2.3");
});

Deno.test("requests that don't fit say which field", async () => {
  await using test = await underTest();
  const a = { zone, name: "x", type: "A", value: "192.0.2.1" };
  for (
    const [method, request, field] of [
      [createRecord, { ...a, name: "" }, "name"],
      [createRecord, { ...a, name: "x.other.org." }, "name"],
      [createRecord, { ...a, type: "" }, "type"],
      [createRecord, { ...a, type: "SOA" }, "type"],
      [createRecord, { ...a, type: "RRSIG" }, "type"],
      [createRecord, { ...a, type: "HOST" }, "type"],
      [createRecord, { ...a, value: "" }, "value"],
      [createRecord, { ...a, ttl: 2 ** 31 }, "ttl"],
      [createRecord, { ...a, view: "wan" }, "view"],
      [createRecord, { ...a, lease: "7" }, "service"],
      [createRecord, { ...a, service: "two words" }, "service"],
      [createRecord, { ...a, type: "TXT", value: '"x"', withPtr: true }, "with_ptr"],
      [setRecords, { zone, name: "x", type: "A", values: [] }, "values"],
      [setRecords, { zone, name: "x", type: "A", values: ["192.0.2.1", "x"] }, "values[1]"],
      [deleteRecords, { zone, name: "x", value: "192.0.2.1" }, "type"],
      [deleteRecords, { zone, name: "" }, "name"],
      [listRecords, { zone, pageToken: "rubbish" }, "page_token"],
    ] as [DescMethod, JsonValue, string][]
  ) {
    await assert.rejects(test.calls.send(method, request), { code: "invalid", field }, `${method.name} ${field}`);
  }
});

Deno.test("records come in pages", async () => {
  await using test = await underTest();
  for (const name of ["a", "b", "c"]) {
    await test.calls.call(createRecord, { zone, name, type: "A", value: "192.0.2.1" });
  }
  const first = await test.calls.call(listRecords, { zone, pageSize: 2 });
  assert.deepEqual(first.records.map(({ name }) => name), ["a", "b"]);
  const second = await test.calls.call(listRecords, { zone, pageSize: 2, pageToken: first.nextPageToken });
  assert.deepEqual([second.records.map(({ name }) => name), second.nextPageToken], [["c"], ""]);
});
