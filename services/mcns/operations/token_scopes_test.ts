/** What a token with scopes may do, over every operation of the API. */
import assert from "node:assert/strict";
import type { DescMethod, JsonValue } from "@bufbuild/protobuf";
import { getOption, hasOption } from "@bufbuild/protobuf";
import { Access, access as accessOption, takes_scopes as takesScopes } from "@proto/metacircular/options_pb.ts";
import { DnssecService } from "@proto/mcns/v1/dnssec_pb.ts";
import { AdminService, AuthService, RecordService, ZoneService } from "@proto/mcns/v1/mcns_pb.ts";
import { TransferService, TsigService } from "@proto/mcns/v1/transfer_pb.ts";
import type { Caller } from "@lib/auth/mod.ts";
import { callers, operationsUnderTest } from "../testing/operations_under_test.ts";

const { createZone, getZone, listZones } = ZoneService.method;
const { createRecord, setRecords, listRecords, deleteRecords } = RecordService.method;
const { whoAmI } = AuthService.method;
const scoped = (caller: Caller, ...scopes: string[]): Caller => ({ ...caller, scopes });
const acme = scoped(callers.agent, "mcns:record:example.org:_acme-challenge.**:TXT", "mcr:pull:x");

async function underTest() {
  const test = await operationsUnderTest();
  for (const name of ["example.net", "example.org", "lan.example.org", "2.0.192.in-addr.arpa"]) {
    await test.calls.call(createZone, { name });
  }
  return test;
}

Deno.test("of all operations those about records take a token with scopes, and refuse the rest to it", async () => {
  await using test = await underTest();
  const services = [ZoneService, RecordService, DnssecService, TransferService, TsigService, AuthService, AdminService];
  const taking: string[] = [];
  for (const method of services.flatMap((service): readonly DescMethod[] => service.methods)) {
    assert.notEqual(getOption(method, accessOption), Access.PUBLIC, `${method.name} asks nobody who calls`);
    if (hasOption(method, takesScopes)) taking.push(method.name);
    else if (method.methodKind === "unary") {
      await assert.rejects(test.calls.send(method, {}, acme), {
        code: "denied",
        rule: "token-scopes",
        message:
          `Cannot call ${method.parent.typeName}.${method.name} with this token of "mcp-agent": it is limited to the ` +
          "scopes mcns:record:example.org:_acme-challenge.**:TXT mcr:pull:x",
      });
    }
  }
  assert.deepEqual(taking, [
    ...["GetZone", "ListZones"],
    ...["CreateRecord", "SetRecords", "ListRecords", "DeleteRecords", "WhoAmI"],
  ]);
});

Deno.test("a token with scopes changes and reads what they name, and nothing else", async () => {
  await using test = await underTest();
  const own = { zone: "example.org", name: "_acme-challenge.www", type: "TXT" };
  const address = { zone: "example.org", name: "www", type: "A", value: "192.0.2.1" };
  const host = scoped(callers.agent, "mcns:record:example.org:www:A");
  const both = scoped(callers.agent, "mcns:record:example.org:www:A", "mcns:record:2.0.192.in-addr.arpa:**:PTR");
  const wrong = scoped(callers.agent, "mcns:record:example.org:_acme-challenge.**:TEXT");
  const mcq = scoped(callers.mcq, "mcns:record:example.org:**");
  for (
    const [caller, method, request, want] of [
      [acme, createRecord, { ...own, value: "one" }, "ok"],
      [acme, createRecord, { ...own, value: "two", expiresIn: 60 }, "ok"],
      [acme, createRecord, { ...own, name: "_acme-challenge", value: "three" }, "ok"],
      [acme, createRecord, { ...own, name: "www", value: "one" }, "denied"],
      [acme, createRecord, { ...own, type: "CNAME", value: "www" }, "denied"],
      [acme, createRecord, { ...own, zone: "example.net", value: "one" }, "denied"],
      [acme, createRecord, { ...own, zone: "lan.example.org", value: "one" }, "denied"],
      [acme, createRecord, { ...own, zone: "nowhere.org", value: "one" }, "denied"],
      [acme, listRecords, own, "ok"],
      [acme, listRecords, { ...own, type: "" }, "denied"],
      [acme, listRecords, { zone: "example.org" }, "denied"],
      [acme, listRecords, { zone: "example.org", type: "TXT" }, "denied"],
      [acme, listRecords, { zone: "example.org", name: "www", type: "A" }, "denied"],
      [acme, setRecords, { ...own, values: ["three"] }, "ok"],
      [acme, setRecords, { zone: "example.org", name: "www", type: "A", values: ["192.0.2.1"] }, "denied"],
      [acme, deleteRecords, { ...own, type: "" }, "denied"],
      [acme, deleteRecords, { ...own, value: "three" }, "ok"],
      [acme, deleteRecords, own, "ok"],
      [acme, deleteRecords, { zone: "example.org", name: "@" }, "denied"],
      [acme, getZone, { zone: "example.org" }, "ok"],
      [acme, getZone, { zone: "example.net" }, "denied"],
      [acme, getZone, { zone: "nowhere.org" }, "denied"],
      // The PTR record is another record.
      [host, createRecord, { ...address, withPtr: true }, "denied"],
      [host, createRecord, address, "ok"],
      [host, deleteRecords, { zone: "example.org", name: "www", type: "A", withPtr: true }, "denied"],
      [host, deleteRecords, { zone: "example.org", name: "www", type: "A" }, "ok"],
      [both, createRecord, { ...address, withPtr: true }, "ok"],
      [both, deleteRecords, { zone: "example.org", name: "www", type: "A", withPtr: true }, "ok"],
      [wrong, createRecord, { ...own, value: "one" }, "denied"],
      [wrong, getZone, { zone: "example.org" }, "denied"],
      // Not even the account may.
      [mcq, createRecord, { ...own, value: "one" }, "denied"],
      [mcq, listRecords, { zone: "example.org", name: "www" }, "ok"],
      [scoped(callers.agent, "mcr:pull:x"), createRecord, { ...own, value: "one" }, "denied"],
      [scoped(callers.agent), createRecord, { ...own, value: "one" }, "denied"],
    ] as [Caller, DescMethod, JsonValue, string][]
  ) {
    const title = `${caller.scopes} ${method.name} ${JSON.stringify(request)}`;
    assert.equal(await test.calls.codeOf(method, request, caller), want, title);
  }
});

Deno.test("listZones gives a token with scopes the zones that these name, by page", async () => {
  await using test = await underTest();
  const caller = scoped(
    callers.agent,
    ...["lan.example.org:**", "example.net:www", "lan.example.org:@", "nowhere.org:**", "example.org:www:A"].map((
      one,
    ) => `mcns:record:${one}`),
  );
  const names: string[] = [];
  let pageToken = "";
  do {
    const page = await test.calls.call(listZones, { pageSize: 2, pageToken }, caller);
    assert.ok(page.zones.length <= 2);
    names.push(...page.zones.map(({ name }) => name));
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  assert.deepEqual(names, ["example.net", "example.org", "lan.example.org"]);
  assert.deepEqual((await test.calls.call(listZones, {}, scoped(callers.agent, "mcr:pull:x"))).zones, []);
});

Deno.test("whoAmI says what the token is limited to", async () => {
  await using test = await underTest();
  const { username, may } = await test.calls.call(whoAmI, {}, acme);
  assert.deepEqual([username, may], ["mcp-agent", ["TXT at _acme-challenge.** in example.org"]]);
});
