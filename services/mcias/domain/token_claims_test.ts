import assert from "node:assert/strict";
import type { Account } from "./account.ts";
import { believedClaims, claimsFor } from "./token_claims.ts";

const now = Date.UTC(2026, 0, 1);
const issuer = "https://mcias.example";
const account: Account = {
  id: "b0a8",
  username: "ada",
  type: "human",
  status: "active",
  roles: ["admin", "user"],
  createdAt: 0,
  updatedAt: 0,
};
const facts = { issuer, now: now + 999, lifetimeSeconds: 3600, tokenId: "t1", scopes: null };
const claims = claimsFor(account, facts);

Deno.test("claimsFor says what the specification lists", () => {
  const at = now / 1000;
  assert.deepEqual(claims, {
    iss: issuer,
    sub: "b0a8",
    iat: at,
    nbf: at,
    exp: at + 3600,
    jti: "t1",
    username: "ada",
    account_type: "human",
    roles: ["admin", "user"],
  });
  const scopes = ["mcns:record:example.org:www", "mcr:pull"];
  const scoped = claimsFor(account, { ...facts, scopes });
  assert.deepEqual(scoped, { ...claims, scope: "mcns:record:example.org:www mcr:pull" });
  assert.deepEqual(believedClaims(scoped, issuer, now), scoped);
});

Deno.test("believedClaims believes exactly what claimsFor makes, in its time", () => {
  const end = claims.exp * 1000;
  const table: [string, unknown, number, boolean][] = [ // what, payload, now, believed
    ["fresh", claims, now, true],
    ["until the last moment", claims, end - 1, true],
    ["not at exp", claims, end, false],
    ["a clock 5 s behind", claims, now - 5000, true],
    ["a clock further behind", claims, now - 5001, false],
    ["future nbf", { ...claims, nbf: claims.nbf + 60 }, now, false],
    ["other issuer", { ...claims, iss: `${issuer}/` }, now, false],
    ["no issuer", { ...claims, iss: undefined }, now, false],
    ["issuer as list", { ...claims, iss: [issuer] }, now, false],
    ["exp as text", { ...claims, exp: String(claims.exp) }, now, false],
    ["no exp", { ...claims, exp: undefined }, now, false],
    ["exp beyond all numbers", { ...claims, exp: Infinity }, now, false],
    ["negative nbf", { ...claims, nbf: -1 }, now, false],
    ["no jti", { ...claims, jti: undefined }, now, false],
    ["numeric sub", { ...claims, sub: 7 }, now, false],
    ["other type", { ...claims, account_type: "local" }, now, false],
    ["roles as text", { ...claims, roles: "admin" }, now, false],
    ["roles of numbers", { ...claims, roles: [1] }, now, false],
    ["no scope at all", { ...claims, scope: "" }, now, false],
    ["scopes as list", { ...claims, scope: ["mcr:pull"] }, now, false],
    ["scope null", { ...claims, scope: null }, now, false],
    ["a list", [claims], now, false],
    ["null", null, now, false],
    ["text", "claims", now, false],
  ];
  for (const [what, payload, at, believed] of table) {
    assert.deepEqual(believedClaims(payload, issuer, at), believed ? claims : null, what);
  }
});
