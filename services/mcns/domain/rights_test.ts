import assert from "node:assert/strict";
import { DomainName } from "./name.ts";
import { RecordName } from "./record_name.ts";
import { types } from "./rdata/record_type.ts";
import { readTokenScopes } from "./token_scopes.ts";
import { type Actor, checkMayChangeAnyRecord, checkMayChangeRecord, describeRights } from "./rights.ts";

const services = DomainName.parse("svc.mcp.metacircular.net", "zone");
const nodes = DomainName.parse("mcp.metacircular.net", "zone");
const settings = { serviceZone: services, agentAccount: "mcp-agent" };

const admin: Actor = { username: "kyle", accountType: "human", admin: true, limit: null };
const human: Actor = { username: "mcq", accountType: "human", admin: false, limit: null };
const agent: Actor = { username: "mcp-agent", accountType: "system", admin: false, limit: null };
const impostor: Actor = { username: "mcp-agent", accountType: "human", admin: false, limit: null };
const system = (username: string): Actor => ({ username, accountType: "system", admin: false, limit: null });

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

/** The same caller with a token of those scopes. */
const limited = (actor: Actor, ...scopes: string[]): Actor => ({ ...actor, limit: readTokenScopes(scopes) });

Deno.test("a token's scopes take away from what the account may change, and never add to it", () => {
  const anywhere = `mcns:record:${services}:**`;
  const challenges = `mcns:record:${services}:_acme-challenge.**:TXT`;
  for (
    const [actor, name, type, rule] of [
      [limited(agent, challenges), "_acme-challenge.www", types.TXT, "ok"],
      [limited(agent, challenges), "_acme-challenge.www", types.CNAME, "token-scopes"],
      [limited(agent, challenges), "_acme-challenge.www", null, "token-scopes"],
      [limited(agent, challenges), "www", types.TXT, "token-scopes"],
      [limited(admin, challenges), "www", types.TXT, "token-scopes"],
      [limited(agent, anywhere), "www", null, "ok"],
      [limited(agent, "mcr:pull"), "www", types.A, "token-scopes"],
      [limited(agent), "www", types.A, "token-scopes"],
      [limited(system("mcq"), anywhere), "mcq", types.A, "ok"],
      [limited(system("mcq"), anywhere), "www", types.A, "record-owner"],
      [limited(system("mcq"), challenges), "_acme-challenge.mcq", types.TXT, "ok"],
      [limited(system("mcq"), challenges), "_acme-challenge.www", types.TXT, "record-owner"],
      [limited(system("mcq"), challenges), "mcq", types.A, "token-scopes"],
      [limited(human, anywhere), "mcq", types.A, "record-owner"],
    ] as [Actor, string, number | null, string][]
  ) {
    const check = () => checkMayChangeRecord(settings, actor, services, RecordName.parse(name, services), type);
    const title = `${actor.username} ${name} ${type}`;
    if (rule === "ok") check();
    else assert.throws(check, { code: "denied", rule }, title);
  }
  assert.throws(() => checkMayChangeAnyRecord(settings, limited(agent, anywhere), "delete them"), {
    rule: "any-record",
  });
  assert.deepEqual(describeRights(settings, limited(agent, challenges)), [
    `TXT at _acme-challenge.** in ${services}`,
  ]);
  assert.deepEqual(describeRights(settings, limited(system("mcq"), anywhere)), [
    `all types at ** in ${services}`,
    `of that only all types at mcq.${services}, TXT at _acme-challenge.mcq.${services}`,
  ]);
  assert.deepEqual(describeRights(settings, limited(human, anywhere)), [
    `all types at ** in ${services}`,
    "of that only nothing",
  ]);
  assert.deepEqual(describeRights(settings, limited(system("mcq"), "mcr:pull")), []);
});
