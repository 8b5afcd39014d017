import assert from "node:assert/strict";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { PlatformError } from "@lib/errors/mod.ts";
import { AccountService, AuditService, AuthService, TokenService } from "@proto/mcias/v1/mcias_pb.ts";
import { PasswordHasher } from "../crypto/password_hasher.ts";
import { adminPassword, underTest } from "../testing/mcias_under_test.ts";

const { login, logout, renew } = AuthService.method;
const { validateToken } = TokenService.method;
const password = "glacier bicycle sonnet";

async function withAccounts(toml = "") {
  const test = await underTest(toml);
  const admin = await test.login();
  const create = AccountService.method.createAccount;
  await test.call(create, { username: "bob", accountType: "human", roles: ["user"], password }, admin);
  await test.call(create, { username: "idle", accountType: "human", roles: ["user"], password }, admin);
  await test.call(AccountService.method.updateAccount, { username: "idle", status: "inactive" }, admin);
  await test.call(create, { username: "gone", accountType: "human", roles: ["user"], password }, admin);
  await test.call(AccountService.method.deleteAccount, { username: "gone" }, admin);
  await test.call(create, { username: "robot", accountType: "system" }, admin);
  return { test, admin };
}

Deno.test("login gives a token that says who, for how long, and validates", async () => {
  using test = await underTest();
  const answer = await test.call(login, {
    username: "ada",
    password: adminPassword,
    serviceName: "mcr",
    tags: ["lan"],
  });
  assert.equal(answer.identity?.username, "ada");
  assert.deepEqual(answer.identity?.roles, ["admin"]);
  assert.equal(timestampMs(answer.expiresAt!), test.clock.now() + 12 * 3_600_000);
  const { valid, identity } = await test.call(validateToken, { token: answer.token });
  assert.equal(valid, true);
  assert.deepEqual(identity, answer.identity);
  const claims = JSON.parse(atob(answer.token.split(".")[1]!.replaceAll("-", "+").replaceAll("_", "/")));
  assert.deepEqual(Object.keys(claims).sort(), [
    "account_type",
    "exp",
    "iat",
    "iss",
    "jti",
    "nbf",
    "roles",
    "sub",
    "username",
  ]);
  assert.equal(claims.iss, "https://mcias.svc.mcp.metacircular.net");
});

Deno.test("login answers every refused login alike: same error, one hash, one audit row", async () => {
  const { test, admin } = await withAccounts();
  using _ = test;
  const attempts: [string, string, string][] = [ // what, username, password
    ["wrong password", "bob", "not the password"],
    ["empty password", "bob", ""],
    ["unknown user", "nobody", password],
    ["inactive account, right password", "idle", password],
    ["deleted account, right password", "gone", password],
    ["system account", "robot", ""],
    ["malformed name", "Robert'); DROP TABLE accounts;--", password],
    ["empty name", "", ""],
    ["long name", "a".repeat(5000), password],
  ];
  const answers = new Set<string>();
  for (const [what, username, tried] of attempts) {
    const runs = test.hasher.runs;
    const rows = (await test.call(AuditService.method.listEvents, { action: "login" }, admin)).events.length;
    await assert.rejects(test.call(login, { username, password: tried }), (error) => {
      assert.ok(error instanceof PlatformError, what);
      const { code, message, field, rule, hint, retryAfterSeconds } = error;
      answers.add(JSON.stringify({ code, message, field, rule, hint, retryAfterSeconds }));
      return true;
    });
    assert.equal(test.hasher.runs - runs, 1, `${what}: hashes`);
    const { events } = await test.call(AuditService.method.listEvents, { action: "login" }, admin);
    assert.equal(events.length - rows, 1, `${what}: audit rows`);
    assert.equal(events[0]?.outcome, "unauthenticated");
    assert.ok(["bob", "idle", "gone", "robot", "(unknown)"].includes(events[0]!.target), what);
  }
  assert.deepEqual([...answers], [
    '{"code":"unauthenticated","message":"Wrong username or password"}',
  ]);
});

Deno.test("login makes a name wait after its free failures, known or not, and the wait survives a restart", async () => {
  const { test } = await withAccounts("[login]\naccount_failures = 3\n");
  using _ = test;
  for (const username of ["bob", "nobody"]) {
    for (let i = 0; i < 3; i++) {
      await assert.rejects(test.call(login, { username, password: "wrong wrong wrong" }), { code: "unauthenticated" });
    }
    await assert.rejects(test.call(login, { username, password: "wrong wrong wrong" }), { code: "unauthenticated" });
    const runs = test.hasher.runs;
    await assert.rejects(test.call(login, { username, password }), { code: "rate_limited", retryAfterSeconds: 1 });
    assert.equal(test.hasher.runs, runs, "a waiting attempt costs no hash");
  }
  await test.restart();
  await assert.rejects(test.call(login, { username: "bob", password }), { code: "rate_limited" });
  test.clock.advance(1000);
  await test.login("bob", password); // and the failures are forgotten:
  await assert.rejects(test.call(login, { username: "bob", password: "wrong wrong wrong" }), {
    code: "unauthenticated",
  });
  await test.login("bob", password);
});

