import assert from "node:assert/strict";
import type { DescMethodUnary } from "@bufbuild/protobuf";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { maxTokenBytes } from "@lib/auth/mod.ts";
import { Access } from "@proto/metacircular/options_pb.ts";
import { AccountService, AuditService, AuthService, KeyService, TokenService } from "@proto/mcias/v1/mcias_pb.ts";
import { IdentityStore } from "../store/identity_store.ts";
import { signToken } from "../crypto/token_codec.ts";
import { openSigningKey } from "../crypto/signing_key.ts";
import { claimsFor } from "../domain/token_claims.ts";
import { clean, masterKeyOf } from "../server.ts";
import { type UnderTest, underTest } from "../testing/mcias_under_test.ts";
import { rotateKeys } from "../verbs/local_verbs.ts";
import { jwksRoute } from "./key_operations.ts";

const { validateToken, issueToken, listTokens, revokeToken } = TokenService.method;
const { createAccount, updateAccount, deleteAccount } = AccountService.method;
const dayMs = 86_400_000;

async function withRobot() {
  const test = await underTest();
  const admin = await test.login();
  await test.call(createAccount, { username: "mcp-agent", accountType: "system" }, admin);
  return { test, admin };
}

const isValid = async (test: UnderTest, token: string) => (await test.call(validateToken, { token })).valid;

Deno.test("issueToken gives a system account a token of 365 days, or shorter when asked", async () => {
  const { test, admin } = await withRobot();
  using _ = test;
  const long = await test.call(issueToken, { username: "mcp-agent", description: "agent of node one" }, admin);
  assert.equal(timestampMs(long.expiresAt!), test.clock.now() + 365 * dayMs);
  const { identity } = await test.call(validateToken, { token: long.token });
  assert.equal(identity?.username, "mcp-agent");
  assert.equal(identity?.accountType, "system");
  assert.deepEqual(identity?.roles, []);
  const short = await test.call(issueToken, { username: "mcp-agent", ttlSeconds: 60n }, admin);
  test.clock.advance(59_999);
  assert.equal(await isValid(test, short.token), true);
  test.clock.advance(1);
  assert.equal(await isValid(test, short.token), false);
  assert.equal(await isValid(test, long.token), true);
});

Deno.test("issueToken limits a token to scopes, which stay with it through renewals, and are shown", async () => {
  const { test, admin } = await withRobot();
  using _ = test;
  const scopes = ["mcns:record:example.org:_acme-challenge.**:TXT", "mcr:pull"];
  const wish = { username: "mcp-agent", scopes, ttlSeconds: 600n };
  const first = await test.call(issueToken, wish, admin);
  assert.deepEqual(first.identity?.scopes, scopes);
  test.clock.advance(60_000);
  const renewed = await test.call(AuthService.method.renew, {}, first.token);
  assert.deepEqual(renewed.identity?.scopes, scopes);
  assert.equal(timestampMs(renewed.expiresAt!), test.clock.now() + 600_000);
  const again = await test.call(AuthService.method.renew, {}, renewed.token);
  assert.equal(await isValid(test, again.token), false); // of who doesn't know what scopes are
  await test.restart();
  const { valid, identity } = await test.call(validateToken, { token: again.token, takesScopes: true });
  assert.deepEqual([valid, identity?.username, identity?.scopes], [true, "mcp-agent", scopes]);

  await test.call(issueToken, { username: "mcp-agent" }, admin);
  const { tokens } = await test.call(listTokens, { username: "mcp-agent" }, admin);
  assert.deepEqual(tokens.map((each) => each.scopes), [[], scopes, scopes, scopes]);
  const { events } = await test.call(AuditService.method.listEvents, { action: "token.issue" }, admin);
  assert.deepEqual(events.map(({ detail }) => /, scopes (.*)/.exec(detail)?.[1]), [undefined, scopes.join(" ")]);

  await test.call(AuthService.method.logout, {}, again.token);
  assert.equal((await test.call(validateToken, { token: again.token, takesScopes: true })).valid, false);
  await assert.rejects(test.call(issueToken, { username: "mcp-agent", scopes: ["www"] }, admin), {
    code: "invalid",
    field: "scopes[0]",
  });
});

