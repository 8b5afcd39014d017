import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import type { Caller } from "@lib/auth/mod.ts";
import { createCsr, exportKeyPem, generateKey, readPem, signIntermediate } from "@lib/pki/mod.ts";
import { CaService, SealService } from "@proto/metacrypt/v1/metacrypt_pb.ts";
import { callers, type UnderTest, underTest } from "./testing/metacrypt_under_test.ts";

const ca = CaService.method;
const zone = "svc.mcp.metacircular.net";
const hello = `hello.${zone}`;

async function csrFor(names: string[], commonName?: string): Promise<string> {
  return await createCsr({ key: await generateKey(), names, ...(commonName !== undefined && { commonName }) });
}

async function sign(test: UnderTest, names: string[], caller: Caller = callers.agent) {
  return await test.call(ca.signCertificate, { mount: "pki", csrPem: await csrFor(names) }, caller);
}

Deno.test("any changed row is noticed when it is read", async () => {
  await using test = await underTest();
  await test.ready();
  const one = await sign(test, [hello]);
  const two = await sign(test, [`two.${zone}`]);
  const get = (serial: string) => test.call(ca.getCertificate, { mount: "pki", serial });
  const noticed = /does not decrypt: it was changed outside/;
  const rows: [what: string, sql: string, attempt: () => Promise<unknown>][] = [
    [
      "a record's bytes",
      `UPDATE certificates SET record = CAST(record || x'00' AS BLOB) WHERE serial = '${one.serial}'`,
      () => get(one.serial),
    ],
    [
      "two records swapped",
      `UPDATE certificates SET record = (SELECT record FROM certificates WHERE serial = '${two.serial}') WHERE serial = '${one.serial}'`,
      () => get(one.serial),
    ],
    ["the end in the clear", `UPDATE certificates SET not_after = not_after + 1`, () => get(one.serial)],
    [
      "a serial",
      `UPDATE certificates SET serial = '${"0".repeat(32)}' WHERE serial = '${one.serial}'`,
      () => get("0".repeat(32)),
    ],
    [
      "a name that it lacks",
      `INSERT INTO certificate_names SELECT 'evil.test', id FROM certificates WHERE serial = '${one.serial}'`,
      () => test.call(ca.listCertificates, { mount: "pki", name: "evil.test" }),
    ],
    ["the issuer's key", "UPDATE issuers SET wrapped_key = x'0100000001'", () => sign(test, [hello])],
    [
      "the issuer's certificate",
      `UPDATE issuers SET chain_pem = '${test.root.certificatePem}'`,
      () => sign(test, [hello]),
    ],
  ];
  for (const [what, sql, attempt] of rows) {
    test.metacrypt[Symbol.dispose]();
    const path = `${test.config.server.data_dir}/metacrypt.db`;
    await Deno.copyFile(path, `${path}.whole`);
    const db = new DatabaseSync(path);
    db.exec(sql);
    db.close();
    test.restart();
    await test.call(SealService.method.unseal, { password: "correct horse battery" }, null);
    await assert.rejects(attempt(), noticed, what);
    test.metacrypt[Symbol.dispose]();
    await Deno.copyFile(`${path}.whole`, path);
    test.restart();
  }
});

Deno.test("the database, its WAL and a snapshot hold no key, password or record in the clear", async () => {
  await using test = await underTest(`[seal]\nauto_unseal_key_file = "unseal.key"\n`);
  await test.call(SealService.method.initSeal, { password: "correct horse battery" }, null);
  await test.call(ca.createMount, { mount: "pki" });
  // A key that is known here: imported, not made inside.
  const key = await generateKey();
  const csr = await createCsr({ key, names: [], commonName: "I" });
  const chainPem = await signIntermediate(test.root, csr, { days: 10, clock: test.clock });
  const privateKeyPem = await exportKeyPem(key);
  await test.call(ca.importIssuer, { mount: "pki", chainPem, privateKeyPem });
  const { privateKeyPem: leafKey } = await test.call(ca.issueCertificate, { mount: "pki", names: [hello] });
  await test.metacrypt.db.backup(`${test.folder}/snapshot.db`);

  const jwk = await crypto.subtle.exportKey("jwk", key.privateKey);
  const der = readPem(privateKeyPem)[0]!.der;
  const secrets: [string, Uint8Array][] = [
    ["issuer key, PKCS#8", der],
    ["issuer key, scalar", Uint8Array.fromBase64(jwk.d!, { alphabet: "base64url" })],
    ["issuer key, base64", new TextEncoder().encode(privateKeyPem.split("\n")[1])],
    ["leaf key", new TextEncoder().encode(leafKey.split("\n")[1])],
    ["password", new TextEncoder().encode("correct horse")],
    ["key file", new TextEncoder().encode((await Deno.readTextFile(`${test.folder}/unseal.key`)).trim())],
    ["key file, bytes", Uint8Array.fromBase64((await Deno.readTextFile(`${test.folder}/unseal.key`)).trim())],
  ];
  const folder = test.config.server.data_dir;
  const files = [`${test.folder}/snapshot.db`, ...["", "-wal"].map((end) => `${folder}/metacrypt.db${end}`)];
  let looked = 0;
  for (const file of files) {
    const text = new TextDecoder("latin1").decode(await Deno.readFile(file));
    looked += text.length;
    for (const [what, secret] of secrets) {
      assert.ok(secret.length >= 12, what);
      assert.ok(!text.includes(new TextDecoder("latin1").decode(secret)), `${what} in ${file}`);
    }
  }
  assert.ok(looked > 50_000, `only ${looked} bytes looked at`);
});
