import assert from "node:assert/strict";
import { AdminService, AuthService, RecordService, ZoneService } from "@proto/mcns/v1/mcns_pb.ts";
import { FakeClock } from "@lib/clock/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { Forwarder } from "../dns/forward/forwarder.ts";
import { openUpstream } from "../dns/forward/open_forwarder.ts";
import { DomainName } from "../domain/name.ts";
import { types } from "../domain/rdata/record_type.ts";
import { scriptedUpstream } from "../testing/scripted_upstream.ts";
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

Deno.test("Explain and the cache tell of names that upstreams know, for clients that they are looked up for", async () => {
  await using upstream = scriptedUpstream((question) => ({ answers: [`${question} 60 A 192.0.2.7`] }));
  const clock = new FakeClock();
  const names = new Set([DomainName.parse("ads.example.com", "name").key]);
  const forwarder = new Forwarder({
    upstreams: [openUpstream(upstream.address, { source_addrs: ["127.0.0.1:0"] }, clock)],
    ...{ cacheBytes: 100_000, maxTtlSeconds: 300, timeoutMs: 2000, deadlineMs: 5000, clock, log: silentLogger },
    blocking: { has: (key) => names.has(key), refresh: () => Promise.resolve(false) },
  });
  await using _forwarder = { [Symbol.asyncDispose]: () => forwarder.close() };
  await using test = await operationsUnderTest({ forwarder });
  const sourceOf = async (name: string, client = "127.0.0.9") => {
    const { source, rcode, answer, steps } = await test.calls.call(explain, { name, client });
    return [source, rcode, answer.join(), steps.at(-2)];
  };
  const answer = "www.example.com. 60 IN A 192.0.2.7";
  assert.deepEqual(await sourceOf("www.example.com", "192.0.2.9"), [
    "refused",
    "REFUSED",
    "",
    "nothing is forwarded for 192.0.2.9: it isn't in forward.allow_clients",
  ]);
  assert.deepEqual(await sourceOf("www.example.com"), [
    "forward",
    "NOERROR",
    answer,
    "www.example.com isn't in the cache: an upstream is asked",
  ]);
  assert.deepEqual(await sourceOf("www.example.com"), [
    "cache",
    "NOERROR",
    answer,
    "the cache has www.example.com, for 0 s so far",
  ]);
  assert.deepEqual(await sourceOf("ads.example.com"), [
    "blocked",
    "NXDOMAIN",
    "",
    "ads.example.com is on a block list",
  ]);

  const { entries } = await test.calls.call(listCache, { name: "example.com" });
  assert.deepEqual(entries.map(({ name, type, rcode, ttl, values }) => [name, type, rcode, ttl, values]), [
    ["www.example.com", "A", "NOERROR", 60, ["A 192.0.2.7"]],
  ]);
  assert.equal((await test.calls.call(flushCache, { name: "example.net" })).removed, 0n);
  assert.equal((await test.calls.call(flushCache, { name: "example.com" })).removed, 1n);
  assert.deepEqual(upstream.asked, ["udp www.example.com"]);
  const stats = await test.calls.call(getStats, {});
  assert.deepEqual(stats.upstreams.map(({ address, healthy, queries }) => [address, healthy, queries]), [
    [upstream.address, true, 1n],
  ]);
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
