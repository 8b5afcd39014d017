import assert from "node:assert/strict";
import { AuthService } from "@proto/mcias/v1/mcias_pb.ts";
import { openMcias } from "../server.ts";
import { cheapHasher, contextIn, underTest } from "../testing/mcias_under_test.ts";
import { alreadyInitialised, init } from "./init.ts";
import { addAccount, issueToken, resetPassword, rotateKeys } from "./local_verbs.ts";

type Flags = Record<string, string>;

async function inFolder(
  work: (tools: {
    folder: string;
    context: ReturnType<typeof contextIn>;
    lines: string[];
    run: (flags?: Flags) => Promise<number>;
  }) => Promise<void>,
  toml = "",
): Promise<void> {
  const folder = Deno.makeTempDirSync({ prefix: "mcias-verbs-" });
  try {
    const context = contextIn(folder, toml);
    const lines: string[] = [];
    const run = (flags: Flags = {}) => init(context, flags, cheapHasher(), (line) => lines.push(line));
    await work({ folder, context, lines, run });
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

async function canLogIn(context: ReturnType<typeof contextIn>, username: string, password: string): Promise<boolean> {
  using mcias = await openMcias(context, cheapHasher());
  const done = await mcias.attempts.run({ username, password, remote: "" }, {
    prepare: () => Promise.resolve(null),
    succeed() {},
    fail() {},
  });
  return done !== null;
}

Deno.test("init makes an admin with a generated password, printed once", async () => {
  await inFolder(async ({ context, lines, run, folder }) => {
    assert.equal(await run(), 0);
    assert.equal(lines[0], "admin: admin");
    const password = /^password: (\S{27})$/.exec(lines[1] ?? "")?.[1];
    assert.ok(password);
    assert.equal(Deno.statSync(`${folder}/data`).mode! & 0o777, 0o700);
    assert.equal(await canLogIn(context, "admin", password), true);
  });
});

Deno.test("init writes the password into a file for its owner's eyes only", async () => {
  await inFolder(async ({ context, lines, run, folder }) => {
    assert.equal(await run({ admin: "ada", "write-password": "admin-password" }), 0);
    const file = `${folder}/data/admin-password`;
    assert.deepEqual(lines, ["admin: ada", `password file: ${file}`]);
    assert.equal(Deno.statSync(file).mode! & 0o777, 0o600);
    const password = Deno.readTextFileSync(file);
    assert.match(password, /^\S{27}\n$/);
    assert.equal(await canLogIn(context, "ada", password.trim()), true);
  });
});

Deno.test("init takes the password from a file, and prints it nowhere", async () => {
  await inFolder(async ({ context, lines, run, folder }) => {
    Deno.writeTextFileSync(`${folder}/pw`, "glacier bicycle sonnet\n");
    assert.equal(await run({ "admin-password-file": `${folder}/pw` }), 0);
    assert.deepEqual(lines, ["admin: admin"]);
    assert.equal(await canLogIn(context, "admin", "glacier bicycle sonnet"), true);
  });
});

Deno.test("init a second time changes nothing, says so, and has its own exit code", async () => {
  await inFolder(async ({ context, lines, run, folder }) => {
    await run({ "write-password": "pw" });
    const password = Deno.readTextFileSync(`${folder}/data/pw`);
    lines.length = 0;
    assert.equal(await run({ admin: "eve", "write-password": "pw" }), alreadyInitialised);
    assert.match(lines.join("\n"), /^mcias: already initialised; nothing was changed/);
    assert.equal(Deno.readTextFileSync(`${folder}/data/pw`), password);
    using mcias = await openMcias(context, cheapHasher());
    assert.equal(mcias.store.accounts.all().length, 1);
    assert.equal(mcias.store.keys.signingKeys().length, 1);
  });
});

Deno.test("init refuses bad input and leaves nothing behind that a second try would trip over", async () => {
  await inFolder(async ({ context, run, folder }) => {
    Deno.writeTextFileSync(`${folder}/pw`, "short\n");
    const file = { "admin-password-file": `${folder}/pw` };
    await assert.rejects(run(file), { code: "invalid", field: "password" });
    await assert.rejects(run({ admin: "Ada" }), { code: "invalid", field: "username" });
    await assert.rejects(run({ ...file, "write-password": "x" }), { code: "invalid", field: "--write-password" });
    await assert.rejects(run({ "admin-password-file": "gone" }), { code: "unavailable", message: /data\/gone/ });
    await assert.rejects(run({ "write-password": "no/such/folder" }), {
      code: "unavailable",
      hint: /reads and writes only within/,
    });
    await assert.rejects(openMcias(context, cheapHasher()), {
      code: "unavailable",
      hint: "Run: mcias init --config FILE",
    });
    assert.equal(await run(), 0);
  });
});

Deno.test("init and the server refuse to go without a master key, and say why", async () => {
  await inFolder(async ({ context, run }) => {
    await assert.rejects(run(), { code: "invalid", message: /set exactly one of keys.master_key_file and/ });
    await assert.rejects(openMcias(context, cheapHasher()), { code: "unavailable" });
  }, "[keys]\n");
  await inFolder(async ({ context, run, folder }) => {
    await run();
    Deno.removeSync(`${folder}/data/master.key`);
    await assert.rejects(openMcias(context, cheapHasher()), {
      code: "unavailable",
      message: /Cannot read the master key from/,
    });
  });
});

Deno.test("init under a passphrase: the server opens it with the same passphrase only", async () => {
  await inFolder(async ({ context, run, folder }) => {
    Deno.writeTextFileSync(`${folder}/passphrase`, "four words of which one\n");
    await run({ "write-password": "pw" });
    assert.equal(await canLogIn(context, "admin", Deno.readTextFileSync(`${folder}/data/pw`).trim()), true);
    Deno.writeTextFileSync(`${folder}/passphrase`, "four words of which two\n");
    await assert.rejects(openMcias(context, cheapHasher()), { message: /does not hold the master key/ });
  }, `[keys]\npassphrase_file = "passphrase"\n`);
});

Deno.test("account add makes a system account, and is content with one that is there", async () => {
  using test = await underTest();
  const lines: string[] = [];
  const add = (flags: Flags) => addAccount(test.context, flags, cheapHasher(), (line) => lines.push(line));
  const agent = { username: "mcp-agent", type: "system" };
  assert.equal(await add(agent), 0);
  assert.equal(await add(agent), 0);
  assert.deepEqual(lines, ["added system account mcp-agent", "system account mcp-agent is there already"]);
  await assert.rejects(add({ ...agent, type: "human" }), { code: "conflict" });
  await assert.rejects(add({ username: "ada" }), { code: "conflict", message: /human with roles admin/ });
  await assert.rejects(add({}), { code: "invalid", field: "--username" });
  await assert.rejects(add({ username: "bob", type: "human" }), { code: "invalid", field: "password" });
  Deno.writeTextFileSync(`${test.folder}/data/pw`, "glacier bicycle sonnet\n");
  const bob = { username: "bob", type: "human", roles: "user,guest", "password-file": "pw" };
  assert.equal(await add(bob), 0);
  assert.equal(await add({ ...bob, roles: "guest,user" }), 0);
  await assert.rejects(add({ ...bob, roles: "admin" }), { code: "conflict" });
  await test.login("bob", "glacier bicycle sonnet"); // the running MCIAS has seen it
});

Deno.test("token issue writes a token that a running server takes", async () => {
  using test = await underTest();
  const lines: string[] = [];
  const issue = (flags: Flags, ...scope: string[]) =>
    issueToken(test.context, flags, { scope }, (line) => lines.push(line));
  await addAccount(test.context, { username: "mcp-agent" }, cheapHasher(), () => {});
  assert.equal(await issue({ username: "mcp-agent", write: "token" }), 0);
  const file = `${test.folder}/data/token`;
  assert.equal(Deno.statSync(file).mode! & 0o777, 0o600);
  const token = Deno.readTextFileSync(file).trim();
  assert.match(lines[0] ?? "", /^token [0-9a-f-]{36} of mcp-agent written to .*\/data\/token, good until 2027-11-21$/);
  assert.ok(!lines.join().includes(token));
  assert.equal((await test.mcias.authority.check(token))?.username, "mcp-agent");

  await issue({ username: "mcp-agent", days: "1" });
  assert.equal((await test.mcias.authority.check(lines[1]!))?.expiresAt, test.clock.now() + 86_400_000);
  await assert.rejects(issue({ username: "ada" }), { code: "conflict" });
  await assert.rejects(issue({ username: "nobody" }), { code: "not_found" });
  await assert.rejects(issue({ username: "mcp-agent", days: "1e3" }), { field: "--days" });
  await assert.rejects(issue({ username: "mcp-agent", days: "366" }), { field: "ttl_seconds" });

  await issue({ username: "mcp-agent" }, "mcns:record:example.org:www", "mcr:pull");
  assert.deepEqual((await test.mcias.authority.check(lines.at(-1)!))?.scopes, [
    "mcns:record:example.org:www",
    "mcr:pull",
  ]);
  await assert.rejects(issue({ username: "mcp-agent" }, "www"), { field: "scopes[0]" });
});

Deno.test("token issue revokes a token that it could not write", async () => {
  using test = await underTest();
  await addAccount(test.context, { username: "mcp-agent" }, cheapHasher(), () => {});
  const wish = { username: "mcp-agent", write: `${test.folder}/no/such/folder` };
  await assert.rejects(issueToken(test.context, wish, {}, () => {}), { code: "unavailable" });
  const { store } = test.mcias;
  const [only, ...more] = store.tokens.page(store.accounts.byUsername("mcp-agent")!.id, Number.MAX_SAFE_INTEGER, 9);
  assert.ok(only?.revokedAt);
  assert.deepEqual(more, []);
});

Deno.test("password reset lets a locked-out admin in again, and ends every session", async () => {
  using test = await underTest();
  const session = await test.login();
  for (let i = 0; i < 11; i++) await assert.rejects(test.login("ada", "wrong wrong wrong"));
  const lines: string[] = [];
  const reset = (flags: Flags) => resetPassword(test.context, flags, cheapHasher(), (line) => lines.push(line));
  assert.equal(await reset({ username: "ada", "write-password": "pw" }), 0);
  assert.equal(lines[0], "password of ada is set; its tokens are revoked");
  await test.login("ada", Deno.readTextFileSync(`${test.folder}/data/pw`).trim());
  test.mcias.store.refresh();
  assert.equal(await test.mcias.authority.check(session), null);
  await reset({ username: "ada" });
  await test.login("ada", /^password: (\S+)$/.exec(lines.at(-1)!)![1]!);
  await assert.rejects(reset({ username: "nobody" }), { code: "not_found" });
});

Deno.test("keys rotate needs the master key", async () => {
  using test = await underTest();
  const file = `${test.folder}/data/master.key`;
  const kept = Deno.readTextFileSync(file);
  Deno.removeSync(file);
  await assert.rejects(rotateKeys(test.context, () => {}), { code: "unavailable" });
  Deno.writeTextFileSync(file, kept);
  assert.equal(await rotateKeys(test.context, () => {}), 0);
  await test.call(AuthService.method.logout, {}, await test.login());
});
