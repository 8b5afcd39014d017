import assert from "node:assert/strict";
import { silentLogger } from "@lib/log/mod.ts";
import { DomainName } from "../domain/name.ts";
import { fromBytes } from "../domain/octets.ts";
import { parseScope, type ScopeText } from "../domain/update_scope.ts";
import { by, settings, storeUnderTest, zoneName } from "../testing/temp_store.ts";
import { KeyVault } from "./key_vault.ts";
import { transferStores } from "./transfer_stores.ts";

const name = DomainName.parse("k.example", "name");
const scopes = (...texts: ScopeText[]) => texts.map((text) => parseScope(text));
const acme: ScopeText = { zone: "example.org", names: ["_acme-challenge.**"], types: ["TXT"] };

Deno.test("TsigKeyStore makes, finds, changes and deletes keys, in memory and on disk", async () => {
  await using store = await storeUnderTest();
  const vault = KeyVault.open(`${store.path}.key`);
  const { keys } = transferStores(store.db, store.audit, vault, silentLogger);
  const { key, secret } = keys.create({ name, algorithm: "hmac-sha512", scopes: scopes(acme), secret: null }, by);
  assert.equal(secret.length, 64);
  assert.equal(key.name, "k.example");
  assert.equal(key.usedAt, null);
  assert.equal(keys.find(name.key)?.secret, secret);
  // As another process, or the next start, reads it.
  const again = transferStores(store.db, store.audit, vault, silentLogger).keys;
  assert.deepEqual(again.find(name.key)?.secret, secret);
  assert.equal(again.find(name.key)?.scopes[0]?.names[0]?.text, "_acme-challenge.**");

  keys.setScopes(name, [], by);
  assert.deepEqual(keys.find(name.key)?.scopes, []);
  keys.markUsed(keys.find(name.key)!, 1_000_000);
  keys.markUsed(keys.find(name.key)!, 1_000_001);
  assert.equal(keys.get(name).usedAt, 1_000_000);
  assert.equal(again.find(name.key)?.scopes.length, 1);
  again.reload();
  assert.equal(again.find(name.key)?.scopes.length, 0);
  keys.delete(name, by);
  assert.equal(keys.find(name.key), undefined);
  again.reload();
  assert.equal(again.find(name.key), undefined);
  assert.deepEqual(keys.list({ limit: 10, after: null }), []);
});

Deno.test("TsigKeyStore keeps secrets sealed, and out of the audit", async () => {
  await using store = await storeUnderTest();
  const { keys } = transferStores(store.db, store.audit, KeyVault.open(`${store.path}.key`), silentLogger);
  const secret = new TextEncoder().encode("a secret that stands out 0123456");
  keys.create({ name, algorithm: "hmac-sha256", scopes: [], secret }, by);
  store.db.check();
  for (const file of [store.path, `${store.path}-wal`]) {
    const content = fromBytes(await Deno.readFile(file));
    assert.equal(content.includes("a secret that stands out"), false, file);
    assert.equal(content.includes(btoa("a secret that stands out 0123456")), false, file);
  }
  const other = KeyVault.open(`${store.path}.other`);
  const errors: string[] = [];
  const log = { ...silentLogger, error: (message: string) => void errors.push(message) };
  const { keys: unopened } = transferStores(store.db, store.audit, other, log);
  assert.deepEqual(errors, ["a TSIG key can't be used"]);
  assert.equal(unopened.list({ limit: 10, after: null }).length, 1, "it is still there to be seen and deleted");
});

Deno.test("TsigKeyStore refuses a second key of a name, and to delete one that transfers need", async () => {
  await using store = await storeUnderTest();
  const { keys, peers } = transferStores(store.db, store.audit, KeyVault.open(`${store.path}.key`), silentLogger);
  const fresh = { name, algorithm: "hmac-sha256", scopes: [], secret: null } as const;
  keys.create(fresh, by);
  assert.throws(() => keys.create(fresh, by), {
    code: "conflict",
    message: 'Cannot create TSIG key "k.example": it exists',
  });
  const zone = store.editor.create(zoneName("example.org"), { settings }, by);
  const secondaries = [{ address: "192.0.2.1:53", tsigKey: "k.example", tlsName: "" }];
  store.db.write((at) => peers.set(zone, { primaries: [], secondaries }, by, at));
  assert.throws(() => keys.delete(name, by), {
    code: "conflict",
    message: 'Cannot delete TSIG key "k.example": transfers of example.org are signed with it',
  });
  const unknown = [{ address: "192.0.2.1:53", tsigKey: "other.example", tlsName: "" }];
  assert.throws(() => store.db.write((at) => peers.set(zone, { primaries: [], secondaries: unknown }, by, at)), {
    code: "invalid",
    field: "secondaries[0].tsig_key",
  });
  assert.deepEqual(peers.list(zone, "secondary"), secondaries);
  assert.throws(() => keys.get(DomainName.parse("nope", "name")), { code: "not_found" });
});
