import assert from "node:assert/strict";
import { argon2id, PasswordHasher } from "./password_hasher.ts";

const cheap = { memoryKib: 64, passes: 1, lanes: 1 };

function hasher(options: Partial<ConstructorParameters<typeof PasswordHasher>[0]> = {}): PasswordHasher {
  return new PasswordHasher({ cost: cheap, concurrent: 2, waiting: 64, ...options });
}

Deno.test("argon2id gives the reference implementation's results", async () => {
  // phc-winner-argon2, src/test.c, Argon2id v=0x13
  const table: [number, number, number, string][] = [ // KiB, passes, lanes, hash of "password" with salt "somesalt"
    [256, 2, 1, "9dfeb910e80bad0311fee20f9c0e2b12c17987b4cac90c2ef54d5b3021c68bfe"],
    [256, 2, 2, "6d093c501fd5999645e0ea3bf620d7b8be7fd2db59c20d9fff9539da2bf57037"],
    [65_536, 2, 1, "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7"],
  ];
  const salt = new TextEncoder().encode("somesalt");
  for (const [memoryKib, passes, lanes, expected] of table) {
    assert.equal((await argon2id("password", salt, { memoryKib, passes, lanes })).toHex(), expected);
  }
});

Deno.test("PasswordHasher verifies its own hashes and no other password", async () => {
  const passwords = hasher();
  const stored = await passwords.hash("tangerine walrus");
  assert.match(stored, /^\$argon2id\$v=19\$m=64,t=1,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  assert.equal(await passwords.verify("tangerine walrus", stored), true);
  assert.equal(await passwords.verify("tangerine walruS", stored), false);
  assert.equal(await passwords.verify("", stored), false);
  assert.notEqual(await passwords.hash("tangerine walrus"), stored); // a salt of its own
});

Deno.test("PasswordHasher takes both ways to write an accented letter for one", async () => {
  const passwords = hasher();
  assert.equal(await passwords.verify("caf\u00e9 caf\u00e9", await passwords.hash("cafe\u0301 cafe\u0301")), true);
});

Deno.test("PasswordHasher.verify does one computation whatever there is to compare with", async () => {
  const passwords = hasher();
  const stored = await passwords.hash("tangerine walrus");
  for (const hash of [stored, null]) {
    const before = passwords.runs;
    await passwords.verify("guess", hash);
    assert.equal(passwords.runs, before + 1);
  }
  assert.equal(await passwords.verify("guess", null), false);
});

Deno.test("PasswordHasher.isOutdated says which hashes are cheaper than new ones", async () => {
  const stored = await hasher().hash("x");
  assert.equal(hasher().isOutdated(stored), false);
  assert.equal(hasher({ cost: { ...cheap, memoryKib: 128 } }).isOutdated(stored), true);
  assert.equal(hasher({ cost: { ...cheap, passes: 2 } }).isOutdated(stored), true);
  assert.equal(hasher({ cost: { ...cheap, lanes: 2 } }).isOutdated(stored), true);
  assert.equal(await hasher({ cost: { ...cheap, passes: 9 } }).verify("x", stored), true); // by its own parameters
});

Deno.test("PasswordHasher refuses what neither runs nor waits, and serves the rest in order", async () => {
  const passwords = hasher({ concurrent: 1, waiting: 2 });
  const done: number[] = [];
  const three = [0, 1, 2].map((i) => passwords.hash("x").then(() => done.push(i)));
  await assert.rejects(passwords.hash("x"), { code: "rate_limited", retryAfterSeconds: 1 });
  await Promise.all(three);
  assert.deepEqual(done, [0, 1, 2]);
  await passwords.hash("x"); // the places are free again
});

Deno.test("PasswordHasher.verify throws on a hash that is none, as a defect", async () => {
  await assert.rejects(hasher().verify("x", "$2y$10$bcrypt"), /not in the argon2id PHC format/);
});
