import assert from "node:assert/strict";
import { type Caller, isAdmin, isUser, localCaller } from "@lib/auth/mod.ts";
import { PlatformError } from "@lib/errors/mod.ts";
import { Access } from "@proto/metacircular/options_pb.ts";
import { checkAccess, identify, refuseScopes } from "./access.ts";

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
    checkAccess({ name: "test.v1.Things.Get", access, takesScopes: false }, caller);
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

Deno.test("checkAccess lets scopes in where the operation takes them, and no further than the account", () => {
  const scopes = ["mcns:record:example.org:www", "mcr:pull:a"];
  const { PUBLIC, AUTHENTICATED, USER, ADMIN } = Access;
  const name = "test.v1.Things.Get";
  for (const takesScopes of [true, false]) {
    const codes = [PUBLIC, AUTHENTICATED, USER, ADMIN].map((access) => {
      try {
        checkAccess({ name, access, takesScopes }, { ...system([]), scopes });
        return "ok";
      } catch (error) {
        return (error as PlatformError).rule;
      }
    });
    const refused = "token-scopes";
    assert.deepEqual(codes, takesScopes ? ["ok", "ok", "ok", "access:admin"] : ["ok", refused, refused, refused]);
  }
  // No scope at all is not "no limit": the token may do nothing.
  assert.throws(() => refuseScopes({ ...system([]), scopes: [] }, "look"), { rule: "token-scopes" });
  assert.throws(() => refuseScopes({ ...system([]), scopes: [...scopes, "a:1", "b:1", "c:1", "d:1"] }, "look"), {
    code: "denied",
    message:
      'Cannot look with this token of "p": it is limited to the scopes mcns:record:example.org:www mcr:pull:a a:1 b:1 and 2 more',
  });
  refuseScopes(system([]), "look");
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
