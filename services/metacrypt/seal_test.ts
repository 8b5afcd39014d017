import assert from "node:assert/strict";
import { AuditService, CaService, SealService } from "@proto/metacrypt/v1/metacrypt_pb.ts";
import { Registry } from "@lib/metrics/mod.ts";
import { openMetacrypt } from "./server.ts";
import { callers, password, type UnderTest, underTest } from "./testing/metacrypt_under_test.ts";

const { getSealStatus, initSeal, unseal, seal } = SealService.method;
const autoUnseal = '[seal]\nauto_unseal_key_file = "unseal.key"\n';

async function state(test: UnderTest): Promise<string> {
  const { state, autoUnseal } = await test.call(getSealStatus, {}, null);
  return autoUnseal ? `${state}, auto` : state;
}

async function actions(test: UnderTest): Promise<string[]> {
  const { events } = await test.call(AuditService.method.listEvents, {});
  return events.map((each) => `${each.action} ${each.outcome}`).reverse();
}

Deno.test("the seal goes from uninitialized to unsealed, sealed and back, each step an audit row", async () => {
  await using test = await underTest();
  assert.equal(await state(test), "uninitialized");
  assert.deepEqual(test.metacrypt.health(), {
    status: "degraded",
    reasons: ["never initialized: metacrypt init"],
    sealed: true,
  });
  await assert.rejects(test.call(unseal, { password }, null), /was never initialized/);
  await assert.rejects(test.call(initSeal, { password: "short" }, null), /12 to 1024 characters: 5/);
  await test.call(initSeal, { password }, null);
  assert.equal(await state(test), "unsealed");
  assert.deepEqual(test.metacrypt.health(), { status: "serving", reasons: [], sealed: false });
  await assert.rejects(test.call(initSeal, { password }, null), /a seal password was set already/);
  await test.call(seal, {});
  assert.equal(await state(test), "sealed");
  assert.equal(test.metacrypt.health().sealed, true);
  await assert.rejects(test.call(unseal, { password: "another password" }, null), /the password is wrong/);
  assert.equal(await state(test), "sealed");
  await test.call(unseal, { password }, null);
  assert.equal(await state(test), "unsealed");
  test.restart();
  assert.equal(await state(test), "sealed");
  assert.deepEqual(await actions(test), [
    "seal.init ok",
    "seal.seal ok",
    "seal.unseal unauthenticated",
    "seal.unseal ok",
  ]);
});

Deno.test("Seal is for admins; wrong passwords are rate limited by address", async () => {
  await using test = await underTest();
  await test.call(initSeal, { password }, null, "10.0.0.9:1");
  for (const caller of [null, callers.agent]) {
    await assert.rejects(test.call(seal, {}, caller));
  }
  await test.call(seal, {});
  for (let i = 0; i < 5; i++) {
    await assert.rejects(test.call(unseal, { password: `wrong password ${i}` }, null, `10.0.0.1:${i}`), /is wrong/);
  }
  const limited = (error: { code: string; retryAfterSeconds: number }) => {
    assert.deepEqual([error.code, error.retryAfterSeconds], ["rate_limited", 30]);
    return true;
  };
  await assert.rejects(test.call(unseal, { password }, null, "10.0.0.1:77"), limited);
  await test.call(unseal, { password }, null, "10.0.0.2:77");
  assert.equal(await state(test), "unsealed");
});

Deno.test("two inits at once: one wins, the other is refused, the password is the winner's", async () => {
  await using test = await underTest();
  const both = ["first password", "second password"];
  const results = await Promise.allSettled(both.map((each) => test.call(initSeal, { password: each }, null)));
  assert.deepEqual(results.map((each) => each.status).sort(), ["fulfilled", "rejected"]);
  const winner = both[results.findIndex((each) => each.status === "fulfilled")]!;
  await test.call(CaService.method.createMount, { mount: "pki" });
  await test.call(CaService.method.createIssuerRequest, { mount: "pki", commonName: "I" });
  test.restart();
  await test.call(unseal, { password: winner }, null);
  assert.equal(await state(test), "unsealed");
});

Deno.test("auto-unseal: init makes the key file, a restart opens with it, another file doesn't fit", async () => {
  await using test = await underTest(autoUnseal);
  const file = test.config.seal.auto_unseal_key_file;
  await test.call(initSeal, { password }, null);
  assert.equal(await state(test), "unsealed, auto");
  assert.equal((await Deno.stat(file)).mode! & 0o777, 0o600);
  test.restart();
  assert.equal(await test.metacrypt.seal.autoUnseal(), true);
  const key = await Deno.readTextFile(file);
  const bad: [content: string | null, outcome: string][] = [
    [btoa("x".repeat(32)), "seal.auto_unseal unauthenticated"],
    [btoa("short"), "seal.auto_unseal invalid"],
    ["not base64 !", "seal.auto_unseal invalid"],
    [null, "seal.auto_unseal unavailable"],
  ];
  for (const [content, outcome] of bad) {
    if (content === null) await Deno.remove(file);
    else await Deno.writeTextFile(file, content);
    test.restart();
    assert.equal(await test.metacrypt.seal.autoUnseal(), false);
    assert.equal(await state(test), "sealed, auto");
    assert.equal((await actions(test)).at(-1), outcome);
  }
  await test.call(unseal, { password }, null);
  assert.ok(key.length > 40);
});

Deno.test("a key file set after init wraps the master key at the next unseal with the password", async () => {
  await using test = await underTest(autoUnseal);
  // A database from before the setting.
  const context = {
    ...test.context,
    config: { ...test.config, seal: { ...test.config.seal, auto_unseal_key_file: "" } },
  };
  {
    using before = openMetacrypt({ ...context, metrics: new Registry() });
    await before.seal.init(password, { username: "", remote: "" });
  }
  test.restart();
  assert.equal(await state(test), "sealed");
  await test.call(unseal, { password }, null);
  assert.equal(await state(test), "unsealed, auto");
  test.restart();
  assert.equal(await test.metacrypt.seal.autoUnseal(), true);
});

Deno.test("sealing reaches the other process on the same database", async () => {
  await using test = await underTest(autoUnseal);
  await test.ready();
  using other = openMetacrypt({ ...test.context, metrics: new Registry() });
  await other.seal.autoUnseal();
  assert.equal(other.seal.state(), "unsealed");
  await test.call(seal, {});
  const seen = other.db.dataVersion();
  assert.ok(seen > 0);
  other.seal.reload();
  assert.equal(other.seal.state(), "sealed");
});
