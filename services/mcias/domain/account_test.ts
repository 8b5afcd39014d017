import assert from "node:assert/strict";
import { type Account, parseStatus, parseUsername, refuseLosingLastAdmin } from "./account.ts";
import { parseAccountType } from "./account_type.ts";
import { parseRoles } from "./roles.ts";

Deno.test("parseUsername takes [a-z][a-z0-9._-]{0,62} and no reserved name", () => {
  for (const good of ["a", "ada", "mcp-agent", "a.b_c-9", "a" + "b".repeat(62)]) {
    assert.equal(parseUsername(good), good);
  }
  const bad = [
    "",
    "Ada",
    "9a",
    "-a",
    ".a",
    "a b",
    "a/b",
    "a\n",
    "é",
    "a" + "b".repeat(63),
    "<script>",
    "'; --",
    "local",
  ];
  for (const name of bad) {
    assert.throws(() => parseUsername(name), { code: "invalid", field: "username" }, JSON.stringify(name));
  }
});

Deno.test("parseAccountType and parseStatus name the value that they refuse", () => {
  assert.equal(parseAccountType("system"), "system");
  assert.throws(() => parseAccountType("robot"), { message: 'account_type: "robot" is neither "human" nor "system"' });
  assert.equal(parseStatus("inactive"), "inactive");
  assert.throws(() => parseStatus("deleted"), { message: 'status: "deleted" is neither "active" nor "inactive"' });
});

Deno.test("parseRoles orders, drops repetitions, and gives system accounts none", () => {
  assert.deepEqual(parseRoles("human", ["guest", "admin", "guest"]), ["admin", "guest"]);
  assert.deepEqual(parseRoles("system", []), []);
  assert.throws(() => parseRoles("human", ["user", "root"]), {
    field: "roles[1]",
    message: /"root" is none of "admin"/,
  });
  assert.throws(() => parseRoles("system", ["user"]), { field: "roles", message: /a system account has no roles/ });
});

Deno.test("refuseLosingLastAdmin keeps the last active admin in office", () => {
  const admin: Account = {
    id: "1",
    username: "ada",
    type: "human",
    status: "active",
    roles: ["admin"],
    createdAt: 0,
    updatedAt: 0,
  };
  const table: [Partial<Account>, number, RegExp | null][] = [ // change, active admins before, refusal
    [{ roles: ["user"] }, 1, /Cannot demote "ada": it is the last active admin/],
    [{ status: "inactive" }, 1, /Cannot deactivate "ada"/],
    [{ status: "deleted" }, 1, /Cannot delete "ada"/],
    [{ roles: ["admin", "user"] }, 1, null],
    [{ roles: ["user"] }, 2, null],
    [{ status: "deleted" }, 2, null],
  ];
  for (const [change, count, refusal] of table) {
    const act = () => refuseLosingLastAdmin(admin, { ...admin, ...change }, count);
    if (refusal === null) act();
    else assert.throws(act, { code: "conflict", message: refusal });
  }
  const idle: Account = { ...admin, status: "inactive" };
  refuseLosingLastAdmin(idle, { ...idle, status: "deleted" }, 1); // was none of the active ones
});
