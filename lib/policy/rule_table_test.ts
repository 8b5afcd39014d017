import assert from "node:assert/strict";
import { FakeClock } from "@lib/clock/mod.ts";
import { type Database, openDatabase } from "@lib/db/mod.ts";
import { parseRule } from "./rule.ts";
import { RuleTable, ruleTableMigration } from "./rule_table.ts";

function withDatabase(work: (db: Database) => void): void {
  const folder = Deno.makeTempDirSync();
  try {
    using db = openDatabase({
      path: `${folder}/policy.db`,
      migrations: [ruleTableMigration],
      durability: "normal",
      clock: new FakeClock(),
    });
    work(db);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

const pull = parseRule({
  id: "pull",
  priority: 10,
  effect: "allow",
  roles: ["user"],
  accountTypes: ["human"],
  accounts: ["ann"],
  actions: ["pull"],
  resources: ["infra/**"],
  description: "Users pull",
});
const push = parseRule({ id: "push", priority: 5, effect: "deny", enabled: false });

Deno.test("RuleTable gives back what was put, in the order of evaluation", () => {
  withDatabase((db) => {
    const table = new RuleTable(db);
    db.write((at) => [pull, push].forEach((rule) => table.put(rule, at)));
    assert.deepEqual(table.list(), [push, pull]);
    assert.deepEqual(table.get("pull"), pull);
    const changed = { ...pull, priority: 1 };
    db.write((at) => table.put(changed, at));
    assert.deepEqual(table.list(), [changed, push]);
  });
});

Deno.test("RuleTable refuses to read or remove a rule that is not there", () => {
  withDatabase((db) => {
    const table = new RuleTable(db);
    assert.throws(() => table.get("gone"), { code: "not_found", message: 'No policy rule "gone"' });
    assert.throws(() => db.write(() => table.delete("gone")), { code: "not_found" });
  });
});

Deno.test("RuleTable.seed plants each seed once, and never again after it was removed or changed", () => {
  withDatabase((db) => {
    const table = new RuleTable(db);
    assert.deepEqual(db.write((at) => table.seed([pull, push], at)), [pull, push]);
    db.write((at) => {
      table.delete("push");
      table.put({ ...pull, enabled: false }, at);
    });
    assert.deepEqual(db.write((at) => table.seed([pull, push], at)), []);
    assert.deepEqual(table.list(), [{ ...pull, enabled: false }]);
  });
});

Deno.test("RuleTable loses nothing but the failed change when its transaction fails", () => {
  withDatabase((db) => {
    const table = new RuleTable(db);
    db.write((at) => table.put(pull, at));
    assert.throws(() =>
      db.write((at) => {
        table.put(push, at);
        throw new Error("audit row failed");
      }), /audit row failed/);
    assert.deepEqual(table.list(), [pull]);
  });
});
