import assert from "node:assert/strict";
import { FakeClock } from "@lib/clock/mod.ts";
import {
  createCsr,
  createRoot,
  decryptKeyPem,
  encryptKeyPem,
  exportKeyPem,
  generateKey,
  importKeyPem,
  parseCertificate,
  parseChain,
  parseSubjectName,
  parseSubjectNames,
  permits,
  readCsr,
  readPem,
  signIntermediate,
  signLeaf,
  verifyIssuerChain,
  writePem,
} from "./mod.ts";
import { commonNameOnly } from "./request.ts";
import * as x509 from "./x509.ts";

const cheap = { memoryKib: 8192, passes: 1, parallelism: 1 };

Deno.test("parseSubjectName: what a certificate may be called", () => {
  const good: [string, string, string][] = [
    ["localhost", "dns", "localhost"],
    ["mcns.svc.mcp.metacircular.net", "dns", "mcns.svc.mcp.metacircular.net"],
    ["a-b.1c.test", "dns", "a-b.1c.test"],
    ["127.0.0.1", "ip", "127.0.0.1"],
    ["0:0:0:0:0:0:0:1", "ip", "::1"],
    ["2001:DB8::1", "ip", "2001:db8::1"],
  ];
  for (const [text, kind, value] of good) assert.deepEqual(parseSubjectName(text), { kind, value }, text);
  const bad: [string, RegExp][] = [
    ["", /must not be empty/],
    ["Mcns.test", /must be lower case/],
    ["mcns.test\0.example.org", /null bytes/],
    ["mcns .test", /blanks/],
    ["münchen.test", /printable ASCII/],
    ["*.svc.test", /a wildcard is not allowed/],
    ["a.*.test", /letters, digits or hyphens/],
    ["xn--mcns-dua.test", /xn--/],
    ["-a.test", /hyphen/],
    ["a-.test", /hyphen/],
    ["a..test", /1 to 63/],
    ["a.test.", /1 to 63/],
    [".test", /1 to 63/],
    ["a_b.test", /letters, digits/],
    [`${"a".repeat(64)}.test`, /1 to 63/],
    [`${"a.".repeat(126)}test`, /at most 253/],
    ["1.2.3", /must not be a number/],
    ["127.0.0.01", /must not be a number/],
    ["256.0.0.1", /must not be a number/],
    ["127.0.0.1/8", /letters, digits/],
    ["::1::", /letters, digits/],
  ];
  for (const [text, expected] of bad) assert.throws(() => parseSubjectName(text), expected, JSON.stringify(text));
  assert.equal(parseSubjectName("*.svc.test", { wildcard: true }).value, "*.svc.test");
  assert.throws(() => parseSubjectName("*.test", { wildcard: true }), /wildcard/, "a wildcard over a top-level name");
});

Deno.test("parseSubjectNames wants 1 to max names and gives each once", () => {
  assert.throws(() => parseSubjectNames([]), /at least one/);
  assert.throws(() => parseSubjectNames(Array.from({ length: 101 }, (_, i) => `a${i}.test`)), /at most 100 names: 101/);
  assert.equal(parseSubjectNames(["a.test", "::1", "a.test", "0::1"]).length, 2);
});

/** A request with any names at all, as a hostile client would make it. */
async function rawCsr(names: x509.JsonGeneralNames, extra: x509.Extension[] = []): Promise<string> {
  const keys = await generateKey();
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: commonNameOnly("a.test"),
    keys,
    signingAlgorithm: { name: "ECDSA", hash: "SHA-256" } as EcdsaParams,
    extensions: [new x509.SubjectAlternativeNameExtension(names), ...extra],
  });
  return request.toString("pem");
}

Deno.test("readCsr refuses names that certificates must not carry", async () => {
  const rows: [x509.JsonGeneralNames, RegExp][] = [
    [[{ type: "dns", value: "mcns.test\0.evil.example" }], /null bytes/],
    [[{ type: "dns", value: "*.test.example" }], /wildcard/],
    [[{ type: "dns", value: "xn--a-ecp.test" }], /xn--/],
    [[{ type: "dns", value: "MCNS.test" }], /lower case/],
    [[{ type: "dns", value: "127.0.0.1" }], /must be an iPAddress name/],
    [[{ type: "email", value: "a@a.test" }], /of the kind dns or ip: email/],
    [[{ type: "url", value: "https://a.test" }], /of the kind dns or ip: url/],
    [Array.from({ length: 101 }, (_, i) => ({ type: "dns" as const, value: `a${i}.test` })), /at most 100 names: 101/],
  ];
  for (const [names, expected] of rows) await assert.rejects(rawCsr(names).then((csr) => readCsr(csr)), expected);
  const twice = rawCsr([{ type: "dns", value: "a.test" }], [
    new x509.SubjectAlternativeNameExtension([{ type: "dns", value: "b.test" }]),
  ]);
  await assert.rejects(twice.then((csr) => readCsr(csr)), /more than one subjectAltName/);
});

