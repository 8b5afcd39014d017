import assert from "node:assert/strict";
import { join } from "node:path";
import { KeyVault } from "./key_vault.ts";

const secret = new TextEncoder().encode("a private key");

async function inFolder(work: (path: string) => void): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "mcns-vault-" });
  try {
    work(join(folder, "keys.key"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("KeyVault opens what it sealed, also after a restart, and seals the same text in two ways", () =>
  inFolder((path) => {
    const vault = KeyVault.open(path);
    const one = vault.seal(secret, "dnssec 1"), other = vault.seal(secret, "dnssec 1");
    assert.notDeepEqual(one, other);
    const again = KeyVault.open(path);
    assert.deepEqual(again.open(one, "dnssec 1"), secret);
    assert.deepEqual(again.open(other, "dnssec 1"), secret);
    assert.deepEqual(again.open(again.seal(new Uint8Array(0), ""), ""), new Uint8Array(0));
    assert.ok(!new TextDecoder("latin1").decode(one).includes("private"));
  }));

Deno.test("KeyVault.open makes a file of 32 octets for its owner alone", () =>
  inFolder((path) => {
    KeyVault.open(path);
    const { size, mode } = Deno.statSync(path);
    assert.equal(size, 32);
    assert.equal(mode! & 0o777, 0o600);
  }));

Deno.test("KeyVault.open refuses what isn't a sealed secret of that context under that key", () =>
  inFolder((path) => {
    const vault = KeyVault.open(path);
    const sealed = vault.seal(secret, "dnssec 1");
    const changed = (at: number) => sealed.with(at, sealed[at]! ^ 1);
    const refused = /^Cannot open the secret of "[^"]*" with the key in ".*keys\.key2?"$/;
    const rows: [string, KeyVault, Uint8Array, string][] = [
      ["another context", vault, sealed, "dnssec 2"],
      ["another key", KeyVault.open(path + "2"), sealed, "dnssec 1"],
      ["another version", vault, changed(0), "dnssec 1"],
      ["a changed nonce", vault, changed(1), "dnssec 1"],
      ["a changed text", vault, changed(13), "dnssec 1"],
      ["a changed tag", vault, changed(sealed.length - 1), "dnssec 1"],
      ["a cut end", vault, sealed.subarray(0, -1), "dnssec 1"],
      ["nothing", vault, new Uint8Array(0), "dnssec 1"],
      ["a header alone", vault, sealed.subarray(0, 20), "dnssec 1"],
    ];
    for (const [what, opener, octets, context] of rows) {
      assert.throws(() => opener.open(octets, context), { code: "unavailable", message: refused }, what);
    }
  }));

Deno.test("KeyVault.open refuses a key file of another size or open to others, and says what to do", () =>
  inFolder((path) => {
    const rows: [size: number, mode: number, message: RegExp, hint: RegExp][] = [
      [0, 0o600, /must hold 32 octets, got 0$/, /delete it/],
      [31, 0o600, /must hold 32 octets, got 31$/, /Restore/],
      [1000, 0o600, /must hold 32 octets, got more$/, /Restore/],
      [32, 0o640, /for its owner alone \(mode 0600\), got mode 0640$/, /chmod 600/],
      [32, 0o604, /got mode 0604$/, /chmod 600/],
    ];
    for (const [size, mode, message, hint] of rows) {
      Deno.writeFileSync(path, new Uint8Array(size));
      Deno.chmodSync(path, mode);
      assert.throws(() => KeyVault.open(path), { code: "unavailable", message, hint });
    }
    assert.throws(() => KeyVault.open(path + "/below"), { code: "unavailable", message: /^Cannot read the key file/ });
    assert.throws(() => KeyVault.open(path + ".d/below"), {
      code: "unavailable",
      message: /^Cannot make the key file .*No such file/,
    });
  }));
