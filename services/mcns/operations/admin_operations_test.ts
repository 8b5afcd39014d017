import assert from "node:assert/strict";
import { AdminService, AuthService, RecordService, ZoneService } from "@proto/mcns/v1/mcns_pb.ts";
import { DomainName } from "../domain/name.ts";
import { types } from "../domain/rdata/record_type.ts";
import { callers, operationsUnderTest } from "../testing/operations_under_test.ts";

const { getStats, listCache, flushCache, watchQueries, explain, listAuditEvents } = AdminService.method;
const { createZone } = ZoneService.method;
const { createRecord } = RecordService.method;
const { agent, mcq, user } = callers;

Deno.test("statistics are for every account, the cache and the audit for admins", async () => {
  await using test = await operationsUnderTest();
  await test.calls.call(createZone, { name: "example.org" });
  await test.calls.call(createRecord, { zone: "example.org", name: "www", type: "A", value: "192.0.2.1" });
  test.counters.queriesTls = 3;
  const stats = await test.calls.call(getStats, {}, mcq);
  assert.deepEqual([stats.zones, stats.records, stats.queriesTls, stats.upstreams.length], [1, 1n, 3n, 0]);
  assert.equal(stats.startedAt?.seconds, BigInt(Date.UTC(2026, 10, 21, 12) / 1000));
  for (const method of [listCache, flushCache, listAuditEvents]) {
    assert.equal(await test.calls.codeOf(method, {}, agent), "denied", method.name);
    assert.equal(await test.calls.codeOf(method, {}), "ok", method.name);
  }
});

Deno.test("the audit says who did what, latest first", async () => {
  await using test = await operationsUnderTest();
  await test.calls.call(createZone, { name: "example.org" });
  await test.calls.call(createRecord, { zone: "example.org", name: "www", type: "A", value: "192.0.2.1" }, agent);
  const { events } = await test.calls.call(listAuditEvents, {});
  assert.deepEqual(events.map(({ actor, action, target }) => [actor, action, target]), [
    ["mcp-agent", "record.add", "example.org"],
    ["ada", "zone.create", "example.org"],
  ]);
  const adas = await test.calls.call(listAuditEvents, { actor: "ada", pageSize: 1 });
  assert.deepEqual(adas.events.map(({ actor }) => actor), ["ada"]);
});

Deno.test("queries are watched by admins, as they are answered", async () => {
  await using test = await operationsUnderTest();
  const stop = new AbortController();
  const watching = test.calls.stream(watchQueries, { name: "example.org" }, stop.signal);
  const first = watching.next();
  // The handler begins to watch in its first turn.
  await Promise.resolve();
  const client = { address: "192.0.2.9", port: 5353, transport: "tls" } as const;
  test.queries.seen(client, DomainName.parse("www.example.org", "name").key, types.AAAA, 3, 80, 250);
  const { value } = await first;
  assert.ok(value);
  assert.deepEqual(
    [value.client, value.transport, value.name, value.type, value.rcode, value.octets, value.microseconds],
    ["192.0.2.9", "tls", "www.example.org", "AAAA", "NXDOMAIN", 80, 250],
  );
  stop.abort();
  assert.equal((await watching.next()).done, true);
  await assert.rejects(test.calls.stream(watchQueries, { seconds: 3601 }, stop.signal).next(), {
    code: "invalid",
    field: "seconds",
  });
});

Deno.test("Explain gives the reply that the client would get, and why", async () => {
  await using test = await operationsUnderTest({
    views: [{ name: "lan", has: (address) => address.startsWith("10.") }],
  });
  const { calls } = test;
  await calls.call(createZone, { name: "example.org" });
  await calls.call(createRecord, { zone: "example.org", name: "nas", type: "A", value: "10.0.0.5", view: "lan" });
  const lan = await calls.call(explain, { name: "nas.example.org", client: "10.0.0.9" }, user);
  assert.deepEqual(
    [lan.source, lan.zone, lan.view, lan.rcode, lan.answer],
    ["authority", "example.org", "lan", "NOERROR", ["nas.example.org. 300 IN A 10.0.0.5"]],
  );
  assert.deepEqual(lan.steps, [
    "client 10.0.0.9 is in view lan",
    "zone example.org (serial 2026112101) is the deepest one here with nas.example.org",
    "nas.example.org has 1 A record with a TTL of 300 s",
    "reply: NOERROR, authoritative",
  ]);
  const elsewhere = await calls.call(explain, { name: "nas.example.org", type: "AAAA" });
  assert.deepEqual([elsewhere.view, elsewhere.rcode, elsewhere.answer], ["", "NXDOMAIN", []]);
  assert.match(
    elsewhere.authority[0]!,
    /^example\.org\. 300 IN SOA ns1\.example\.org\. hostmaster\.example\.org\. 20261121/,
  );
  const foreign = await calls.call(explain, { name: "www.example.com" });
  assert.deepEqual(
    [foreign.source, foreign.zone, foreign.rcode, foreign.steps[2]],
    ["refused", "", "REFUSED", "nothing is forwarded: forward.upstreams is empty"],
  );
  assert.equal(test.counters.queriesTcp, 0, "explaining isn't counted as a query");
});

Deno.test("Explain refuses what no client could ask", async () => {
  await using test = await operationsUnderTest();
  for (
    const [request, field] of [
      [{ name: "" }, "name"],
      [{ name: "x.org", type: "HOST" }, "type"],
      [{ name: "x.org", type: "AXFR" }, "type"],
      [{ name: "x.org", type: "OPT" }, "type"],
      [{ name: "x.org", type: "ALIAS" }, "type"],
      [{ name: "x.org", client: "somewhere" }, "client"],
    ] as const
  ) await assert.rejects(test.calls.call(explain, request), { code: "invalid", field }, JSON.stringify(request));
  assert.equal(await test.calls.codeOf(explain, { name: ".", type: "NS" }), "ok");
});

Deno.test("WhoAmI says what the caller may change", async () => {
  await using test = await operationsUnderTest();
  const { whoAmI } = AuthService.method;
  for (
    const [caller, admin, may] of [
      [callers.admin, true, ["zones, keys and settings", "all records"]],
      [agent, false, ["all records"]],
      [user, false, []],
    ] as const
  ) {
    const answer = await test.calls.call(whoAmI, {}, caller);
    assert.deepEqual([answer.username, answer.admin, answer.may], [caller.username, admin, may]);
  }
});
