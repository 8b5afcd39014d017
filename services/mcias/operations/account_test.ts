import assert from "node:assert/strict";
import { AccountService, AuditService, AuthService, TokenService } from "@proto/mcias/v1/mcias_pb.ts";
import { adminPassword, underTest } from "../testing/mcias_under_test.ts";

const { createAccount, getAccount, listAccounts, updateAccount, deleteAccount, changePassword, resetPassword } =
  AccountService.method;
const password = "glacier bicycle sonnet";
const newPassword = "harbour kettle violin";

async function withBob() {
  const test = await underTest();
  const admin = await test.login();
  await test.call(createAccount, { username: "bob", accountType: "human", roles: ["user"], password }, admin);
  return { test, admin };
}

Deno.test("createAccount makes humans with roles and a password, system accounts with neither", async () => {
  const { test, admin } = await withBob();
  using _ = test;
  const bob = await test.call(getAccount, { username: "bob" }, admin);
  assert.match(bob.id, /^[0-9a-f]{8}-/);
  assert.deepEqual([bob.accountType, bob.status, bob.roles], ["human", "active", ["user"]]);
  const robot = await test.call(createAccount, { username: "mcq", accountType: "system" }, admin);
  assert.deepEqual([robot.accountType, robot.status, robot.roles], ["system", "active", []]);
});

Deno.test("createAccount refuses a bad field by name", async () => {
  const { test, admin } = await withBob();
  using _ = test;
  const good = { username: "eve", accountType: "human", roles: ["user"], password };
  const table: [object, string, RegExp][] = [
    [{ username: "Eve" }, "username", /"Eve" does not match/],
    [{ username: "" }, "username", /"" does not match/],
    [{ accountType: "robot" }, "account_type", /"robot" is neither/],
    [{ roles: ["root"] }, "roles[0]", /"root" is none of/],
    [{ password: "" }, "password", /at least 12/],
    [{ password: "eve" }, "password", /at least 12/],
    [{ password: "password1234" }, "password", /common/],
    [{ accountType: "system" }, "roles", /no roles/],
    [{ accountType: "system", roles: [] }, "password", /a system account has none/],
  ];
  for (const [change, field, message] of table) {
    await assert.rejects(test.call(createAccount, { ...good, ...change }, admin), { code: "invalid", field, message });
  }
  await assert.rejects(test.call(createAccount, { ...good, username: "bob" }, admin), {
    code: "conflict",
    message: 'Cannot create account "bob": there is one of that name',
  });
});

Deno.test("deleteAccount keeps the name taken for ever, ends its tokens and its password", async () => {
  const { test, admin } = await withBob();
  using _ = test;
  const token = await test.login("bob", password);
  await test.call(deleteAccount, { username: "bob" }, admin);
  assert.equal((await test.call(TokenService.method.validateToken, { token })).valid, false);
  assert.equal((await test.call(getAccount, { username: "bob" }, admin)).status, "deleted");
  await assert.rejects(test.call(createAccount, { username: "bob", accountType: "system" }, admin), {
    code: "conflict",
    message: /a deleted account's and is never used again/,
  });
  const gone = { code: "not_found", message: 'No account "bob"' };
  await assert.rejects(test.call(deleteAccount, { username: "bob" }, admin), gone);
  await assert.rejects(test.call(updateAccount, { username: "bob", status: "active" }, admin), gone);
  await assert.rejects(test.call(resetPassword, { username: "bob", newPassword }, admin), gone);
  const { store } = test.mcias;
  assert.equal(store.accounts.passwordHash(store.accounts.byUsername("bob")!.id), null);
});

