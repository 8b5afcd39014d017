import assert from "node:assert/strict";
import { ZoneService } from "@proto/mcns/v1/mcns_pb.ts";
import { TransferService, TsigService } from "@proto/mcns/v1/transfer_pb.ts";
import { callers, operationsUnderTest } from "../testing/operations_under_test.ts";

const { createZone, getZone, listZones } = ZoneService.method;
const { getTransfer, setTransfer, refreshZone, setCatalog } = TransferService.method;
const { createTsigKey, listTsigKeys, setTsigScopes, deleteTsigKey } = TsigService.method;
const { agent, user } = callers;

Deno.test("transfers are changed by admins and read by every account; keys are for admins", async () => {
  await using test = await operationsUnderTest();
  await test.calls.call(createZone, { name: "example.org" });
  const zone = "example.org";
  for (
    const [method, request, want] of [
      [getTransfer, { zone }, "ok"],
      [setTransfer, { zone }, "denied"],
      [refreshZone, { zone }, "denied"],
      [setCatalog, { zone }, "denied"],
      [createTsigKey, { name: "k" }, "denied"],
      [listTsigKeys, {}, "denied"],
      [setTsigScopes, { name: "k" }, "denied"],
      [deleteTsigKey, { name: "k" }, "denied"],
    ] as const
  ) {
    for (const caller of [user, agent]) {
      assert.equal(await test.calls.codeOf(method, request, caller), want, `${method.name} ${caller.username}`);
    }
  }
});

Deno.test("a secondary is created with its primaries, or not at all", async () => {
  await using test = await operationsUnderTest();
  const secondary = { name: "example.net", kind: "secondary" };
  await assert.rejects(test.calls.call(createZone, { ...secondary, primaries: ["nowhere"] }), { code: "invalid" });
  assert.deepEqual((await test.calls.call(listZones, {})).zones, []);
  const made = await test.calls.call(createZone, { ...secondary, primaries: ["192.0.2.53:53"] });
  assert.deepEqual([made.kind, made.signed], ["secondary", false]);
  const transfer = await test.calls.call(getTransfer, { zone: "example.net" });
  assert.deepEqual(
    [transfer.kind, transfer.primaries.map(({ address }) => address), transfer.transferredAt, transfer.error],
    ["secondary", ["192.0.2.53:53"], undefined, ""],
  );
});

Deno.test("secondaries of a zone are set as a whole, with keys that are here", async () => {
  await using test = await operationsUnderTest();
  const { calls } = test;
  await calls.call(createZone, { name: "example.org" });
  const secondaries = [{ address: "192.0.2.54:53", tsigKey: "backup" }, { address: "198.51.100.0/24" }];
  assert.equal(await calls.codeOf(setTransfer, { zone: "example.org", secondaries }), "invalid");
  await calls.call(createTsigKey, { name: "backup" });
  const set = await calls.call(setTransfer, { zone: "example.org", secondaries });
  assert.deepEqual(set.secondaries.map(({ address, tsigKey }) => [address, tsigKey]), [
    ["192.0.2.54:53", "backup"],
    ["198.51.100.0/24", ""],
  ]);
  assert.equal(await calls.codeOf(deleteTsigKey, { name: "backup" }), "conflict");
  await calls.call(setTransfer, { zone: "example.org" });
  assert.equal(await calls.codeOf(deleteTsigKey, { name: "backup" }), "ok");
});

Deno.test("a TSIG key's secret is in the answer that makes it, and nowhere else", async () => {
  await using test = await operationsUnderTest();
  const { calls } = test;
  const scopes = [{ zone: "example.org", names: ["_acme-challenge.**"], types: ["txt"] }];
  const made = await calls.call(createTsigKey, { name: "ACME.example.org.", scopes });
  assert.equal(Uint8Array.fromBase64(made.secret).length, 32);
  assert.deepEqual([made.key?.name, made.key?.algorithm], ["acme.example.org", "hmac-sha256"]);
  const secret = btoa("0123456789abcdef0123456789abcdef");
  assert.equal((await calls.call(createTsigKey, { name: "b", algorithm: "HMAC-SHA512", secret })).secret, secret);
  const { keys } = await calls.call(listTsigKeys, {});
  assert.deepEqual(keys.map(({ name, algorithm, scopes }) => [name, algorithm, scopes[0]?.types]), [
    ["acme.example.org", "hmac-sha256", ["TXT"]],
    ["b", "hmac-sha512", undefined],
  ]);
  const said = JSON.stringify(keys, (_, value) => typeof value === "bigint" ? String(value) : value);
  assert.ok(!said.includes(made.secret) && !said.includes(secret));
  const audit = test.store.audit.list({ page: { limit: 10, after: null } });
  assert.ok(!JSON.stringify(audit.events.map(({ detail }) => detail)).includes(made.secret));
  const scoped = await calls.call(setTsigScopes, { name: "b", scopes });
  assert.deepEqual(scoped.scopes.map(({ zone, names }) => [zone, names]), [["example.org", ["_acme-challenge.**"]]]);
});

Deno.test("requests about keys that don't fit say which field", async () => {
  await using test = await operationsUnderTest();
  for (
    const [request, field] of [
      [{ name: "a..b" }, "name"],
      [{ name: "k", algorithm: "hmac-md5" }, "algorithm"],
      [{ name: "k", secret: "short" }, "secret"],
      [{ name: "k", scopes: [{ zone: "example.org" }] }, "scopes[0].names"],
      [{ name: "k", scopes: [{ zone: "example.org", names: ["**"], types: ["SOA"] }] }, "scopes[0].types"],
    ] as const
  ) {
    await assert.rejects(test.calls.send(createTsigKey, request as never), { code: "invalid", field }, field);
  }
});

Deno.test("a zone is put into a catalog and taken out again", async () => {
  await using test = await operationsUnderTest();
  const { calls } = test;
  await calls.call(createZone, { name: "catalog.example", isCatalog: true });
  await calls.call(createZone, { name: "example.org" });
  const { memberId } = await calls.call(setCatalog, { zone: "example.org", catalog: "catalog.example" });
  assert.notEqual(memberId, "");
  assert.equal((await calls.call(getZone, { zone: "example.org" })).catalog, "catalog.example");
  assert.equal((await calls.call(getZone, { zone: "catalog.example" })).isCatalog, true);
  await calls.call(setCatalog, { zone: "example.org" });
  assert.equal((await calls.call(getZone, { zone: "example.org" })).catalog, "");
});
