import assert from "node:assert/strict";
import { loadSigningKey } from "./signing_key.ts";

Deno.test("loadSigningKey makes one key for all who ask at once, and leaves nothing else behind", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/key.jwk`;
    const keys = await Promise.all(Array.from({ length: 8 }, () => loadSigningKey(path)));
    assert.equal(new Set(keys.map(({ id }) => id)).size, 1);
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["key.jwk"]);
    assert.equal((await Deno.stat(path)).mode! & 0o777, 0o600);
    const { privateKey, publicKey } = keys[0]!;
    assert.equal(privateKey.extractable, false);
    const data = new Uint8Array(8);
    const signature = await crypto.subtle.sign("Ed25519", privateKey, data);
    assert.ok(await crypto.subtle.verify("Ed25519", publicKey, signature, data));
    assert.equal((await loadSigningKey(path)).id, keys[0]!.id);
    for (const text of ["", "{}", '{"kty":"OKP","crv":"Ed25519","x":"AA","d":"AA","kid":"k"}']) {
      await Deno.writeTextFile(path, text);
      await assert.rejects(loadSigningKey(path), /signing key: ".*key.jwk" is not usable/);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