Deno.test("updateAccount changes what is given and leaves the rest", async () => {
  const { test, admin } = await withBob();
  using _ = test;
  const roles = ["guest", "admin"];
  assert.deepEqual((await test.call(updateAccount, { username: "bob", roles, setRoles: true }, admin)).roles, [
    "admin",
    "guest",
  ]);
  assert.equal((await test.call(updateAccount, { username: "bob", status: "inactive" }, admin)).status, "inactive");
  assert.deepEqual((await test.call(getAccount, { username: "bob" }, admin)).roles, ["admin", "guest"]);
  assert.deepEqual((await test.call(updateAccount, { username: "bob", setRoles: true }, admin)).roles, []);
  const { events } = await test.call(AuditService.method.listEvents, { action: "account.update" }, admin);
  assert.deepEqual(events.map((event) => event.detail), [
    'roles "admin guest" to ""',
    "status active to inactive",
    'roles "user" to "admin guest"',
  ]);
  await test.call(updateAccount, { username: "bob", status: "inactive" }, admin); // nothing changes: no row
  assert.equal((await test.call(AuditService.method.listEvents, { action: "account.update" }, admin)).events.length, 3);
  await assert.rejects(test.call(updateAccount, { username: "bob", roles }, admin), { field: "roles" });
  await assert.rejects(test.call(updateAccount, { username: "bob", status: "deleted" }, admin), { field: "status" });
});

Deno.test("the last active admin can't be demoted, deactivated or deleted", async () => {
  const { test, admin } = await withBob();
  using _ = test;
  const changes = [
    () => test.call(updateAccount, { username: "ada", roles: ["user"], setRoles: true }, admin),
    () => test.call(updateAccount, { username: "ada", status: "inactive" }, admin),
    () => test.call(deleteAccount, { username: "ada" }, admin),
  ];
  for (const change of changes) await assert.rejects(change(), { code: "conflict", message: /the last active admin/ });
  await test.call(updateAccount, { username: "bob", roles: ["admin"], setRoles: true }, admin);
  await test.call(updateAccount, { username: "bob", status: "inactive" }, admin);
  for (const change of changes) await assert.rejects(change(), { code: "conflict" }); // an inactive admin doesn't count
  await test.call(updateAccount, { username: "bob", status: "active" }, admin);
  await test.call(deleteAccount, { username: "ada" }, admin);
});

