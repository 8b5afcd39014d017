import assert from "node:assert/strict";
import { bearerToken, type Caller, isAdmin, isUser, localCaller } from "./caller.ts";

function caller(accountType: Caller["accountType"], ...roles: string[]): Caller {
  return { subject: "s", username: "u", accountType, roles, tokenId: "t" };
}

Deno.test("isAdmin and isUser follow the platform's identity model", () => {
  const table: [Caller, boolean, boolean][] = [ // caller, admin, user
    [caller("human", "admin"), true, true],
    [caller("human", "user"), false, true],
    [caller("human", "guest"), false, false],
    [caller("human", "guest", "user"), false, true],
    [caller("human"), false, false],
    [caller("system"), false, true],
    [caller("system", "admin"), false, true], // roles are for humans: one that slipped in gives nothing
    [localCaller, true, true],
  ];
  for (const [who, admin, user] of table) {
    const what = `${who.accountType} ${who.roles.join("+")}`;
    assert.equal(isAdmin(who), admin, what);
    assert.equal(isUser(who), user, what);
  }
});

Deno.test("bearerToken takes the Bearer scheme and nothing else", () => {
  const table: [string | null | undefined, string | null][] = [
    ["Bearer a.b-c_d", "a.b-c_d"],
    ["bearer abc", "abc"],
    ["BEARER  abc= ", "abc="],
    ["Basic abc", null],
    ["Bearer", null],
    ["Bearer ", null],
    ["Bearer a b", null],
    ["xBearer a", null],
    ["", null],
    [null, null],
    [undefined, null],
  ];
  for (const [value, expected] of table) assert.equal(bearerToken(value), expected, String(value));
});