Deno.test("a token with as many and as long scopes as there may be is no longer than services take", async () => {
  const { test, admin } = await withRobot();
  using _ = test;
  const scopes = Array.from({ length: 32 }, (_, i) => `mcns:${i}`.padEnd(i === 0 ? 128 : 127, "x"));
  assert.equal(scopes.join(" ").length, 4096);
  const { token } = await test.call(issueToken, { username: "mcp-agent", scopes }, admin);
  assert.ok(token.length < maxTokenBytes, `${token.length}`);
  assert.deepEqual((await test.mcias.authority.check(token))?.scopes, scopes);
});

Deno.test("a token with scopes may be renewed and given back here, and nothing else", async () => {
  const { test, admin } = await withRobot();
  using _ = test;
  const { token } = await test.call(issueToken, { username: "mcp-agent", scopes: ["mcias:all"] }, admin);
  const taking: string[] = [];
  for (const { method, access, takesScopes } of test.mcias.operations) {
    if (access === Access.PUBLIC) continue;
    if (takesScopes) taking.push(method.name);
    // Whatever the request is: the access check comes first.
    else await assert.rejects(test.call(method as DescMethodUnary, {}, token), { rule: "token-scopes" }, method.name);
  }
  assert.deepEqual(taking, ["Logout", "Renew"]);
});

