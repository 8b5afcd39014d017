import assert from "node:assert/strict";
import { ZoneService } from "@proto/mcns/v1/mcns_pb.ts";
import { callers, operationsUnderTest } from "../testing/operations_under_test.ts";
import { zoneName } from "../testing/temp_store.ts";

const { createZone, getZone, listZones, updateZone, deleteZone } = ZoneService.method;
const zone = "svc.mcp.metacircular.net";

Deno.test("zones: admins change them, every account reads them, nobody else does", async () => {
  await using test = await operationsUnderTest();
  await test.calls.call(createZone, { name: zone });
  const all = { none: "unauthenticated", guest: "ok", user: "ok", mcq: "ok", agent: "ok", admin: "ok" };
  const admins = {
    none: "unauthenticated",
    guest: "denied",
    user: "denied",
    mcq: "denied",
    agent: "denied",
    admin: "ok",
  };
  for (
    const [method, request, want] of [
      [getZone, { zone }, all],
      [listZones, {}, all],
      [updateZone, { zone }, admins],
      [createZone, { name: "x.org" }, admins],
      [deleteZone, { zone: "x.org" }, admins],
    ] as const
  ) {
    const got: Record<string, string> = {};
    for (const [name, caller] of Object.entries({ none: null, ...callers })) {
      got[name] = await test.calls.codeOf(method, request, caller);
    }
    assert.deepEqual(got, want, method.name);
  }
});

Deno.test("a zone's settings are completed, changed where given, and shown whole", async () => {
  await using test = await operationsUnderTest();
  const made = await test.calls.call(createZone, { name: "Example.ORG.", minimum: 60 });
  assert.deepEqual(
    [made.name, made.primaryNs, made.adminEmail, made.refresh, made.retry, made.expire, made.minimum, made.serial],
    ["example.org", "ns1.example.org", "hostmaster@example.org", 3600, 600, 604800, 60, 2026112100],
  );
  assert.deepEqual([made.kind, made.views, made.signed, made.isCatalog], ["primary", [], false, false]);
  assert.equal(made.createdAt?.seconds, BigInt(Date.UTC(2026, 10, 21, 12) / 1000));
  const changed = await test.calls.call(updateZone, { zone: "example.org", primaryNs: "NS.other.net", refresh: 0 });
  assert.deepEqual(
    [changed.primaryNs, changed.refresh, changed.minimum, changed.serial],
    ["ns.other.net", 3600, 60, 2026112101],
  );
  const same = await test.calls.call(updateZone, { zone: "example.org" });
  assert.equal(same.serial, 2026112101, "nothing given, nothing changed");
});

Deno.test("a zone's views are set as a whole, and must be in the config", async () => {
  await using test = await operationsUnderTest({ views: [{ name: "lan", has: () => false }] });
  const made = await test.calls.call(createZone, { name: "example.org", views: ["lan"] });
  assert.deepEqual(made.views, ["lan"]);
  assert.deepEqual((await test.calls.call(updateZone, { zone: "example.org", minimum: 60 })).views, ["lan"]);
  assert.deepEqual((await test.calls.call(updateZone, { zone: "example.org", setViews: true })).views, []);
  await assert.rejects(test.calls.call(updateZone, { zone: "example.org", setViews: true, views: ["wan"] }), {
    code: "invalid",
    field: "views",
  });
});

Deno.test("zone requests that don't fit say which field", async () => {
  await using test = await operationsUnderTest();
  for (
    const [request, field] of [
      [{ name: "a..b" }, "name"],
      [{ name: "*.org" }, "name"],
      [{ name: "a.org", primaryNs: "no name" }, "primary_ns"],
      [{ name: "a.org", adminEmail: "nobody" }, "admin_email"],
      [{ name: "a.org", expire: 1 }, "expire"],
      [{ name: "a.org", kind: "slave" }, "kind"],
      [{ name: "a.org", kind: "secondary" }, "primaries"],
      [{ name: "a.org", primaries: ["192.0.2.1:53"] }, "primaries"],
      [{ name: "a.org", views: ["lan"] }, "views"],
    ] as const
  ) {
    await assert.rejects(test.calls.send(createZone, request as never), { code: "invalid", field }, field);
    assert.equal(test.store.directory.size, 0, field);
  }
});

Deno.test("zones come in pages, with their number of records", async () => {
  await using test = await operationsUnderTest();
  for (const name of [zone, "a.org"]) await test.calls.call(createZone, { name });
  for (const name of ["a", "b", "c"]) test.store.add(zoneName(zone), `${name} A 192.0.2.1`);
  const first = await test.calls.call(listZones, { pageSize: 1 });
  assert.deepEqual(first.zones.map(({ name }) => name), ["a.org"]);
  const rest = await test.calls.call(listZones, { pageToken: first.nextPageToken });
  assert.deepEqual(rest.zones.map(({ name, recordCount }) => [name, recordCount]), [[zone, 3]]);
  assert.equal(rest.nextPageToken, "");
});