Deno.test("listAccounts lists all by name, by page", async () => {
  const { test, admin } = await withBob();
  using _ = test;
  for (const username of ["mcr", "mcns", "caddy"]) {
    await test.call(createAccount, { username, accountType: "system" }, admin);
  }
  await test.call(deleteAccount, { username: "caddy" }, admin);
  const names: string[] = [];
  let pageToken = "";
  do {
    const page = await test.call(listAccounts, { pageSize: 2, pageToken }, admin);
    names.push(...page.accounts.map((account) => `${account.username} ${account.status}`));
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  assert.deepEqual(names, ["ada active", "bob active", "caddy deleted", "mcns active", "mcr active"]);
});

Deno.test("changePassword asks for the current one, keeps this token and revokes the others", async () => {
  const { test } = await withBob();
  using _ = test;
  const [here, there] = [await test.login("bob", password), await test.login("bob", password)];
  const change = (currentPassword: string, next: string) =>
    test.call(changePassword, { currentPassword, newPassword: next }, here);
  await assert.rejects(change("wrong wrong wrong", newPassword), { code: "denied", rule: "current-password" });
  await assert.rejects(change(password, "short"), { code: "invalid", field: "new_password" });
  await assert.rejects(change(password, password), { code: "invalid", field: "new_password" });
  await change(password, newPassword);
  assert.ok(await test.mcias.authority.check(here));
  assert.equal(await test.mcias.authority.check(there), null);
  await assert.rejects(test.login("bob", password), { code: "unauthenticated" });
  await test.login("bob", newPassword);
});

Deno.test("changePassword is no way around the wait for guessers, and none for system accounts", async () => {
  const { test, admin } = await withBob();
  using _ = test;
  const bob = await test.login("bob", password);
  const guess = () => test.call(changePassword, { currentPassword: "wrong wrong wrong", newPassword }, bob);
  for (let i = 0; i < 11; i++) await assert.rejects(guess(), { code: "denied" });
  await assert.rejects(guess(), { code: "rate_limited" });
  await test.call(createAccount, { username: "mcq", accountType: "system" }, admin);
  const robot = (await test.call(TokenService.method.issueToken, { username: "mcq" }, admin)).token;
  await assert.rejects(test.call(changePassword, { currentPassword: password, newPassword }, robot), {
    code: "denied",
    rule: "humans-only",
  });
});

Deno.test("resetPassword sets another's password, revokes every token and ends the wait", async () => {
  const { test, admin } = await withBob();
  using _ = test;
  const bob = await test.login("bob", password);
  for (let i = 0; i < 11; i++) await assert.rejects(test.login("bob", "wrong wrong wrong"));
  await assert.rejects(test.login("bob", password), { code: "rate_limited" });
  await test.call(resetPassword, { username: "bob", newPassword }, admin);
  assert.equal(await test.mcias.authority.check(bob), null);
  await test.login("bob", newPassword);
  await assert.rejects(test.call(resetPassword, { username: "bob", newPassword: "short" }, admin), {
    field: "new_password",
  });
  await test.call(createAccount, { username: "mcq", accountType: "system" }, admin);
  await assert.rejects(test.call(resetPassword, { username: "mcq", newPassword }, admin), {
    code: "conflict",
    message: /a system account has none/,
  });
});

Deno.test("every change has its audit row: who, from where, what, outcome", async () => {
  const { test, admin } = await withBob();
  using _ = test;
  await assert.rejects(test.login("bob", "wrong wrong wrong"));
  await test.call(AuthService.method.logout, {}, await test.login("bob", password));
  const { events } = await test.call(AuditService.method.listEvents, {}, admin);
  assert.deepEqual(events.map((e) => `${e.actor}|${e.remote}|${e.action}|${e.target}|${e.outcome}`).reverse(), [
    "local||account.create|ada|ok",
    "local||init||ok",
    "ada|127.0.0.1|login|ada|ok",
    "ada|127.0.0.1|account.create|bob|ok",
    "|127.0.0.1|login|bob|unauthenticated",
    "bob|127.0.0.1|login|bob|ok",
    "bob|127.0.0.1|logout|bob|ok",
  ]);
});

Deno.test("no password, token or key is in the database files or the log", async () => {
  const { test, admin } = await withBob();
  using _ = test;
  const bob = await test.login("bob", password);
  await assert.rejects(test.login("bob", "a wrong password of mine"));
  await assert.rejects(test.call(AuthService.method.login, { username: "typed-my-password-here", password }));
  await test.call(changePassword, { currentPassword: password, newPassword }, bob);
  await test.call(resetPassword, { username: "bob", newPassword: "lantern orchid tugboat" }, admin);
  const renewed = (await test.call(AuthService.method.renew, {}, admin)).token;
  const key = Deno.readTextFileSync(`${test.folder}/data/master.key`).trim();
  const secrets = [
    adminPassword,
    password,
    newPassword,
    "a wrong password of mine",
    "typed-my-password-here",
    "lantern orchid tugboat",
    ...[admin, bob, renewed].flatMap((token) => [token, token.split(".")[2]!]),
    key,
  ];
  const files = [...Deno.readDirSync(`${test.folder}/data`)].filter(({ name }) => name.startsWith("mcias.db"));
  assert.ok(files.length >= 2, "the database and its WAL");
  for (const { name } of files) {
    const text = new TextDecoder("latin1").decode(Deno.readFileSync(`${test.folder}/data/${name}`));
    assert.ok(text.includes("bob") || name.endsWith("-shm") || text.length === 0 || text.includes("SQLite"), name);
    for (const secret of secrets) assert.ok(!text.includes(secret), `${name} holds ${secret}`);
  }
  const logged = test.logLines.join("");
  for (const secret of secrets) assert.ok(!logged.includes(secret), `the log holds ${secret}`);
});
