import assert from "node:assert/strict";
import { evaluate, explain, requireAllowed, type Subject } from "./evaluate.ts";
import { parseRule, type RuleInput } from "./rule.ts";

const admin: Subject = { username: "kyle", accountType: "human", roles: ["admin"] };
const user: Subject = { username: "ann", accountType: "human", roles: ["user"] };
const guest: Subject = { username: "gus", accountType: "human", roles: ["guest"] };
const mcq: Subject = { username: "mcq", accountType: "system", roles: [] };
const agent: Subject = { username: "mcp-agent", accountType: "system", roles: [] };

// MCR's seeds, as its specification words them.
const seeds = rules(
  { id: "users-pull", priority: 100, effect: "allow", roles: ["admin", "user"], actions: ["pull"] },
  {
    id: "own-push",
    priority: 100,
    effect: "allow",
    accountTypes: ["system"],
    actions: ["push", "pull"],
    resources: ["{account}", "{account}/**"],
  },
  { id: "agent-pulls", priority: 100, effect: "allow", accounts: ["mcp-agent"], actions: ["pull"] },
);

function rules(...inputs: RuleInput[]) {
  return inputs.map((input) => parseRule(input));
}

Deno.test("evaluate decides MCR's seeds", () => {
  const table: [Subject, string, string, string][] = [ // subject, action, resource, deciding rule ("" = default deny)
    [user, "pull", "infra/mcq", "users-pull"],
    [user, "push", "infra/mcq", ""],
    [guest, "pull", "infra/mcq", ""],
    [admin, "push", "infra/mcq", ""], // the bypass is the service's choice
    [mcq, "push", "mcq", "own-push"],
    [mcq, "push", "mcq/web", "own-push"],
    [mcq, "push", "mcr", ""],
    [mcq, "delete", "mcq", ""],
    [agent, "pull", "any/thing", "agent-pulls"],
    [agent, "push", "any/thing", ""],
  ];
  for (const [subject, action, resource, ruleId] of table) {
    const decision = evaluate(seeds, subject, action, resource);
    assert.equal(decision.ruleId, ruleId, `${subject.username} ${action} ${resource}`);
    assert.equal(decision.allowed, ruleId !== "");
    assert.deepEqual(explain(seeds, subject, action, resource).decision, decision);
  }
});

Deno.test("evaluate lets the lowest priority number decide, deny win a tie, and skips disabled rules", () => {
  const table: [string, RuleInput[], string][] = [
    ["no rules", [], ""],
    ["lower number first", [
      { id: "later", priority: 20, effect: "deny" },
      { id: "first", priority: 10, effect: "allow" },
    ], "first"],
    ["whatever the order given", [
      { id: "first", priority: 10, effect: "allow" },
      { id: "later", priority: 20, effect: "deny" },
    ], "first"],
    ["deny wins a tie", [
      { id: "a-allow", priority: 10, effect: "allow" },
      { id: "z-deny", priority: 10, effect: "deny" },
    ], "z-deny"],
    ["id settles the rest", [
      { id: "b", priority: 10, effect: "allow" },
      { id: "a", priority: 10, effect: "allow" },
    ], "a"],
    ["disabled is as if absent", [
      { id: "off", priority: 0, effect: "deny", enabled: false },
      { id: "on", priority: 1, effect: "allow" },
    ], "on"],
    ["every list must match", [
      { id: "x", effect: "allow", accounts: ["ann"], actions: ["push"] },
    ], ""],
    ["one entry of a list is enough", [
      { id: "x", effect: "allow", roles: ["guest", "user"], actions: ["push", "pull"], resources: ["a", "infra/*"] },
    ], "x"],
  ];
  for (const [what, inputs, ruleId] of table) {
    assert.equal(evaluate(rules(...inputs), user, "pull", "infra/mcq").ruleId, ruleId, what);
  }
});

Deno.test("evaluate keeps * within a label when the separator is a dot", () => {
  const zone = rules({ id: "zone", effect: "allow", resources: ["*.svc.mcp.metacircular.net"] });
  const may = (name: string, separator: "/" | ".") => evaluate(zone, agent, "issue", name, { separator }).allowed;
  assert.equal(may("mcq.svc.mcp.metacircular.net", "."), true);
  assert.equal(may("a.mcq.svc.mcp.metacircular.net", "."), false);
});

Deno.test("explain says of every rule why it did not decide", () => {
  const { decision, considered } = explain(
    rules(
      { id: "off", priority: 0, effect: "deny", enabled: false },
      { id: "other-account", priority: 1, effect: "allow", accounts: ["bob"] },
      { id: "systems", priority: 2, effect: "allow", accountTypes: ["system"] },
      { id: "admins", priority: 3, effect: "allow", roles: ["admin"] },
      { id: "pushes", priority: 4, effect: "allow", actions: ["push"] },
      { id: "elsewhere", priority: 5, effect: "allow", resources: ["lab/*"] },
      { id: "readers", priority: 6, effect: "allow", description: "users read" },
      { id: "rest", priority: 7, effect: "deny" },
    ),
    user,
    "pull",
    "infra/mcq",
  );
  assert.deepEqual(decision, {
    allowed: true,
    ruleId: "readers",
    reason: '"ann" may pull "infra/mcq": rule "readers" (users read) allows it',
  });
  assert.deepEqual(considered.map((one) => `${one.ruleId}: ${one.why}`), [
    "off: it is disabled",
    'other-account: account "ann" is not listed',
    'systems: account type "human" is not listed',
    "admins: no listed role among user",
    'pushes: action "pull" is not listed',
    'elsewhere: no listed resource matches "infra/mcq"',
    "readers: decides",
    'rest: rule "readers" comes before it',
  ]);
  assert.deepEqual(considered.filter((one) => one.decided).map((one) => one.ruleId), ["readers"]);
});

Deno.test("requireAllowed throws denied with the deciding rule", () => {
  requireAllowed(evaluate(seeds, user, "pull", "x"));
  assert.throws(() => requireAllowed(evaluate(seeds, guest, "pull", "x")), {
    code: "denied",
    rule: "default-deny",
    message: '"gus" may not pull "x": no rule allows it',
  });
  const no = rules({ id: "no", effect: "deny" });
  assert.throws(() => requireAllowed(evaluate(no, guest, "pull", "x")), { code: "denied", rule: "no" });
});
