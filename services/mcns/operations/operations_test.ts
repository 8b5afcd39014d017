import assert from "node:assert/strict";
import {
  create,
  type DescMessage,
  type DescMethod,
  type DescMethodUnary,
  fromJson,
  type JsonValue,
  type Message,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import type { Caller } from "@lib/auth/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { AdminService, RecordService, ZoneService } from "@proto/mcns/v1/mcns_pb.ts";
import { Counters } from "../dns/counters.ts";
import { lookUp, type StoreUnderTest, storeUnderTest, zoneName } from "../testing/temp_store.ts";
import { adminOperations } from "./admin_operations.ts";
import { recordOperations } from "./record_operations.ts";
import { zoneOperations } from "./zone_operations.ts";

const account = (username: string, accountType: Caller["accountType"], roles: string[] = []): Caller => ({
  subject: `id-${username}`,
  username,
  accountType,
  roles,
  tokenId: "t",
});
const admin = account("ada", "human", ["admin"]);
const user = account("uma", "human", ["user"]);
const guest = account("gus", "human", ["guest"]);
const agent = account("mcp-agent", "system");
const mcq = account("mcq", "system");

interface UnderTest extends AsyncDisposable {
  store: StoreUnderTest;
  /** Invokes as REST and gRPC do: access check, then handler. */
  call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    caller?: Caller | null,
  ): Promise<MessageShape<O>>;
  /** The same with any method and JSON, for tables. */
  send(method: DescMethod, request: JsonValue, caller?: Caller | null): Promise<Message>;
}

async function underTest(): Promise<UnderTest> {
  const store = await storeUnderTest();
  const operations = [
    ...zoneOperations(store.zones),
    ...recordOperations(store.records, {
      serviceZone: zoneName("svc.mcp.metacircular.net"),
      agentAccount: "mcp-agent",
    }),
    ...adminOperations(new Counters(), null, silentLogger),
  ];
  const invoke = (method: DescMethod, request: Message, caller: Caller | null): Promise<Message> => {
    const operation = operations.find(({ name }) => name === `${method.parent.typeName}.${method.name}`)!;
    const { signal } = new AbortController();
    const call = { caller, remote: "127.0.0.1:50000", requestId: "r", transport: "rest" as const, signal };
    return operation.invoke(request, call);
  };
  return {
    store,
    call: async (method, request, caller = admin) =>
      await invoke(method, create(method.input, request), caller) as MessageShape<typeof method.output>,
    send: (method, request, caller = admin) => invoke(method, fromJson(method.input, request), caller),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

const { createZone, getZone, listZones, updateZone, deleteZone } = ZoneService.method;
const { createRecord, setRecords, listRecords, deleteRecords } = RecordService.method;
const zone = "svc.mcp.metacircular.net";

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "ok";
  } catch (error) {
    return (error as { code: string }).code;
  }
}

Deno.test("zones: admins change them, every account reads them, nobody else does", async () => {
  await using test = await underTest();
  await test.call(createZone, { name: zone });
  for (
    const [method, request, want] of [
      [getZone, { zone }, { none: "unauthenticated", guest: "ok", user: "ok", mcq: "ok", agent: "ok", admin: "ok" }],
      [listZones, {}, { none: "unauthenticated", guest: "ok", user: "ok", mcq: "ok", agent: "ok", admin: "ok" }],
      [updateZone, { zone }, {
        none: "unauthenticated",
        guest: "denied",
        user: "denied",
        mcq: "denied",
        agent: "denied",
        admin: "ok",
      }],
      [createZone, { name: "x.org" }, {
        none: "unauthenticated",
        guest: "denied",
        user: "denied",
        mcq: "denied",
        agent: "denied",
        admin: "ok",
      }],
      [deleteZone, { zone: "x.org" }, {
        none: "unauthenticated",
        guest: "denied",
        user: "denied",
        mcq: "denied",
        agent: "denied",
        admin: "ok",
      }],
    ] as const
  ) {
    const got: Record<string, string> = {};
    for (const [name, caller] of Object.entries({ none: null, guest, user, mcq, agent, admin })) {
      got[name] = await codeOf(test.send(method, request, caller));
    }
    assert.deepEqual(got, want, method.name);
  }
});

