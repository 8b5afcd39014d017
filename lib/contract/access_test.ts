import assert from "node:assert/strict";
import { type Caller, isAdmin, isUser, localCaller } from "@lib/auth/mod.ts";
import { PlatformError } from "@lib/errors/mod.ts";
import { Access } from "@proto/metacircular/options_pb.ts";
import { checkAccess, identify } from "./access.ts";

const person = (roles: string[]): Caller => ({
  subject: "1",
  username: "p",
  accountType: "human",
  roles,
  tokenId: "t",
});
const system = (roles: string[]): Caller => ({ ...person(roles), accountType: "system" });

function outcome(access: Access, caller: Caller | null): string {
  try {
    checkAccess(access, caller);
    return "ok";
  } catch (error) {
    assert.ok(error instanceof PlatformError);
    return error.code;
  }
}

Deno.test("checkAccess lets in exactly whom the access level names", async (t) => {
  const { PUBLIC, AUTHENTICATED, USER, ADMIN, UNSPECIFIED } = Access;
  const levels = [PUBLIC, AUTHENTICATED, USER, ADMIN, UNSPECIFIED];
  const no = "unauthenticated";
  const rows: [string, Caller | null, string[]][] = [
    ["nobody", null, ["ok", no, no, no, no]],
    ["a guest", person(["guest"]), ["ok", "ok", "denied", "denied", "denied"]],
    ["a human without roles", person([]), ["ok", "ok", "denied", "denied", "denied"]],
    ["a user", person(["user"]), ["ok", "ok", "ok", "denied", "denied"]],
    ["an admin", person(["admin"]), ["ok", "ok", "ok", "ok", "denied"]],
    ["a system account", system([]), ["ok", "ok", "ok", "denied", "denied"]],
    // System accounts have no roles; one that got hold of a name of a role stays what it is.
    ["a system account with a role", system(["admin"]), ["ok", "ok", "ok", "denied", "denied"]],
    ["the local operator", { ...localCaller }, ["ok", "ok", "ok", "ok", "denied"]],
  ];
  for (const [name, caller, expected] of rows) {
    await t.step(name, () => {
      assert.deepEqual(levels.map((level) => outcome(level, caller)), expected);
      if (caller === null) return;
      assert.equal(outcome(ADMIN, caller) === "ok", isAdmin(caller), "agrees with lib/auth's isAdmin");
      assert.equal(outcome(USER, caller) === "ok", isUser(caller), "agrees with lib/auth's isUser");
    });
  }
});

Deno.test("identify asks nobody about callers of public operations", async () => {
  const unreachable = () => Promise.reject(new Error("must not be asked"));
  assert.equal(await identify(Access.PUBLIC, "token", unreachable), null);
  assert.equal(await identify(Access.USER, undefined, unreachable), null);
  await assert.rejects(identify(Access.USER, "bad", () => Promise.resolve(null)), {
    code: "unauthenticated",
    rule: "invalid_token",
  });
  assert.deepEqual(await identify(Access.ADMIN, undefined, "local"), localCaller);
});
