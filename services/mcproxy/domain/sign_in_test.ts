import assert from "node:assert/strict";
import { PlatformError } from "@lib/errors/mod.ts";
import { allowedText, isAllowed, isSameSignIn, parseSignIn, type SignIn } from "./sign_in.ts";

const bob = { username: "bob", roles: ["user"] };
const robot = { username: "robot", roles: [] };

Deno.test("parseSignIn takes roles and accounts, and says what is wrong with anything else", () => {
  assert.equal(parseSignIn(undefined, false), null);
  assert.deepEqual(parseSignIn({ allow: [] }, true), { allow: [] });
  const allow = ["admin", "user", "guest", "account:bob", "account:a.b_c-1"];
  assert.deepEqual(parseSignIn({ allow }, true), { allow });
  const rows: [allow: string[], hasMcias: boolean, message: string][] = [
    [[], false, "sign_in: needs MCIAS, and admin.mcias_addr is empty"],
    [["root"], true, 'sign_in.allow: must be "admin", "user", "guest" or "account:NAME", got "root"'],
    [["Admin"], true, 'sign_in.allow: must be "admin", "user", "guest" or "account:NAME", got "Admin"'],
    [["account:"], true, 'sign_in.allow: must be "admin", "user", "guest" or "account:NAME", got "account:"'],
    [["account:Bob"], true, 'sign_in.allow: must be "admin", "user", "guest" or "account:NAME", got "account:Bob"'],
    [["user", "user"], true, 'sign_in.allow: "user" is listed twice'],
    [Array.from({ length: 65 }, (_, i) => `account:a${i}`), true, "sign_in.allow: takes at most 64 entries, got 65"],
  ];
  for (const [allow, hasMcias, message] of rows) {
    assert.throws(() => parseSignIn({ allow }, hasMcias), (error) => {
      assert.ok(error instanceof PlatformError);
      assert.equal(error.message, message);
      return true;
    });
  }
});

Deno.test("isAllowed lets one of the roles or accounts pass, and everybody where none is named", () => {
  const rows: [allow: string[], bob: boolean, robot: boolean, text: string][] = [
    [[], true, true, "any account"],
    [["user"], true, false, "role user"],
    [["admin"], false, false, "role admin"],
    [["admin", "account:robot"], false, true, "role admin or account robot"],
    [["admin", "guest", "account:bob"], true, false, "role admin, role guest or account bob"],
    // A name is no role, and a role no name.
    [["account:user"], false, false, "account user"],
  ];
  for (const [allow, bobMay, robotMay, text] of rows) {
    assert.deepEqual([isAllowed({ allow }, bob), isAllowed({ allow }, robot), allowedText({ allow })], [
      bobMay,
      robotMay,
      text,
    ]);
  }
});

Deno.test("isSameSignIn compares who may pass, in whatever order", () => {
  const rule: SignIn = { allow: ["admin", "account:bob"] };
  assert.ok(isSameSignIn(rule, { allow: ["account:bob", "admin"] }));
  assert.ok(isSameSignIn(null, null));
  assert.ok(!isSameSignIn(rule, { allow: ["admin"] }));
  assert.ok(!isSameSignIn(rule, { allow: ["admin", "user"] }));
  assert.ok(!isSameSignIn({ allow: [] }, null));
});