Deno.test("records: admins and the agent change any, a system account its own, humans none", async () => {
  await using test = await underTest();
  for (const name of [zone, "mcp.metacircular.net"]) await test.call(createZone, { name });
  for (
    const [caller, zone, name, want] of [
      [admin, "svc.mcp.metacircular.net", "mcq", "ok"],
      [agent, "svc.mcp.metacircular.net", "mcq", "ok"],
      [agent, "mcp.metacircular.net", "node1", "ok"],
      [mcq, "svc.mcp.metacircular.net", "mcq", "ok"],
      [mcq, "svc.mcp.metacircular.net", "_acme-challenge.mcq", "ok"],
      [mcq, "svc.mcp.metacircular.net", "mcat", "denied"],
      [mcq, "mcp.metacircular.net", "mcq", "denied"],
      [user, "svc.mcp.metacircular.net", "uma", "denied"],
      [guest, "svc.mcp.metacircular.net", "gus", "denied"],
      [null, "svc.mcp.metacircular.net", "mcq", "unauthenticated"],
    ] as const
  ) {
    const who = `${caller?.username} ${name}`;
    const record = { zone, name, type: "A" };
    assert.equal(await codeOf(test.call(setRecords, { ...record, values: ["192.0.2.1"] }, caller)), want, `set ${who}`);
    assert.equal(await codeOf(test.call(deleteRecords, { zone, name }, caller)), want, `delete ${who}`);
    assert.equal(
      await codeOf(test.call(createRecord, { ...record, value: "192.0.2.1" }, caller)),
      want,
      `create ${who}`,
    );
    assert.equal(await codeOf(test.call(listRecords, { zone }, caller)), caller === null ? want : "ok", `list ${who}`);
    if (want === "ok") await test.call(deleteRecords, { zone, name });
  }
});

Deno.test("a denied change is refused before anything is looked up", async () => {
  await using test = await underTest();
  const request = { zone: "secret.org", name: "x", type: "A", value: "not an address" };
  assert.equal(await codeOf(test.call(createRecord, request, mcq)), "denied");
  assert.equal(await codeOf(test.call(createRecord, request, admin)), "invalid");
  assert.equal(await codeOf(test.call(createRecord, { ...request, value: "192.0.2.1" }, admin)), "not_found");
});

Deno.test("a zone's settings are completed, changed where given, and shown whole", async () => {
  await using test = await underTest();
  const made = await test.call(createZone, { name: "Example.ORG.", minimum: 60 });
  assert.deepEqual(
    [made.name, made.primaryNs, made.adminEmail, made.refresh, made.retry, made.expire, made.minimum, made.serial],
    ["example.org", "ns1.example.org", "hostmaster@example.org", 3600, 600, 604800, 60, 2026112100],
  );
  assert.equal(made.createdAt?.seconds, BigInt(Date.UTC(2026, 10, 21, 12) / 1000));
  const changed = await test.call(updateZone, { zone: "example.org", primaryNs: "NS.other.net", refresh: 0 });
  assert.deepEqual([changed.primaryNs, changed.refresh, changed.minimum, changed.serial], [
    "ns.other.net",
    3600,
    60,
    2026112101,
  ]);
  for (
    const [request, field] of [
      [{ name: "a..b" }, "name"],
      [{ name: "*.org" }, "name"],
      [{ name: "a.org", primaryNs: "no name" }, "primary_ns"],
      [{ name: "a.org", adminEmail: "nobody" }, "admin_email"],
      [{ name: "a.org", expire: 1 }, "expire"],
    ] as const
  ) await assert.rejects(test.call(createZone, request), { code: "invalid", field }, field);
});