Deno.test("readCsr tells a request whose signature proves nothing; signing it is refused", async () => {
  const key = await generateKey();
  const [block] = readPem(await createCsr({ key, names: ["a.test"] }));
  assert.ok(block);
  const other = await createCsr({ key: await generateKey(), names: ["b.test"] });
  assert.equal((await readCsr(other)).verified, true);
  const text = new TextDecoder("latin1").decode(block.der);
  const at = text.lastIndexOf("a.test");
  block.der[at] = "c".charCodeAt(0);
  const forged = writePem("CERTIFICATE REQUEST", block.der);
  const request = await readCsr(forged);
  assert.deepEqual(request.names, ["c.test"]);
  assert.equal(request.verified, false);
  const root = await createRoot({ name: "Root", days: 1 });
  await assert.rejects(signLeaf(root, forged, { names: ["c.test"] }), /does not prove possession/);
  await assert.rejects(signIntermediate(root, forged, { days: 1, name: "I" }), /does not prove possession/);
});

Deno.test("readCsr refuses what is no request", async () => {
  const rows: [string, RegExp][] = [
    ["", /no PEM block/],
    ["-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n", /not a certificate request/],
    ["-----BEGIN CERTIFICATE REQUEST-----\nA\n-----END CERTIFICATE REQUEST-----\n", /not valid base64/],
    ["-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE-----\n", /begins as .* ends as/],
    [await exportKeyPem(await generateKey()), /no PEM block/],
    ["A".repeat(70_000), /longer than 65536/],
  ];
  for (const [text, expected] of rows) await assert.rejects(readCsr(text), expected);
});

Deno.test("signLeaf never copies what a request asks beyond names and key", async () => {
  const csr = await rawCsr([{ type: "dns", value: "a.test" }], [new x509.BasicConstraintsExtension(true, 5, true)]);
  const leaf = parseCertificate(await signLeaf(await createRoot({ name: "R", days: 1 }), csr, { names: ["b.test"] }));
  assert.equal(leaf.isCa, false);
  assert.deepEqual(leaf.names, ["b.test"]);
  assert.equal(leaf.subject, "CN=b.test");
});

Deno.test("signLeaf: a minute back, never beyond the issuer, 128-bit serial", async () => {
  const clock = new FakeClock(Date.UTC(2026, 5, 1, 12, 0, 0, 500));
  const root = await createRoot({ name: "R", days: 30, clock });
  const key = await generateKey();
  clock.advance(10_000);
  const long = parseCertificate(await signLeaf(root, key.publicKey, { names: ["a.test"], clock }));
  assert.equal(long.notBefore.toISOString(), "2026-06-01T11:59:10.000Z");
  assert.equal(long.notAfter.toISOString(), parseCertificate(root.certificatePem).notAfter.toISOString());
  for (
    const serial of [
      "00000000000000000000000000000001",
      "ffffffffffffffffffffffffffffffff",
      "0123456789abcdef".repeat(2),
    ]
  ) {
    const made = parseCertificate(await signLeaf(root, key.publicKey, { names: ["a.test"], serial, clock }));
    assert.equal(made.serial, serial);
  }
  assert.match(long.serial, /^[0-9a-f]{32}$/);
  clock.advance(31 * 86_400_000);
  await assert.rejects(signLeaf(root, key.publicKey, { names: ["a.test"], clock }), /is valid until 2026-07-01/);
});

Deno.test("createRoot past 2049 keeps its dates", async () => {
  const clock = new FakeClock(Date.UTC(2045, 0, 1));
  const root = parseCertificate((await createRoot({ name: "R", days: 3650, clock })).certificatePem);
  assert.equal(root.notAfter.toISOString(), "2054-12-30T00:00:00.000Z");
});

Deno.test("a common name is text, never distinguished-name syntax", async () => {
  const root = parseCertificate((await createRoot({ name: "#0401, O=Evil+CN=x", days: 1 })).certificatePem);
  const { subjectName } = new x509.X509Certificate(root.pem);
  assert.deepEqual(subjectName.getField("CN"), ["#0401, O=Evil+CN=x"]);
  assert.deepEqual(subjectName.getField("O"), []);
});

