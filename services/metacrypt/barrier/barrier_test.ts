import assert from "node:assert/strict";
import { exportKeyPem, generateKey } from "@lib/pki/mod.ts";
import { Barrier } from "./barrier.ts";
import { keyFileSlot, newMasterKey, openWithKeyFile, openWithPassword, passwordSlot } from "./slots.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const cost = { memoryKib: 8192, passes: 1, parallelism: 1 };
const algorithm = { name: "ECDSA", namedCurve: "P-256" };

async function open(master = newMasterKey()): Promise<Barrier> {
  const barrier = new Barrier();
  await barrier.open(master);
  return barrier;
}

Deno.test("Barrier.open overwrites the master key's bytes", async () => {
  const master = newMasterKey();
  await open(master);
  assert.deepEqual(master, new Uint8Array(32));
});

Deno.test("a value decrypts at its own path only, and not when one bit was changed", async () => {
  const session = (await open()).session();
  const value = await session.encrypt("ca/pki/a", bytes("secret"));
  assert.deepEqual(await session.decrypt("ca/pki/a", value), bytes("secret"));
  await assert.rejects(session.decrypt("ca/pki/b", value), /ca\/pki\/b does not decrypt: it was changed outside/);
  for (let i = 0; i < value.length; i++) {
    const changed = value.slice();
    changed[i]! ^= 1;
    await assert.rejects(session.decrypt("ca/pki/a", changed), /does not decrypt/, `byte ${i}`);
  }
  for (const cut of [0, 4, 17, value.length - 1]) {
    await assert.rejects(session.decrypt("ca/pki/a", value.slice(0, cut)), /does not decrypt/, `${cut} bytes`);
  }
  const other = (await open()).session();
  await assert.rejects(other.decrypt("ca/pki/a", value), /does not decrypt/, "another master key");
  const again = await session.encrypt("ca/pki/a", bytes("secret"));
  assert.notDeepEqual(again, value, "a nonce is used once");
});

Deno.test("unwrapKey gives keys that sign and can't be exported", async () => {
  const session = (await open()).session();
  const key = await generateKey();
  const wrapped = await session.wrapKey("k", key.privateKey);
  const unwrapped = await session.unwrapKey("k", wrapped, algorithm);
  await assert.rejects(exportKeyPem(unwrapped));
  const signing = { name: "ECDSA", hash: "SHA-256" };
  const signature = await crypto.subtle.sign(signing, unwrapped, bytes("x"));
  assert.ok(await crypto.subtle.verify(signing, key.publicKey, signature, bytes("x")));
  await assert.rejects(session.unwrapKey("other", wrapped, algorithm), /does not decrypt/);
});

Deno.test("Barrier.close drops keys at once, for sessions in use too", async () => {
  const barrier = await open();
  const session = barrier.session();
  const value = await session.encrypt("p", bytes("x"));
  await session.keep("k", async () => (await generateKey()).privateKey);
  barrier.close();
  assert.equal(barrier.isOpen, false);
  assert.throws(() => barrier.session(), /sealed/);
  await assert.rejects(session.decrypt("p", value), /sealed/);
  await assert.rejects(session.encrypt("p", bytes("x")), /sealed/);
  assert.throws(() => session.keep("k", () => Promise.reject(new Error("asked again"))), /sealed/);
});

Deno.test("keep asks once, and again after a failure", async () => {
  const session = (await open()).session();
  const { privateKey } = await generateKey();
  let asked = 0;
  await assert.rejects(session.keep("k", () => Promise.reject(new Error("first"))), /first/);
  for (let i = 0; i < 3; i++) await session.keep("k", () => Promise.resolve((asked++, privateKey)));
  assert.equal(asked, 1);
});

Deno.test("slots open with their secret only, and not with weakened parameters", async () => {
  const master = newMasterKey();
  const secret = crypto.getRandomValues(new Uint8Array(32));
  const slot = await passwordSlot(master, "correct horse battery", cost);
  assert.deepEqual(await openWithPassword(slot, "correct horse battery"), master);
  await assert.rejects(openWithPassword(slot, "correct horse batterz"), /password is wrong/);
  const weaker = { ...slot, derivation: slot.derivation.replace('"passes":1', '"passes":2') };
  assert.notEqual(weaker.derivation, slot.derivation);
  await assert.rejects(openWithPassword(weaker, "correct horse battery"), /password is wrong/);
  const file = await keyFileSlot(master, secret);
  assert.deepEqual(await openWithKeyFile(file, secret), master);
  await assert.rejects(openWithKeyFile(file, newMasterKey()), /key file does not fit/);
  await assert.rejects(openWithKeyFile({ ...file, kind: "password" }, secret), /does not fit/);
});
