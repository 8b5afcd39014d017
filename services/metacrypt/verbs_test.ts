import assert from "node:assert/strict";
import { Registry } from "@lib/metrics/mod.ts";
import { parseChain, signIntermediate } from "@lib/pki/mod.ts";
import { CaService, SealService } from "@proto/metacrypt/v1/metacrypt_pb.ts";
import { type UnderTest, underTest } from "./testing/metacrypt_under_test.ts";
import { verbs } from "./verbs.ts";

const autoUnseal = '[seal]\nauto_unseal_key_file = "data/unseal.key"\n';

/** Runs a verb as the program does and gives what it printed. */
async function run(test: UnderTest, verb: string, flags: Record<string, string> = {}): Promise<string> {
  const print = console.log;
  const lines: string[] = [];
  console.log = (line: string) => void lines.push(line);
  try {
    assert.equal(await verbs[verb]!.run({ ...test.context, metrics: new Registry() }, flags, {}), 0);
  } finally {
    console.log = print;
  }
  return lines.join("\n");
}

Deno.test("init makes password and key file of mode 0600, once", async () => {
  await using test = await underTest(autoUnseal);
  const data = test.config.server.data_dir;
  assert.equal(
    await run(test, "init"),
    `metacrypt is initialized; auto-unseal is on; the seal password is in ${data}/seal_password`,
  );
  for (const file of ["seal_password", "unseal.key"]) {
    assert.equal((await Deno.stat(`${data}/${file}`)).mode! & 0o777, 0o600, file);
  }
  const password = (await Deno.readTextFile(`${data}/seal_password`)).trim();
  assert.equal(password.length, 32);
  assert.equal(await run(test, "init"), "metacrypt is initialized already; auto-unseal is on");
  assert.equal((await Deno.readTextFile(`${data}/seal_password`)).trim(), password);
  await test.call(SealService.method.unseal, { password }, null);
  assert.equal(test.metacrypt.seal.state(), "unsealed");
});

Deno.test("init takes a password file, and the one that an interrupted init left", async () => {
  await using test = await underTest();
  const file = `${test.folder}/given`;
  await assert.rejects(run(test, "init", { "password-file": file }), /cannot read/);
  await Deno.writeTextFile(file, "short\n");
  await assert.rejects(run(test, "init", { "password-file": file }), /12 to 1024 characters: 5/);
  await Deno.writeTextFile(`${test.config.server.data_dir}/seal_password`, "left behind by a run\n");
  assert.match(await run(test, "init"), /initialized; auto-unseal is off/);
  await test.call(SealService.method.unseal, { password: "left behind by a run" }, null);
});

Deno.test("issuer request and import make a mount ready without a server; both can be run again", async () => {
  await using test = await underTest(autoUnseal);
  const csr = `${test.config.server.data_dir}/issuer.csr`;
  const chain = `${test.config.server.data_dir}/issuer.pem`;
  const request = { mount: "pki", "common-name": "Metacrypt issuer", out: csr };
  await assert.rejects(run(test, "issuer request", request), /it is uninitialized, and no key file opens it/);
  await run(test, "init");
  await assert.rejects(run(test, "issuer request", { mount: "pki" }), /--common-name: must be given/);
  await run(test, "issuer request", request);
  const first = await Deno.readTextFile(csr);
  await run(test, "issuer request", request);
  assert.equal(await Deno.readTextFile(csr), first);
  await Deno.writeTextFile(chain, await signIntermediate(test.root, first, { days: 10, clock: test.clock }));
  for (let i = 0; i < 2; i++) {
    const printed = await run(test, "issuer import", { mount: "pki", chain });
    assert.equal(printed, "mount pki issues as CN=Metacrypt issuer until 2026-12-01T12:00:00.000Z");
  }
  test.restart();
  await test.metacrypt.seal.autoUnseal();
  const issued = await test.call(CaService.method.issueCertificate, { mount: "pki", names: ["a.test"] });
  assert.equal(parseChain(issued.certificate!.chainPem).length, 2);
});