Deno.test("verifyIssuerChain accepts what hangs together and names what doesn't", async () => {
  const clock = new FakeClock(Date.UTC(2026, 0, 1));
  const root = await createRoot({ name: "Root", days: 100, clock });
  const key = await generateKey();
  const csr = await createCsr({ key, names: [], commonName: "Issuer" });
  const intermediate = await signIntermediate(root, csr, { days: 50, clock });
  const leaf = await signLeaf({ certificatePem: intermediate, key }, key.publicKey, { names: ["a.test"], clock });
  const other = await createRoot({ name: "Root", days: 100, clock });
  const now = clock.now();
  assert.deepEqual(parseChain(intermediate + root.certificatePem).map((each) => each.selfSigned), [false, true]);
  await assert.rejects(
    signIntermediate(root, csr, { days: 1, name: "Root" }),
    /must not have its issuer's name: "CN=Root"/,
  );
  assert.equal((await verifyIssuerChain(intermediate + root.certificatePem, now)).length, 2);
  assert.equal((await verifyIssuerChain(intermediate, now)).length, 1);
  await assert.rejects(verifyIssuerChain(leaf + intermediate, now), /"CN=a.test": it is not a CA/);
  await assert.rejects(verifyIssuerChain(intermediate + other.certificatePem, now), /not signed by the next/);
  await assert.rejects(verifyIssuerChain(intermediate, now + 51 * 86_400_000), /expired at 2026-02-20/);
  await assert.rejects(verifyIssuerChain(intermediate, now - 86_400_000), /not valid before/);
  assert.deepEqual(parseChain(leaf + intermediate).map((each) => each.subject), ["CN=a.test", "CN=Issuer"]);
});

Deno.test("permits tells what verifiers will accept below a constrained CA", async () => {
  const root = await createRoot({ name: "Root", days: 10 });
  const csr = await createCsr({ key: await generateKey(), names: [], commonName: "Issuer" });
  const of = async (permitted: string[]) =>
    parseCertificate(await signIntermediate(root, csr, { days: 1, permitted })).permitted;
  const both = await of(["svc.test.example", "localhost", "127.0.0.0/9", "::1"]);
  const dnsOnly = await of(["svc.test.example"]);
  const rows: [name: string, both: boolean, dnsOnly: boolean][] = [
    ["a.svc.test.example", true, true],
    ["svc.test.example", true, true],
    ["localhost", true, false],
    ["evilsvc.test.example", false, false],
    ["127.127.0.1", true, true],
    ["127.128.0.1", false, true],
    ["::1", true, true],
    ["::2", false, true],
  ];
  for (const [text, inBoth, inDnsOnly] of rows) {
    const name = parseSubjectName(text);
    assert.deepEqual([permits(both, name), permits(dnsOnly, name)], [inBoth, inDnsOnly], text);
  }
  assert.equal(parseCertificate(root.certificatePem).permitted, null);
  // A prefix that is left out by mistake must not become 0, which permits every address.
  for (const block of ["127.0.0.0/", "127.0.0.0/33", "127.0.0.0/8/8", "127.0.0.0/0x8", "::1/129"]) {
    await assert.rejects(
      of([block]),
      { code: "invalid", message: /an address block is written like 10\.0\.0\.0\/8/ },
      block,
    );
  }
});

Deno.test("importKeyPem refuses other forms without quoting them", async () => {
  const body = "MHcCAQEEIAAA";
  const rows: [string, RegExp][] = [
    [`-----BEGIN EC PRIVATE KEY-----\n${body}\n-----END EC PRIVATE KEY-----\n`, /openssl pkcs8 -topk8/],
    [`-----BEGIN ENCRYPTED PRIVATE KEY-----\n${body}\n-----END ENCRYPTED PRIVATE KEY-----\n`, /ENCRYPTED PRIVATE KEY/],
    [`-----BEGIN PRIVATE KEY-----\n${body}\n-----END PRIVATE KEY-----\n`, /malformed|must be/],
    ["nothing", /no PEM block/],
  ];
  for (const [text, expected] of rows) {
    await assert.rejects(importKeyPem(text), (error: Error) => {
      assert.match(error.message, expected);
      assert.ok(!error.message.includes(body));
      return true;
    });
  }
});

Deno.test("encryptKeyPem gives back its text for the passphrase only", async () => {
  const pem = await exportKeyPem(await generateKey());
  const file = await encryptKeyPem(pem, "correct horse battery", cheap);
  assert.ok(!file.includes(pem.split("\n")[1] ?? "?"));
  assert.equal(await decryptKeyPem(file, "correct horse battery"), pem);
  await assert.rejects(decryptKeyPem(file, "correct horse batterz"), /passphrase is wrong/);
  await assert.rejects(decryptKeyPem(file.replace('"passes": 1', '"passes": 2'), "correct horse battery"), /wrong/);
  await assert.rejects(decryptKeyPem(file.replace("8192", "999999999"), "correct horse battery"), /out of bounds/);
  await assert.rejects(
    decryptKeyPem(file.replace('"nonce": "', '"nonce": "AAA'), "correct horse battery"),
    /not a key file/,
  );
  await assert.rejects(decryptKeyPem("{}", "correct horse battery"), /not a key file/);
  await assert.rejects(decryptKeyPem("null", "correct horse battery"), /not a key file/);
  await assert.rejects(encryptKeyPem(pem, "short", cheap), /at least 12 characters: 5/);
});
