import assert from "node:assert/strict";
import { PlatformError } from "@lib/errors/mod.ts";
import { parseRule, type RuleInput } from "./rule.ts";

Deno.test("parseRule fills what is absent and drops repetitions", () => {
  const rule = parseRule({ effect: "allow", accounts: ["mcq", "mcq", "mcr"] });
  assert.match(rule.id, /^[0-9a-f-]{36}$/);
  assert.deepEqual({ ...rule, id: "" }, {
    id: "",
    priority: 0,
    effect: "allow",
    accounts: ["mcq", "mcr"],
    roles: [],
    accountTypes: [],
    actions: [],
    resources: [],
    description: "",
    enabled: true,
  });
});

Deno.test("parseRule refuses a bad field by name and value", () => {
  const table: [RuleInput, string, RegExp][] = [
    [{ effect: "permit" }, "rule.effect", /"permit" is neither "allow" nor "deny"/],
    [{}, "rule.effect", /"" is neither/],
    [{ effect: "allow", id: "Bad Id" }, "rule.id", /"Bad Id" does not match/],
    [{ effect: "allow", priority: -1 }, "rule.priority", /"-1" is not a whole number from 0 to 1000000/],
    [{ effect: "allow", priority: 1.5 }, "rule.priority", /"1.5"/],
    [{ effect: "allow", priority: 1_000_001 }, "rule.priority", /"1000001"/],
    [{ effect: "allow", accounts: ["ok", "Not Ok"] }, "rule.accounts[1]", /"Not Ok" is not a username/],
    [{ effect: "allow", roles: ["root"] }, "rule.roles[0]", /"root" is none of "admin", "user", "guest"/],
    [{ effect: "allow", accountTypes: ["robot"] }, "rule.account_types[0]", /"robot" is none of "human", "system"/],
    [{ effect: "allow", actions: ["fly"] }, "rule.actions[0]", /"fly" is none of "pull", "push"/],
    [{ effect: "allow", resources: ["a", "{me}"] }, "rule.resources[1]", /"\{me\}" has \{ or \}/],
    [{ effect: "allow", accounts: new Array(101).fill("a") }, "rule.accounts", /101 entries, at most 100/],
    [{ effect: "allow", description: "x".repeat(501) }, "rule.description", /501 characters/],
  ];
  for (const [input, field, message] of table) {
    assert.throws(() => parseRule(input, { actions: ["pull", "push"] }), (error) => {
      assert.ok(error instanceof PlatformError);
      assert.equal(error.code, "invalid");
      assert.equal(error.field, field);
      assert.match(error.message, message);
      return true;
    });
  }
});

Deno.test("parseRule takes any well-formed action when the service names none", () => {
  assert.deepEqual(parseRule({ effect: "deny", actions: ["cert.issue"] }).actions, ["cert.issue"]);
  assert.throws(
    () => parseRule({ effect: "deny", actions: ["Issue!"] }),
    /rule\.actions\[0\]: "Issue!" is not an action/,
  );
});