Deno.test("records come back normalised, with their times, and answer at once", async () => {
  await using test = await underTest();
  await test.call(createZone, { name: zone });
  const record = await test.call(createRecord, { zone, name: `MCQ.${zone}.`, type: "aaaa", value: "2001:DB8::0:1" });
  assert.deepEqual([record.id, record.zone, record.name, record.type, record.value, record.ttl], [
    1n,
    zone,
    "mcq",
    "AAAA",
    "2001:db8::1",
    300,
  ]);
  assert.equal(record.createdAt?.seconds, BigInt(Date.UTC(2026, 10, 21, 12) / 1000));
  assert.equal(lookUp(test.store.directory, `mcq.${zone} AAAA`), "300 2001:db8::1");

  const set = await test.call(setRecords, {
    zone,
    name: "mcq",
    type: "A",
    values: ["192.0.2.1", "192.0.2.2"],
    ttl: 60,
  });
  assert.deepEqual([set.records.map(({ value }) => value), set.serial], [["192.0.2.1", "192.0.2.2"], 2026112102]);
  const removed = await test.call(deleteRecords, { zone, name: "mcq", type: "AAAA", value: "2001:0db8::1" });
  assert.deepEqual([removed.deleted, removed.serial], [1, 2026112103]);
  assert.equal(lookUp(test.store.directory, `mcq.${zone} A`), "60 192.0.2.1 192.0.2.2");
});

Deno.test("requests that don't fit say which field", async () => {
  await using test = await underTest();
  await test.call(createZone, { name: zone });
  for (
    const [method, request, field] of [
      [createRecord, { zone, name: "", type: "A", value: "192.0.2.1" }, "name"],
      [createRecord, { zone, name: "x.other.org.", type: "A", value: "192.0.2.1" }, "name"],
      [createRecord, { zone, name: "x", type: "", value: "192.0.2.1" }, "type"],
      [createRecord, { zone, name: "x", type: "TXT", value: "hi" }, "type"],
      [createRecord, { zone, name: "x", type: "A", value: "" }, "value"],
      [createRecord, { zone, name: "x", type: "A", value: "192.0.2.1", ttl: 2 ** 31 }, "ttl"],
      [setRecords, { zone, name: "x", type: "A", values: [] }, "values"],
      [setRecords, { zone, name: "x", type: "A", values: ["192.0.2.1", "x"] }, "values[1]"],
      [deleteRecords, { zone, name: "x", value: "192.0.2.1" }, "type"],
      [deleteRecords, { zone, name: "" }, "name"],
      [listRecords, { zone, pageToken: "rubbish" }, "page_token"],
    ] as [DescMethod, JsonValue, string][]
  ) {
    await assert.rejects(test.send(method, request), { code: "invalid", field }, `${method.name} ${field}`);
  }
});

Deno.test("lists come in pages", async () => {
  await using test = await underTest();
  await test.call(createZone, { name: zone });
  for (const name of ["a", "b", "c"]) await test.call(createRecord, { zone, name, type: "A", value: "192.0.2.1" });
  const first = await test.call(listRecords, { zone, pageSize: 2 });
  assert.deepEqual(first.records.map(({ name }) => name), ["a", "b"]);
  const second = await test.call(listRecords, { zone, pageSize: 2, pageToken: first.nextPageToken });
  assert.deepEqual([second.records.map(({ name }) => name), second.nextPageToken], [["c"], ""]);
  await test.call(createZone, { name: "a.org" });
  const zones = await test.call(listZones, { pageSize: 1 });
  assert.deepEqual(zones.zones.map(({ name }) => name), ["a.org"]);
  const rest = await test.call(listZones, { pageToken: zones.nextPageToken });
  assert.deepEqual(rest.zones.map(({ name, recordCount }) => [name, recordCount]), [[zone, 3]]);
});

Deno.test("stats are for every account, the cache is flushed by admins", async () => {
  await using test = await underTest();
  const { getStats, flushCache } = AdminService.method;
  assert.equal((await test.call(getStats, {}, mcq)).queriesUdp, 0n);
  assert.equal(await codeOf(test.call(flushCache, {}, agent)), "denied");
  assert.equal((await test.call(flushCache, {})).removed, 0n);
});
