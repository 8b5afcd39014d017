import assert from "node:assert/strict";
import { DomainName } from "./name.ts";
import { RecordName } from "./record_name.ts";
import { types } from "./rdata/record_type.ts";
import { type Actor, checkMayChangeAnyRecord, checkMayChangeRecord, describeRights } from "./rights.ts";

const services = DomainName.parse("svc.mcp.metacircular.net", "zone");
const nodes = DomainName.parse("mcp.metacircular.net", "zone");
const settings = { serviceZone: services, agentAccount: "mcp-agent" };

const admin: Actor = { username: "kyle", accountType: "human", admin: true };
const human: Actor = { username: "mcq", accountType: "human", admin: false };
const agent: Actor = { username: "mcp-agent", accountType: "system", admin: false };
const impostor: Actor = { username: "mcp-agent", accountType: "human", admin: false };
const system = (username: string): Actor => ({ username, accountType: "system", admin: false });

Deno.test("checkMayChangeRecord lets each account change what is its own", () => {
  for (
    const [actor, zone, name, may, type = types.A] of [
      [admin, services, "mcq", true],
      [admin, nodes, "@", true],
      [agent, services, "mcq", true],
      [agent, nodes, "node1", true],
      [impostor, services, "mcq", false], // a human of that name
      [human, services, "mcq", false], // its own name, but not a system account
      [system("mcq"), services, "mcq", true],
      [system("mcq"), services, "MCQ.svc.mcp.metacircular.net.", true],
      [system("mcq"), services, "mcq", true, types.HTTPS],
      [system("mcq"), services, "mcq", true, null],
      [system("mcq"), services, "_acme-challenge.mcq", true, types.TXT],
      [system("mcq"), services, "_acme-challenge.mcq", false, types.CNAME],
      [system("mcq"), services, "_acme-challenge.mcq", false, null], // would take away what others put there
      [system("mcq"), services, "a.mcq", false],
      [system("mcq"), services, "_acme-challenge", false],
      [system("mcq"), services, "_acme-challenge.mcat", false],
      [system("mcq"), services, "mcat", false],
      [system("mcq"), services, "@", false],
      [system("mcq"), services, "*", false],
      [system("mcq"), nodes, "mcq", false], // its name in another zone
      [system("@"), services, "@", false],
      [system("*"), services, "*", false],
      [system("_acme-challenge.mcq"), services, "_acme-challenge.mcq", false],
      [system("a.mcq"), services, "a.mcq", false],
    ] as [Actor, DomainName, string, boolean, (number | null)?][]
  ) {
    const check = () => checkMayChangeRecord(settings, actor, zone, RecordName.parse(name, zone), type);
    if (may) check();
    else {assert.throws(
        check,
        { code: "denied", rule: "record-owner" },
        `${actor.accountType} ${actor.username} ${name}`,
      );}
  }
});

Deno.test("checkMayChangeRecord says what the account may do instead", () => {
  for (
    const [actor, why] of [
      [
        system("mcq"),
        'system account "mcq" may only change "mcq" and TXT "_acme-challenge.mcq" in svc.mcp.metacircular.net',
      ],
      [system("a.b"), 'the name of system account "a.b" is no single label, so no record is its own'],
      [human, '"mcq" has no admin role'],
    ] as const
  ) {
    const name = RecordName.parse("mcat", services);
    assert.throws(() => checkMayChangeRecord(settings, actor, services, name, types.A), {
      message: `Cannot change A "mcat" in svc.mcp.metacircular.net: ${why}`,
    });
  }
});

Deno.test("checkMayChangeAnyRecord is for admins and the agent", () => {
  checkMayChangeAnyRecord(settings, admin, "x");
  checkMayChangeAnyRecord(settings, agent, "x");
  for (const actor of [impostor, human, system("mcq")]) {
    assert.throws(() => checkMayChangeAnyRecord(settings, actor, "delete the records of mcq"), {
      code: "denied",
      rule: "any-record",
      message: `Cannot delete the records of mcq: that is for admins and system account "mcp-agent", not for ${
        JSON.stringify(actor.username)
      }`,
    });
  }
});

Deno.test("describeRights says what an account may change", () => {
  for (
    const [actor, want] of [
      [admin, ["zones, keys and settings", "all records"]],
      [agent, ["all records"]],
      [system("mcq"), [
        "all types at mcq.svc.mcp.metacircular.net",
        "TXT at _acme-challenge.mcq.svc.mcp.metacircular.net",
      ]],
      [system("a.b"), []],
      [human, []],
    ] as const
  ) assert.deepEqual(describeRights(settings, actor), want);
});
