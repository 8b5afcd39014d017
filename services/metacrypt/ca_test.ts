import assert from "node:assert/strict";
import type { Caller } from "@lib/auth/mod.ts";
import {
  createCsr,
  createRoot,
  exportKeyPem,
  generateKey,
  importKeyPem,
  parseCertificate,
  parseChain,
  signIntermediate,
} from "@lib/pki/mod.ts";
import { CaService, SealService } from "@proto/metacrypt/v1/metacrypt_pb.ts";
import { callers, importIssuer, type UnderTest, underTest } from "./testing/metacrypt_under_test.ts";

const ca = CaService.method;
const zone = "svc.mcp.metacircular.net";
const hello = `hello.${zone}`;

async function csrFor(names: string[], commonName?: string): Promise<string> {
  return await createCsr({ key: await generateKey(), names, ...(commonName !== undefined && { commonName }) });
}

async function sign(test: UnderTest, names: string[], caller: Caller = callers.agent) {
  return await test.call(ca.signCertificate, { mount: "pki", csrPem: await csrFor(names) }, caller);
}

async function openssl(...args: string[]): Promise<{ ok: boolean; text: string }> {
  const { success, stdout, stderr } = await new Deno.Command("openssl", { args }).output();
  return { ok: success, text: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

Deno.test("a signed certificate passes openssl verify -x509_strict against the root; its end is cut to the issuer's", async () => {
  await using test = await underTest();
  await test.ready();
  const { chainPem, serial, notAfter } = await sign(test, [hello, "localhost", "127.0.0.1"]);
  const [leaf, intermediate, ...rest] = parseChain(chainPem);
  assert.equal(rest.length, 0, "leaf and issuer, without the root");
  assert.equal(leaf!.serial, serial);
  assert.equal(notAfter!.seconds, BigInt(test.clock.now() / 1000 + 7_776_000));
  const path = (
    name: string,
    text: string,
  ) => (Deno.writeTextFileSync(`${test.folder}/${name}`, text), `${test.folder}/${name}`);
  const verified = await openssl(
    ...["verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", hello],
    ...["-attime", String(test.clock.now() / 1000), "-CAfile", path("root", test.root.certificatePem)],
    ...["-untrusted", path("intermediate", intermediate!.pem), path("leaf", leaf!.pem)],
  );
  assert.ok(verified.ok, verified.text);

  const short = await test.call(ca.signCertificate, { mount: "pki", csrPem: await csrFor([hello]), ttlSeconds: 3600n });
  assert.equal(short.notAfter!.seconds, BigInt(test.clock.now() / 1000 + 3600));
  const outside = sign(test, ["www.example.net"], callers.admin);
  await assert.rejects(outside, /for "www.example.net": the issuer's name constraints don't permit it/);
  const tooLong = { mount: "pki", csrPem: await csrFor([hello]), ttlSeconds: 2n ** 64n - 1n };
  await assert.rejects(test.call(ca.signCertificate, tooLong), /60 to 7776000 seconds/);
  test.clock.advance(350 * 86_400_000);
  assert.equal(
    (await sign(test, [hello])).notAfter!.seconds,
    BigInt(parseCertificate(intermediate!.pem).notAfter.getTime() / 1000),
  );
  test.clock.advance(15 * 86_400_000);
  await assert.rejects(sign(test, [hello]), /issuer's own certificate is valid until/);
});

Deno.test("IssueCertificate hands out a key that fits, once, and keeps none", async () => {
  await using test = await underTest();
  await test.ready();
  const { certificate, privateKeyPem } = await test.call(
    ca.issueCertificate,
    { mount: "pki", names: [hello] },
    callers.agent,
  );
  const { publicKey } = await importKeyPem(privateKeyPem);
  const spki = new Uint8Array(await crypto.subtle.exportKey("spki", publicKey));
  assert.deepEqual(parseCertificate(certificate!.chainPem).publicKey, spki);
  const found = await test.call(ca.getCertificate, { mount: "pki", serial: certificate!.serial }, callers.agent);
  assert.deepEqual(found, certificate);
  for (const names of [[], ["*." + zone], ["localhost"], [`${hello}\0.example.org`]]) {
    await assert.rejects(test.call(ca.issueCertificate, { mount: "pki", names }, callers.agent), names.join());
  }
});

Deno.test("certificates are listed newest first in pages, by name, as far as the caller may read", async () => {
  await using test = await underTest();
  await test.ready();
  for (let i = 0; i < 5; i++) await sign(test, [`a${i % 2}.${zone}`, "localhost"]);
  await sign(test, ["secret.example.org"], callers.admin);
  const list = async (caller: Caller, request: { name?: string; pageSize?: number; pageToken?: string } = {}) => {
    const page = await test.call(ca.listCertificates, { mount: "pki", ...request }, caller);
    return { names: page.certificates.map((each) => each.names[0]!.split(".")[0]).join(" "), next: page.nextPageToken };
  };
  assert.equal((await list(callers.admin)).names, "secret a0 a1 a0 a1 a0");
  assert.equal((await list(callers.agent)).names, "a0 a1 a0 a1 a0");
  assert.equal((await list(callers.mcq)).names, "");
  assert.equal((await list(callers.agent, { name: `a1.${zone}` })).names, "a1 a1");
  const first = await list(callers.agent, { pageSize: 3 });
  assert.equal(first.names, "a0 a1 a0");
  assert.deepEqual(await list(callers.agent, { pageSize: 3, pageToken: first.next }), { names: "a1 a0", next: "" });
  await assert.rejects(list(callers.agent, { pageToken: "x" }), /not a token of this list/);
  const { certificates: [secret] } = await test.call(ca.listCertificates, { mount: "pki" });
  await assert.rejects(
    test.call(ca.getCertificate, { mount: "pki", serial: secret!.serial }, callers.agent),
    /not read/,
  );
  await assert.rejects(
    test.call(ca.getCertificate, { mount: "pki", serial: "00" }, callers.agent),
    /No certificate "00"/,
  );
});

Deno.test("what is revoked stays revoked with its first time and reason", async () => {
  await using test = await underTest();
  await test.ready();
  const { serial } = await sign(test, [hello]);
  const revoke = (reason: string, caller: Caller = callers.agent) =>
    test.call(ca.revokeCertificate, { mount: "pki", serial, reason }, caller);
  await assert.rejects(revoke("", callers.mcq), /may not revoke/);
  await assert.rejects(revoke("removeFromCRL"), /must be one of/);
  const first = await revoke("superseded");
  assert.equal(first.revocationReason, "superseded");
  test.clock.advance(60_000);
  assert.deepEqual(await revoke("keyCompromise"), first);
  const other = (await sign(test, [hello])).serial;
  const at = (reason: string) => test.call(ca.revokeCertificate, { mount: "pki", serial: other, reason });
  const [one, two] = await Promise.all([at("superseded"), at("keyCompromise")]);
  assert.deepEqual(one, two, "two at once agree on the first");
  test.restart();
  await test.call(SealService.method.unseal, { password: "correct horse battery" }, null);
  assert.equal((await test.call(ca.getCertificate, { mount: "pki", serial })).revocationReason, "superseded");
});

Deno.test("sealed: every operation of the engine answers sealed, the chain still serves", async () => {
  await using test = await underTest();
  await test.ready();
  const { serial } = await sign(test, [hello]);
  const { chainPem } = await test.call(ca.getChain, { mount: "pki" }, null);
  await test.call(SealService.method.seal, {});
  const requests: [string, () => Promise<unknown>][] = [
    ["createMount", () => test.call(ca.createMount, { mount: "other" })],
    ["listMounts", () => test.call(ca.listMounts, {})],
    ["createIssuerRequest", () => test.call(ca.createIssuerRequest, { mount: "pki", commonName: "x" })],
    ["importIssuer", () => test.call(ca.importIssuer, { mount: "pki", chainPem })],
    ["signCertificate", () => sign(test, [hello])],
    ["signCertificate with a bad request", () => test.call(ca.signCertificate, { mount: "pki", csrPem: "x" })],
    ["issueCertificate", () => test.call(ca.issueCertificate, { mount: "pki", names: [hello] })],
    ["listCertificates", () => test.call(ca.listCertificates, { mount: "pki" })],
    ["getCertificate", () => test.call(ca.getCertificate, { mount: "pki", serial })],
    ["revokeCertificate", () => test.call(ca.revokeCertificate, { mount: "pki", serial })],
  ];
  for (const [what, request] of requests) {
    await assert.rejects(request(), (error: { code: string }) => error.code === "sealed", what);
  }
  assert.equal((await test.call(ca.getChain, { mount: "pki" }, null)).chainPem, chainPem);
});

Deno.test("sealing while a certificate is being signed: it is not recorded and not handed out", async () => {
  await using test = await underTest();
  await test.ready();
  const csrPem = await csrFor([hello]);
  const pending = Array.from({ length: 5 }, () => test.call(ca.signCertificate, { mount: "pki", csrPem }));
  await test.call(SealService.method.seal, {});
  for (const each of await Promise.allSettled(pending)) assert.equal(each.status, "rejected");
  await test.call(SealService.method.unseal, { password: "correct horse battery" }, null);
  assert.deepEqual((await test.call(ca.listCertificates, { mount: "pki" })).certificates, []);
});

Deno.test("an issuer is requested once, imported if it fits, and can be replaced", async () => {
  await using test = await underTest();
  await test.call(SealService.method.initSeal, { password: "correct horse battery" }, null);
  await test.call(ca.createMount, { mount: "pki" });
  await assert.rejects(test.call(ca.createMount, { mount: "pki" }), /it exists/);
  await assert.rejects(test.call(ca.createMount, { mount: "Pki" }), /a mount's name/);
  const state = async () => (await test.call(ca.listMounts, {}, callers.user)).mounts.map((each) => each.state).join();
  assert.equal(await state(), "empty");
  await assert.rejects(test.call(ca.getChain, { mount: "pki" }, null), /No issuer of mount "pki"/);
  await assert.rejects(test.call(ca.getChain, { mount: "none" }, null), /No mount "none"/);
  await assert.rejects(sign(test, [hello]), /mount "pki" has no issuer yet/);

  const request = () => test.call(ca.createIssuerRequest, { mount: "pki", commonName: "Issuer" });
  const [one, two] = await Promise.all([request(), request()]);
  assert.equal(one.csrPem, two.csrPem);
  assert.equal((await request()).csrPem, one.csrPem);
  assert.equal(await state(), "requested");

  const { clock } = test;
  const other = await createRoot({ name: "Other root", days: 10, clock });
  const otherKey = await generateKey();
  const otherCsr = await createCsr({ key: otherKey, names: [], commonName: "Issuer" });
  const stranger = await signIntermediate(test.root, otherCsr, { days: 10, clock });
  const mine = await signIntermediate(test.root, one.csrPem, { days: 10, clock });
  const import_ = (chainPem: string, privateKeyPem = "") =>
    test.call(ca.importIssuer, { mount: "pki", chainPem, privateKeyPem });
  await assert.rejects(import_(stranger), /is not for the key of the open request/);
  await assert.rejects(import_(mine + other.certificatePem), /not signed by the next/);
  await assert.rejects(import_(mine, await exportKeyPem(otherKey)), /does not belong to the certificate/);
  await assert.rejects(import_("none"), /no PEM block/);
  const imported = await import_(mine + test.root.certificatePem);
  assert.equal(imported.subject, "CN=Issuer");
  assert.equal(await state(), "ready");
  assert.deepEqual(await import_(mine), imported, "again");
  const before = await sign(test, [hello]);
  assert.equal(parseChain(before.chainPem).length, 2, "the root is left out");

  // Its own key, brought along.
  await import_(stranger, await exportKeyPem(otherKey));
  const after = await sign(test, [hello]);
  assert.equal(parseChain(after.chainPem)[1]!.pem, parseCertificate(stranger).pem);
  const kept = await test.call(ca.getCertificate, { mount: "pki", serial: before.serial });
  assert.equal(parseChain(kept.chainPem)[1]!.pem, parseCertificate(mine).pem);
  await importIssuer(test, 20, "Third");
  assert.equal(parseChain((await sign(test, [hello])).chainPem)[1]!.subject, "CN=Third");
});
