import assert from "node:assert/strict";
import { DnssecService } from "@proto/mcns/v1/dnssec_pb.ts";
import { RecordService, ZoneService } from "@proto/mcns/v1/mcns_pb.ts";
import { callers, operationsUnderTest } from "../testing/operations_under_test.ts";

const { createZone, getZone, exportZone } = ZoneService.method;
const { createRecord } = RecordService.method;
const { signZone, unsignZone, getDnssec, rollKey, confirmDs } = DnssecService.method;
const zone = "example.org";

Deno.test("signing is for admins; every account sees how a zone is signed", async () => {
  await using test = await operationsUnderTest();
  await test.calls.call(createZone, { name: zone });
  for (const caller of [callers.user, callers.agent, callers.mcq]) {
    for (const method of [signZone, unsignZone, rollKey, confirmDs]) {
      assert.equal(await test.calls.codeOf(method, { zone }, caller), "denied", `${method.name} ${caller.username}`);
    }
    const { signed, keys, ds } = await test.calls.call(getDnssec, { zone }, caller);
    assert.deepEqual([signed, keys, ds], [false, [], []]);
  }
});

Deno.test("a zone is signed by the time the call ends, and its key is never shown", async () => {
  await using test = await operationsUnderTest();
  const { calls } = test;
  await calls.call(createZone, { name: zone });
  await calls.call(createRecord, { zone, name: "www", type: "A", value: "192.0.2.1" });
  const state = await calls.call(signZone, { zone, algorithm: "ED25519", denial: "nsec3" });
  assert.deepEqual([state.signed, state.denial, state.keys.length], [true, "nsec3", 1]);
  assert.equal((await calls.call(getZone, { zone })).signed, true);
  const { text } = await calls.call(exportZone, { zone, published: true });
  assert.match(text, /\bRRSIG\b/);
  assert.match(text, /\bNSEC3PARAM\b/);
  assert.doesNotMatch((await calls.call(exportZone, { zone })).text, /RRSIG|DNSKEY|NSEC/);
  const plain = await calls.call(unsignZone, { zone, force: true });
  assert.equal((await calls.call(getZone, { zone })).signed, false);
  assert.equal(plain.serial, test.store.zones.list({ limit: 1, after: null })[0]!.serial);
});

Deno.test("requests about signing that don't fit say which field", async () => {
  await using test = await operationsUnderTest();
  await test.calls.call(createZone, { name: zone });
  for (
    const [method, request, field] of [
      [signZone, { zone: "a..b" }, "zone"],
      [signZone, { zone, algorithm: "rsasha1" }, "algorithm"],
      [signZone, { zone, denial: "nsec5" }, "denial"],
      [rollKey, { zone, role: "key" }, "role"],
      [rollKey, { zone }, "role"],
    ] as const
  ) await assert.rejects(test.calls.send(method, request), { code: "invalid", field }, JSON.stringify(request));
  assert.equal(await test.calls.codeOf(signZone, { zone: "nowhere.org" }), "not_found");
});