Deno.test("login makes an address wait, whatever names it tries, and not the others", async () => {
  const { test } = await withAccounts("[login]\naddress_failures = 5\n");
  using _ = test;
  const from = (remote: string, username: string) => test.call(login, { username, password }, null, remote);
  for (let i = 0; i < 6; i++) await assert.rejects(from("192.0.2.1", `guess${i}`), { code: "unauthenticated" });
  await assert.rejects(from("192.0.2.1", "bob"), { code: "rate_limited" });
  assert.ok((await from("192.0.2.2", "bob")).token);
});

Deno.test("login lets no more guesses through by sending many at once", async () => {
  const { test } = await withAccounts("[login]\naccount_failures = 3\n");
  using _ = test;
  const codes = await Promise.all(
    Array.from({ length: 20 }, () =>
      test.call(login, { username: "bob", password: "wrong wrong wrong" }).then(
        () => "ok",
        (error: PlatformError) => error.code,
      )),
  );
  assert.equal(codes.filter((code) => code === "unauthenticated").length, 4);
  assert.equal(codes.filter((code) => code === "rate_limited").length, 16);
});

Deno.test("login lets many of one owner in at once", async () => {
  const { test } = await withAccounts();
  using _ = test;
  const tokens = await Promise.all(Array.from({ length: 20 }, () => test.login("bob", password)));
  assert.equal(new Set(tokens).size, 20);
});

Deno.test("login refuses an oversized password and a malformed context before any hash", async () => {
  using test = await underTest();
  const runs = test.hasher.runs;
  const base = { username: "ada", password: adminPassword };
  await assert.rejects(test.call(login, { ...base, password: "x".repeat(1025) }), {
    code: "invalid",
    field: "password",
  });
  await assert.rejects(test.call(login, { ...base, serviceName: "MCR!" }), { field: "service_name" });
  await assert.rejects(test.call(login, { ...base, tags: ["ok", "no ok"] }), { field: "tags[1]" });
  await assert.rejects(test.call(login, { ...base, tags: new Array(17).fill("t") }), { field: "tags" });
  assert.equal(test.hasher.runs, runs);
});

Deno.test("login fails when the account changes while the password is being checked", async () => {
  const { test, admin } = await withAccounts();
  using _ = test;
  const checked = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  class SlowHasher extends PasswordHasher {
    override async verify(tried: string, stored: string | null): Promise<boolean> {
      const matches = await super.verify(tried, stored);
      checked.resolve();
      await go.promise;
      return matches;
    }
  }
  await test.restart(new SlowHasher({ cost: { memoryKib: 64, passes: 1, lanes: 1 }, concurrent: 2, waiting: 9 }));
  const pending = assert.rejects(test.login("bob", password), { code: "unauthenticated" });
  await checked.promise;
  await test.call(AccountService.method.updateAccount, { username: "bob", status: "inactive" }, admin);
  go.resolve();
  await pending;
  const bob = test.mcias.store.accounts.byUsername("bob")!;
  assert.deepEqual(test.mcias.store.tokens.page(bob.id, Number.MAX_SAFE_INTEGER, 9), []);
});

Deno.test("login raises a cheaper hash to the setting's parameters", async () => {
  using test = await underTest();
  const stored = () => test.mcias.store.accounts.passwordHash(test.mcias.store.accounts.byUsername("ada")!.id)!;
  assert.match(stored(), /\$m=64,t=1,p=1\$/);
  const dearer = new PasswordHasher({ cost: { memoryKib: 128, passes: 2, lanes: 1 }, concurrent: 2, waiting: 9 });
  await test.restart(dearer);
  await assert.rejects(test.login("ada", "wrong wrong wrong"));
  assert.match(stored(), /\$m=64,t=1,p=1\$/);
  await test.login();
  assert.match(stored(), /\$m=128,t=2,p=1\$/);
  const runs = dearer.runs;
  await test.login();
  assert.equal(dearer.runs, runs + 1);
});

Deno.test("logout revokes the token at once and no other", async () => {
  using test = await underTest();
  const [one, two] = [await test.login(), await test.login()];
  await test.call(logout, {}, one);
  assert.deepEqual(
    await test.call(validateToken, { token: one }),
    await test.call(validateToken, { token: "nonsense" }),
  );
  assert.equal((await test.call(validateToken, { token: two })).valid, true);
});

Deno.test("renew gives a new token of full lifetime and revokes the old in the same transaction", async () => {
  using test = await underTest();
  const old = await test.login();
  test.clock.advance(3_600_000);
  const answer = await test.call(renew, {}, old);
  assert.equal(timestampMs(answer.expiresAt!), test.clock.now() + 12 * 3_600_000);
  assert.equal((await test.call(validateToken, { token: old })).valid, false);
  assert.equal((await test.call(validateToken, { token: answer.token })).valid, true);
  await assert.rejects(test.call(renew, {}, old), { code: "unauthenticated" });
});

Deno.test("renew of one token twice at once succeeds once", async () => {
  using test = await underTest();
  const old = await test.login();
  const results = await Promise.allSettled([test.call(renew, {}, old), test.call(renew, {}, old)]);
  assert.deepEqual(results.map((result) => result.status).sort(), ["fulfilled", "rejected"]);
});