Deno.test("issueToken refuses humans, strangers, inactive accounts and too long a life", async () => {
  const { test, admin } = await withRobot();
  using _ = test;
  const issue = (username: string, facts = {}) => test.call(issueToken, { username, ...facts }, admin);
  await assert.rejects(issue("ada"), { code: "conflict", message: /it is a human's account/ });
  await assert.rejects(issue("nobody"), { code: "not_found", message: 'No account "nobody"' });
  await assert.rejects(issue("mcp-agent", { ttlSeconds: 31_536_001n }), { code: "invalid", field: "ttl_seconds" });
  await assert.rejects(issue("mcp-agent", { ttlSeconds: 2n ** 64n - 1n }), { code: "invalid", field: "ttl_seconds" });
  await assert.rejects(issue("mcp-agent", { description: "x".repeat(201) }), { field: "description" });
  await test.call(updateAccount, { username: "mcp-agent", status: "inactive" }, admin);
  await assert.rejects(issue("mcp-agent"), { code: "conflict", message: /inactive/ });
  await test.call(deleteAccount, { username: "mcp-agent" }, admin);
  await assert.rejects(issue("mcp-agent"), { code: "not_found" });
});

Deno.test("admin operations refuse users, system accounts and nobody", async () => {
  const { test, admin } = await withRobot();
  using _ = test;
  const password = "glacier bicycle sonnet";
  await test.call(createAccount, { username: "bob", accountType: "human", roles: ["user"], password }, admin);
  const robot = (await test.call(issueToken, { username: "mcp-agent" }, admin)).token;
  for (const who of [await test.login("bob", password), robot]) {
    await assert.rejects(test.call(issueToken, { username: "mcp-agent" }, who), {
      code: "denied",
      rule: "access:admin",
    });
    await assert.rejects(test.call(listTokens, { username: "bob" }, who), { code: "denied" });
    await assert.rejects(test.call(createAccount, { username: "x", accountType: "system" }, who), { code: "denied" });
    await assert.rejects(test.call(AuditService.method.listEvents, {}, who), { code: "denied" });
  }
  await assert.rejects(test.call(issueToken, { username: "mcp-agent" }, null), { code: "unauthenticated" });
});

Deno.test("listTokens shows every token of an account, newest first, by page, never the token itself", async () => {
  const { test, admin } = await withRobot();
  using _ = test;
  const issued: string[] = [];
  for (let i = 0; i < 5; i++) {
    issued.push((await test.call(issueToken, { username: "mcp-agent", description: `n${i}` }, admin)).token);
  }
  const first = await test.call(listTokens, { username: "mcp-agent", pageSize: 3 }, admin);
  const rest = await test.call(listTokens, {
    username: "mcp-agent",
    pageSize: 3,
    pageToken: first.nextPageToken,
  }, admin);
  assert.deepEqual([...first.tokens, ...rest.tokens].map((each) => each.description), ["n4", "n3", "n2", "n1", "n0"]);
  assert.equal(rest.nextPageToken, "");
  const shown = JSON.stringify([first, rest], (_, value) => typeof value === "bigint" ? String(value) : value);
  for (const token of issued) assert.ok(!shown.includes(token) && !shown.includes(token.split(".")[2]!));
  await assert.rejects(test.call(listTokens, { username: "mcp-agent", pageToken: "x" }, admin), {
    field: "page_token",
  });
  await assert.rejects(test.call(listTokens, { username: "nobody" }, admin), { code: "not_found" });
});

Deno.test("revokeToken refuses one token or all of an account, at once", async () => {
  const { test, admin } = await withRobot();
  using _ = test;
  const issue = async () => await test.call(issueToken, { username: "mcp-agent" }, admin);
  const [one, two, three] = [await issue(), await issue(), await issue()];
  const username = "mcp-agent";
  const revoke = async (tokenId: string) => (await test.call(revokeToken, { username, tokenId }, admin)).revoked;
  assert.equal(await revoke(one.identity!.tokenId), 1);
  assert.equal(await revoke(one.identity!.tokenId), 0);
  assert.deepEqual(await Promise.all([one, two, three].map(({ token }) => isValid(test, token))), [false, true, true]);
  assert.equal(await revoke(""), 2);
  assert.deepEqual(await Promise.all([one, two, three].map(({ token }) => isValid(test, token))), [
    false,
    false,
    false,
  ]);
  assert.equal(await isValid(test, admin), true);
  await assert.rejects(revoke("no-such-id"), { code: "not_found" });
  const { tokens } = await test.call(listTokens, { username: "ada" }, admin);
  await assert.rejects(revoke(tokens[0]!.tokenId), { code: "not_found" }); // another account's
  await test.restart();
  assert.equal(await isValid(test, two.token), false);
});

Deno.test("validateToken follows the account: inactive refuses, active again allows, roles are of the moment", async () => {
  const { test, admin } = await withRobot();
  using _ = test;
  const password = "glacier bicycle sonnet";
  await test.call(createAccount, { username: "bob", accountType: "human", roles: ["user"], password }, admin);
  const bob = await test.login("bob", password);
  await test.call(updateAccount, { username: "bob", status: "inactive" }, admin);
  assert.equal(await isValid(test, bob), false);
  await test.call(updateAccount, { username: "bob", status: "active", roles: ["guest"], setRoles: true }, admin);
  assert.deepEqual((await test.call(validateToken, { token: bob })).identity?.roles, ["guest"]);
  await test.call(deleteAccount, { username: "bob" }, admin);
  assert.equal(await isValid(test, bob), false);
});

Deno.test("validateToken says valid: false to signed tokens that were never recorded, or are of another's account", async () => {
  const { test, admin } = await withRobot();
  using _ = test;
  const { store } = test.mcias;
  const key = store.keys.signingKeys()[0]!;
  const secret = await openSigningKey(await masterKeyOf(store, test.context.config), key);
  const issuer = test.context.config.tokens.issuer;
  const ada = store.accounts.byUsername("ada")!;
  const mine = (await test.call(listTokens, { username: "ada" }, admin)).tokens[0]!.tokenId;
  const facts = { issuer, now: test.clock.now(), lifetimeSeconds: 60, tokenId: mine, scopes: null };
  const sign = (claims: ReturnType<typeof claimsFor>) => signToken(claims, key.kid, secret);
  const good = claimsFor(ada, facts);
  const table: [string, Partial<typeof good>, boolean][] = [
    ["as recorded", {}, true],
    ["never recorded", { jti: crypto.randomUUID() }, false],
    ["another account's", { sub: store.accounts.byUsername("mcp-agent")!.id }, false],
    ["nobody's", { sub: "x" }, false],
    ["other issuer", { iss: "https://evil.example" }, false],
    ["expired", { exp: good.iat }, false],
    ["future nbf", { nbf: good.nbf + 60 }, false],
  ];
  for (const [what, change, valid] of table) {
    assert.equal(await isValid(test, await sign({ ...good, ...change })), valid, what);
  }
  for (const token of ["", "x", "x".repeat(9000), "a.b.c", "\u0000"]) assert.equal(await isValid(test, token), false);
});

Deno.test("validateToken sees what another process has committed, with no time to wait", async () => {
  const { test, admin } = await withRobot();
  using _ = test;
  using other = await test.another();
  const account = other.store.accounts.byUsername("mcp-agent")!;
  const minted = await other.authority.mint(account, { lifetimeSeconds: 60, description: "", scopes: null });
  other.store.write((writer) => writer.tokens.insert(minted.record));
  assert.equal(await isValid(test, minted.token), true);
  // A revocation by the other process arrives with the next look (every 250 ms while serving).
  other.store.write((writer) => writer.tokens.revoke(minted.record.tokenId, writer.at));
  assert.equal(test.mcias.store.refresh(), true);
  assert.equal(test.mcias.store.refresh(), false);
  assert.equal(await isValid(test, minted.token), false);
  assert.equal(await isValid(test, admin), true);
});

Deno.test("validateToken reads nothing from the database", async () => {
  const { test, admin } = await withRobot();
  using _ = test;
  assert.equal(await isValid(test, admin), true);
  test.mcias.store.close();
  assert.equal(await isValid(test, admin), true);
  await test.restart();
});

Deno.test("a rotated key signs from now on, and the one before it still verifies", async () => {
  const { test, admin } = await withRobot();
  using _ = test;
  await rotateKeys(test.context, () => {});
  assert.equal(await isValid(test, admin), true);
  assert.equal(test.mcias.store.refresh(), true);
  const fresh = await test.login();
  assert.equal(await isValid(test, fresh), true);
  const { keys } = await test.call(KeyService.method.listKeys, {});
  assert.deepEqual(keys.map((key) => key.active), [true, false]);
  const kidOf = (token: string) => JSON.parse(atob(token.split(".")[0]!)).kid;
  assert.equal(kidOf(fresh), keys[0]!.kid);
  assert.equal(kidOf(admin), keys[1]!.kid);
});

Deno.test("the JWK set has the public keys and nothing private", async () => {
  using test = await underTest();
  const route = jwksRoute(test.mcias.authority);
  const response = await route(new Request("https://mcias/.well-known/jwks.json"));
  assert.ok(response);
  const { keys } = await response.json();
  assert.deepEqual(Object.keys(keys[0]).sort(), ["alg", "crv", "kid", "kty", "use", "x"]);
  assert.equal(await route(new Request("https://mcias/.well-known/jwks.json", { method: "POST" })), null);
  assert.equal(await route(new Request("https://mcias/v1/keys")), null);
});

Deno.test("clean forgets tokens 90 days after their end and stale failures, and nothing that is good", async () => {
  const { test, admin } = await withRobot();
  using _ = test;
  const agent = await test.call(issueToken, { username: "mcp-agent" }, admin);
  await assert.rejects(test.login("ada", "wrong wrong wrong"));
  test.clock.advance(90 * dayMs);
  const { store } = test.mcias;
  clean(store, test.context.config);
  const ada = store.accounts.byUsername("ada")!;
  assert.equal(store.failures.get("account", "ada"), undefined);
  assert.equal(store.tokens.page(ada.id, Number.MAX_SAFE_INTEGER, 9).length, 1);
  test.clock.advance(dayMs);
  clean(store, test.context.config);
  assert.equal(store.tokens.page(ada.id, Number.MAX_SAFE_INTEGER, 9).length, 0);
  assert.equal(await isValid(test, agent.token), true);
  assert.equal(store.index.tokenCount, 1);
});

Deno.test("IdentityStore leaves the index as it is when a transaction fails", async () => {
  const { test, admin } = await withRobot();
  using _ = test;
  const { store } = test.mcias;
  assert.ok(store instanceof IdentityStore);
  const ada = store.accounts.byUsername("ada")!;
  assert.throws(() =>
    store.write(({ tokens, accounts, at }) => {
      tokens.revokeAll(ada.id, at);
      accounts.update({ ...ada, status: "deleted" });
      throw new Error("no audit row");
    }), /no audit row/);
  assert.equal(await isValid(test, admin), true);
});
