import assert from "node:assert/strict";
import { createMasterKey, openMasterKey } from "./key_vault.ts";
import { MasterKey, newKeyFile } from "./master_key.ts";

const cost = { memoryKib: 64, passes: 1, lanes: 1 };
const bytes = (text: string) => new TextEncoder().encode(text);

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = Deno.makeTempDirSync({ prefix: "mcias-keys-" });
  try {
    await work(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("MasterKey opens what it sealed, for the same purpose only", async () => {
  const key = await MasterKey.fromKeyFile(bytes(newKeyFile()));
  const sealed = await key.seal("a", bytes("secret"));
  assert.equal(new TextDecoder().decode((await key.open("a", sealed))!), "secret");
  assert.equal(await key.open("b", sealed), null);
  const other = await MasterKey.fromKeyFile(bytes(newKeyFile()));
  assert.equal(await other.open("a", sealed), null);
  assert.notDeepEqual(await key.seal("a", bytes("secret")), sealed); // a nonce of its own
});

Deno.test("MasterKey opens nothing of which a single bit was changed or a byte is missing", async () => {
  const key = await MasterKey.fromKeyFile(bytes(newKeyFile()));
  const sealed = await key.seal("a", bytes("secret"));
  for (let i = 0; i < sealed.length; i++) {
    const changed = sealed.slice();
    changed[i]! ^= 1;
    assert.equal(await key.open("a", changed), null, `byte ${i}`);
    assert.equal(await key.open("a", sealed.slice(0, i)), null, `cut at ${i}`);
  }
});

Deno.test("MasterKey.fromKeyFile takes 32 bytes raw, in hexadecimal and in base64, and nothing else", async () => {
  const raw = crypto.getRandomValues(new Uint8Array(32));
  const sealed = await (await MasterKey.fromKeyFile(raw)).seal("a", bytes("x"));
  for (const text of [raw.toHex(), raw.toHex().toUpperCase() + "\n", raw.toBase64(), raw.toBase64() + "\r\n"]) {
    assert.ok(await (await MasterKey.fromKeyFile(bytes(text))).open("a", sealed));
  }
  for (const text of ["", "short", raw.toHex() + "00", "x".repeat(64), raw.toBase64().slice(0, 40)]) {
    await assert.rejects(MasterKey.fromKeyFile(bytes(text)), { code: "invalid", field: "keys.master_key_file" }, text);
  }
});

Deno.test("createMasterKey makes the key file, readable by its owner only, and never replaces one", async () => {
  await inFolder(async (folder) => {
    const settings = { master_key_file: `${folder}/master.key`, passphrase_file: "" };
    const { master, record } = await createMasterKey(settings, cost);
    assert.equal(Deno.statSync(settings.master_key_file).mode! & 0o777, 0o600);
    const sealed = await master.seal("a", bytes("x"));
    assert.ok(await (await openMasterKey(settings, record)).open("a", sealed));
    const before = Deno.readTextFileSync(settings.master_key_file);
    await createMasterKey(settings, cost);
    assert.equal(Deno.readTextFileSync(settings.master_key_file), before);
  });
});

Deno.test("openMasterKey derives from a passphrase, whatever its last line break", async () => {
  await inFolder(async (folder) => {
    const settings = { master_key_file: "", passphrase_file: `${folder}/passphrase` };
    Deno.writeTextFileSync(settings.passphrase_file, "too short\n");
    await assert.rejects(createMasterKey(settings, cost), { field: "keys.passphrase_file", message: /fewer than 16/ });
    Deno.writeTextFileSync(settings.passphrase_file, "a passphrase long enough\n");
    const { record } = await createMasterKey(settings, cost);
    Deno.writeTextFileSync(settings.passphrase_file, "a passphrase long enough");
    await openMasterKey(settings, record);
  });
});

Deno.test("openMasterKey says why it can't", async () => {
  await inFolder(async (folder) => {
    const file = `${folder}/master.key`;
    const settings = { master_key_file: file, passphrase_file: "" };
    const { record } = await createMasterKey(settings, cost);
    const open = (changed: Partial<typeof settings>) => openMasterKey({ ...settings, ...changed }, record);
    await assert.rejects(open({ master_key_file: "" }), { code: "invalid", message: /set exactly one of/ });
    await assert.rejects(open({ passphrase_file: file }), { code: "invalid", message: /set exactly one of/ });
    await assert.rejects(open({ master_key_file: "", passphrase_file: file }), {
      code: "invalid",
      message: /made with a file; set keys.master_key_file/,
    });
    await assert.rejects(open({ master_key_file: `${folder}/gone` }), {
      code: "unavailable",
      message: /Cannot read the master key from ".*gone"/,
    });
    Deno.writeTextFileSync(file, newKeyFile());
    await assert.rejects(open({}), { code: "unavailable", message: /does not hold the master key of this database/ });
  });
});
