import assert from "node:assert/strict";
import type { Caller } from "@lib/auth/mod.ts";
import { createCsr, generateKey } from "@lib/pki/mod.ts";
import { AuditService, CaService, PolicyService } from "@proto/metacrypt/v1/metacrypt_pb.ts";
import { callers, type UnderTest, underTest } from "./testing/metacrypt_under_test.ts";

const ca = CaService.method;
const zone = "svc.mcp.metacircular.net";
const hello = `hello.${zone}`;

async function csrFor(names: string[], commonName?: string): Promise<string> {
  return await createCsr({ key: await generateKey(), names, ...(commonName !== undefined && { commonName }) });
}

async function sign(test: UnderTest, names: string[], caller: Caller = callers.agent) {
  return await test.call(ca.signCertificate, { mount: "pki", csrPem: await csrFor(names) }, caller);
}

async function events(test: UnderTest, action: string): Promise<string[]> {
  const page = await test.call(AuditService.method.listEvents, { action });
  return page.events.map((each) => `${each.actor} ${each.target} ${each.outcome} ${each.detail}`).reverse();
}

Deno.test("mcp-agent gets certificates for one label below the zone, with companions, and nothing else", async () => {
  await using test = await underTest(`public_names = ["www.example.org"]\n`);
  await test.ready();
  const rows: [caller: Caller, names: string[], rule: string | null][] = [
    [callers.agent, [hello], null],
    [callers.agent, [hello, `mcns.${zone}`], null],
    [callers.agent, [hello, "localhost", "127.0.0.1"], null],
    [callers.agent, ["www.example.org"], null],
    [callers.agent, ["localhost"], "companions-only"],
    [callers.agent, ["localhost", "127.0.0.1"], "companions-only"],
    [callers.agent, [zone], "default-deny"],
    [callers.agent, [`a.hello.${zone}`], "default-deny"],
    [callers.agent, ["hello.mcp.metacircular.net"], "default-deny"],
    [callers.agent, [`${hello}.example.org`], "default-deny"],
    [callers.agent, [`evil${zone}`], "default-deny"],
    [callers.agent, [hello, "example.org"], "default-deny"],
    [callers.agent, [hello, "10.0.0.1"], "default-deny"],
    [callers.agent, [hello, "::1"], "default-deny"],
    [callers.impostor, [hello], "default-deny"],
    [callers.mcq, [`mcq.${zone}`], "default-deny"],
    [callers.user, [hello], "default-deny"],
    [callers.admin, ["anything.example.org", "127.9.9.9"], null],
  ];
  for (const [caller, names, rule] of rows) {
    const attempt = sign(test, names, caller);
    const what = `${caller.username} ${names.join(" ")}`;
    if (rule === null) assert.deepEqual((await attempt).names, names, what);
    else {
      await assert.rejects(attempt, (error: { code: string; rule: string }) => {
        assert.deepEqual([error.code, error.rule], ["denied", rule], what);
        return true;
      });
    }
  }
  const rowsWritten = await events(test, "certificate.issue");
  assert.equal(rowsWritten.length, rows.length, "every decision is an audit row");
  assert.match(
    rowsWritten[0]!,
    /^mcp-agent hello\.svc\S+ ok rule=agent-service-zone mount=pki serial=[0-9a-f]{32} until=/,
  );
  assert.match(rowsWritten[2]!, /ok rule=agent-service-zone,agent-companions /);
  assert.match(rowsWritten[4]!, /^mcp-agent localhost denied rule=companions-only$/);
  assert.match(rowsWritten.at(-1)!, /^ada .* ok rule=admin /);
});

Deno.test("rules can be changed, explained and removed by admins, and count at once", async () => {
  await using test = await underTest();
  await test.ready();
  const { putRule, listRules, deleteRule, checkPolicy } = PolicyService.method;
  const ids = async () => (await test.call(listRules, {})).rules.map((each) => each.id);
  assert.deepEqual(await ids(), ["agent-companions", "agent-service-zone"]);
  const rule = {
    priority: 10,
    effect: "allow",
    accounts: ["mcq"],
    actions: ["issue"],
    resources: [`{account}.${zone}`],
    enabled: true,
  };
  const { id } = await test.call(putRule, { rule });
  await sign(test, [`mcq.${zone}`], callers.mcq);
  await assert.rejects(sign(test, [`mcr.${zone}`], callers.mcq), /may not issue/);
  const check = (username: string, action: string, resource: string) =>
    test.call(checkPolicy, { username, accountType: "system", roles: [], action, resource });
  assert.equal((await check("mcq", "issue", `mcq.${zone}`)).ruleId, id);
  assert.equal((await check("mcq", "issue", `mcr.${zone}`)).allowed, false);
  await assert.rejects(check("mcq", "pull", "x"), /must be one of issue, revoke, read, accompany/);
  await assert.rejects(test.call(putRule, { rule: { ...rule, actions: ["push"] } }), /"push"/);
  await assert.rejects(test.call(putRule, { rule }, callers.user), /admin/);
  await test.call(putRule, { rule: { ...rule, id: "no-hello", effect: "deny", accounts: [], resources: [hello] } });
  await assert.rejects(sign(test, [hello]), (error: { rule: string }) => error.rule === "no-hello");
  await test.call(deleteRule, { id: "no-hello" });
  await sign(test, [hello]);
  await test.call(deleteRule, { id: "agent-service-zone" });
  test.restart();
  assert.ok(!(await ids()).includes("agent-service-zone"), "a removed seed stays removed");
});
