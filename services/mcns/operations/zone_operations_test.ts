import assert from "node:assert/strict";
import { ZoneService } from "@proto/mcns/v1/mcns_pb.ts";
import { callers, operationsUnderTest } from "../testing/operations_under_test.ts";
import { zoneName } from "../testing/temp_store.ts";

const { createZone, getZone, listZones, updateZone, deleteZone, importZone, exportZone, exportZoneInPieces } =
  ZoneService.method;
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

Deno.test("zone files go in as one change, and come out again", async () => {
  await using test = await operationsUnderTest();
  const { calls } = test;
  const text = "@ 3600 SOA ns1 hostmaster 1 7200 600 604800 60\nwww 300 A 192.0.2.1\n@ 300 MX 10 mail\n";
  assert.equal(await calls.codeOf(importZone, { zone: "example.org", text }), "not_found");
  assert.equal(await calls.codeOf(importZone, { zone: "example.org", text, create: true }, callers.agent), "denied");
  const rehearsed = await calls.call(importZone, { zone: "example.org", text, create: true, dryRun: true });
  assert.equal(test.store.directory.size, 0, "a dry run changes nothing");
  const done = await calls.call(importZone, { zone: "example.org", text, create: true });
  assert.deepEqual([done.added, done.removed], [rehearsed.added, []]);
  assert.deepEqual(done.added.toSorted(), ["@ 300 MX 10 mail.example.org", "www 300 A 192.0.2.1"]);
  const zone = await calls.call(getZone, { zone: "example.org" });
  assert.deepEqual([zone.refresh, zone.minimum, zone.recordCount, zone.serial], [7200, 60, 2, done.serial]);
  const out = await calls.call(exportZone, { zone: "example.org" }, callers.user);
  assert.match(out.text, /www\s+300\s+IN\s+A\s+192\.0\.2\.1/);
  assert.equal(out.serial, done.serial);
  const pieces = await Array.fromAsync(
    calls.stream(exportZoneInPieces, { zone: "example.org" }, new AbortController().signal),
  );
  assert.deepEqual(pieces.map(({ text, serial }) => [text, serial]), [[out.text, out.serial]]);
  const same = await calls.call(importZone, { zone: "example.org", text: out.text, dryRun: true });
  assert.deepEqual([same.added, same.removed], [[], []]);
});
