import assert from "node:assert/strict";
import { DomainName } from "./name.ts";
import { RecordName } from "./record_name.ts";
import { type Actor, checkMayChangeRecord } from "./rights.ts";

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
    const [actor, zone, name, may] of [
      [admin, services, "mcq", true],
      [admin, nodes, "@", true],
      [agent, services, "mcq", true],
      [agent, nodes, "node1", true],
      [impostor, services, "mcq", false], // a human of that name
      [human, services, "mcq", false], // its own name, but not a system account
      [system("mcq"), services, "mcq", true],
      [system("mcq"), services, "MCQ.svc.mcp.metacircular.net.", true],
      [system("mcq"), services, "_acme-challenge.mcq", true],
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
    ] as const
  ) {
    const check = () => checkMayChangeRecord(settings, actor, zone, RecordName.parse(name, zone));
    if (may) check();
    else {assert.throws(
        check,
        { code: "denied", rule: "record-owner" },
        `${actor.accountType} ${actor.username} ${name}`,
      );}
  }
});

Deno.test("checkMayChangeRecord says what the account may do instead", () => {
  assert.throws(() => checkMayChangeRecord(settings, system("mcq"), services, RecordName.parse("mcat", services)), {
    message:
      'Cannot change "mcat" in svc.mcp.metacircular.net: system account "mcq" may only change "mcq" in svc.mcp.metacircular.net',
  });
});
