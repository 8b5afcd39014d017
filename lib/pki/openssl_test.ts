/** What other programs think of what this part makes. */
import assert from "node:assert/strict";
import https from "node:https";
import {
  createCsr,
  createRoot,
  exportKeyPem,
  generateKey,
  importKeyPem,
  parseCertificate,
  signIntermediate,
} from "./mod.ts";
import { type KeyKind, readCsr, signLeaf } from "./mod.ts";

async function openssl(...args: string[]): Promise<{ ok: boolean; text: string }> {
  const { success, stdout, stderr } = await new Deno.Command("openssl", { args }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { ok: success, text: decode(stdout) + decode(stderr) };
}

async function inFolder(work: (file: (name: string, text?: string) => string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "pki-" });
  try {
    await work((name, text) => {
      const path = `${folder}/${name}`;
      if (text !== undefined) Deno.writeTextFileSync(path, text);
      return path;
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function hierarchy(kind: KeyKind = "P-256", names = ["mcns.svc.mcp.metacircular.net", "localhost", "127.0.0.1"]) {
  const root = await createRoot({ name: "Test root", days: 3650, key: await generateKey(kind) });
  const key = await generateKey(kind, { extractable: false });
  const csr = await createCsr({ key, names: [], commonName: "Test issuer" });
  const intermediatePem = await signIntermediate(root, csr, {
    days: 1825,
    permitted: ["svc.mcp.metacircular.net", "localhost", "127.0.0.0/8"],
  });
  const issuer = { certificatePem: intermediatePem, key };
  const leafKey = await generateKey(kind);
  const leafCsr = await createCsr({ key: leafKey, names });
  const leafPem = await signLeaf(issuer, leafCsr, { names });
  return { root, issuer, intermediatePem, leafKey, leafCsr, leafPem };
}

for (const kind of ["P-256", "P-384", "Ed25519", "RSA-3072"] as const) {
  Deno.test(`a ${kind} chain passes openssl verify -x509_strict, its requests openssl req -verify`, () =>
    inFolder(async (file) => {
      const { root, intermediatePem, leafPem, leafCsr } = await hierarchy(kind);
      const verified = await openssl(
        "verify",
        "-x509_strict",
        "-check_ss_sig",
        "-purpose",
        "sslserver",
        "-verify_hostname",
        "mcns.svc.mcp.metacircular.net",
        "-verify_ip",
        "127.0.0.1",
        "-CAfile",
        file("root.pem", root.certificatePem),
        "-untrusted",
        file("intermediate.pem", intermediatePem),
        file("leaf.pem", leafPem),
      );
      assert.ok(verified.ok, verified.text);
      const request = await openssl("req", "-verify", "-noout", "-in", file("leaf.csr", leafCsr));
      assert.match(request.text, /self-signature verify OK/);
      const text = (await openssl("x509", "-noout", "-text", "-in", file("leaf.pem", leafPem))).text;
      assert.match(text, /TLS Web Server Authentication, TLS Web Client Authentication/);
      assert.match(text, /DNS:mcns\.svc\.mcp\.metacircular\.net, DNS:localhost, IP Address:127\.0\.0\.1/);
    }));
}

Deno.test("a leaf without a DNS name has an empty subject, a critical subjectAltName, and passes -x509_strict", () =>
  inFolder(async (file) => {
    const { root, intermediatePem, leafPem } = await hierarchy("P-256", ["127.0.0.1"]);
    assert.equal(parseCertificate(leafPem).subject, "");
    const chain = [
      "-CAfile",
      file("r", root.certificatePem),
      "-untrusted",
      file("i", intermediatePem),
      file("l", leafPem),
    ];
    const verified = await openssl("verify", "-x509_strict", ...chain);
    assert.ok(verified.ok, verified.text);
  }));

Deno.test("name constraints: openssl refuses a leaf outside the permitted zone or block", () =>
  inFolder(async (file) => {
    for (const name of ["www.example.org", "svc.mcp.metacircular.net.example.org", "10.0.0.1"]) {
      const { root, intermediatePem, leafPem } = await hierarchy("P-256", [name]);
      const chain = [
        "-CAfile",
        file("r", root.certificatePem),
        "-untrusted",
        file("i", intermediatePem),
        file("l", leafPem),
      ];
      const verified = await openssl("verify", "-x509_strict", ...chain);
      assert.equal(verified.ok, false, name);
      assert.match(verified.text, /permitted subtree violation/);
    }
  }));

Deno.test("an intermediate of path length 0 can't have a CA below it, by openssl", () =>
  inFolder(async (file) => {
    const { root, issuer, intermediatePem } = await hierarchy();
    const key = await generateKey();
    const below = await signIntermediate(issuer, await createCsr({ key, names: [], commonName: "Below" }), {
      days: 10,
    });
    const leaf = await signLeaf({ certificatePem: below, key }, key.publicKey, { names: ["localhost"] });
    const untrusted = file("i", intermediatePem + below);
    const verified = await openssl(
      "verify",
      "-CAfile",
      file("r", root.certificatePem),
      "-untrusted",
      untrusted,
      file("l", leaf),
    );
    assert.match(verified.text, /path length constraint exceeded/);
  }));

Deno.test("openssl reads exported keys, and importKeyPem reads openssl's", () =>
  inFolder(async (file) => {
    for (const kind of ["P-256", "P-384", "Ed25519", "RSA-3072"] as const) {
      const pem = await exportKeyPem(await generateKey(kind));
      assert.ok((await openssl("pkey", "-check", "-noout", "-in", file("k", pem))).ok, kind);
      assert.equal(await exportKeyPem(await importKeyPem(pem)), pem, kind);
    }
    for (const args of [["EC", "ec_paramgen_curve:P-256"], ["RSA", "rsa_keygen_bits:3072"]] as const) {
      const made = await openssl("genpkey", "-algorithm", args[0], "-pkeyopt", args[1], "-out", file("made"));
      assert.ok(made.ok, made.text);
      const key = await importKeyPem(Deno.readTextFileSync(file("made")), { extractable: false });
      const csr = await readCsr(await createCsr({ key, names: ["localhost"] }));
      assert.equal(csr.verified, true);
      await assert.rejects(exportKeyPem(key), "a key imported as not extractable can't be exported");
    }
  }));

Deno.test("readCsr reads openssl's requests: names, common name, proof", () =>
  inFolder(async (file) => {
    const made = await openssl(
      ..."req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=a.test".split(" "),
      ...["-addext", "subjectAltName=DNS:a.test,IP:127.0.0.1,IP:::1", "-keyout", file("key"), "-out", file("csr")],
    );
    assert.ok(made.ok, made.text);
    const csr = await readCsr(Deno.readTextFileSync(file("csr")));
    assert.deepEqual(csr.names, ["a.test", "127.0.0.1", "::1"]);
    assert.equal(csr.commonName, "a.test");
    assert.equal(csr.verified, true);
  }));

Deno.test("readCsr refuses keys that are weak or on other curves", () =>
  inFolder(async (file) => {
    const rows: [string, RegExp][] = [
      ["-newkey rsa:2048", /an RSA key must have 3072 to 8192 bits: 2048/],
      ["-newkey rsa:1024", /an RSA key must have 3072 to 8192 bits: 1024/],
      ["-newkey ec -pkeyopt ec_paramgen_curve:P-521", /must use P-256 or P-384: 1\.3\.132\.0\.35/],
      ["-newkey ec -pkeyopt ec_paramgen_curve:secp256k1", /must use P-256 or P-384: 1\.3\.132\.0\.10/],
      ["-newkey ed448", /must be ECDSA P-256 or P-384, Ed25519 or RSA: algorithm 1\.3\.101\.113/],
      ["-newkey ec -pkeyopt ec_paramgen_curve:P-256 -sha1", /SHA-1/],
    ];
    for (const [options, expected] of rows) {
      const common = ["-nodes", "-subj", "/CN=a.test", "-keyout", file("key"), "-out", file("csr")];
      const made = await openssl("req", "-new", ...options.split(" "), ...common);
      assert.ok(made.ok, made.text);
      await assert.rejects(readCsr(Deno.readTextFileSync(file("csr"))), expected, options);
    }
  }));

Deno.test("curl, node TLS and Deno's fetch accept the chain", () =>
  inFolder(async (file) => {
    const { root, intermediatePem, leafKey, leafPem } = await hierarchy();
    const options = {
      cert: leafPem + intermediatePem,
      key: await exportKeyPem(leafKey),
      minVersion: "TLSv1.3" as const,
    };
    const server = https.createServer(options, (_, response) => response.end("hello"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const client = Deno.createHttpClient({ caCerts: [root.certificatePem] });
    try {
      const url = `https://mcns.svc.mcp.metacircular.net:${port}/`;
      const resolve = `mcns.svc.mcp.metacircular.net:${port}:127.0.0.1`;
      const args = ["-sS", "--cacert", file("r", root.certificatePem), "--resolve", resolve, url];
      const curl = await new Deno.Command("curl", { args }).output();
      assert.equal(new TextDecoder().decode(curl.stdout), "hello", new TextDecoder().decode(curl.stderr));
      for (const host of ["localhost", "127.0.0.1"]) {
        assert.equal(await (await fetch(`https://${host}:${port}/`, { client })).text(), "hello", host);
      }
      const status = await new Promise<number | undefined>((done, fail) => {
        https.get({ host: "127.0.0.1", port, ca: root.certificatePem, agent: false }, (response) => {
          response.resume().on("end", () => done(response.statusCode));
        }).on("error", fail);
      });
      assert.equal(status, 200);
    } finally {
      client.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }));
