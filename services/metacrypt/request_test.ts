import assert from "node:assert/strict";
import { createCsr, generateKey, readPem, writePem } from "@lib/pki/mod.ts";
import { CaService } from "@proto/metacrypt/v1/metacrypt_pb.ts";
import { callers, underTest } from "./testing/metacrypt_under_test.ts";

const ca = CaService.method;
const zone = "svc.mcp.metacircular.net";
const hello = `hello.${zone}`;

async function csrFor(names: string[], commonName?: string): Promise<string> {
  return await createCsr({ key: await generateKey(), names, ...(commonName !== undefined && { commonName }) });
}

async function openssl(...args: string[]): Promise<{ ok: boolean; text: string }> {
  const { success, stdout, stderr } = await new Deno.Command("openssl", { args }).output();
  return { ok: success, text: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

Deno.test("bad requests are refused with the rule that they break, and nothing is recorded", async () => {
  await using test = await underTest();
  await test.ready();
  const [block] = readPem(await csrFor([hello]));
  const forged = block!.der.slice();
  forged[new TextDecoder("latin1").decode(forged).lastIndexOf("hello")] = "j".charCodeAt(0);
  const file = `${test.folder}/bad`;
  const fromOpenssl = async (options: string, san: string) => {
    const args = [...options.split(" "), "-nodes", "-subj", `/CN=${hello}`, "-keyout", `${file}.key`, "-out", file];
    const made = await openssl("req", "-new", ...args, ...(san === "" ? [] : ["-addext", `subjectAltName=${san}`]));
    assert.ok(made.ok, made.text);
    return await Deno.readTextFile(file);
  };
  const p256 = "-newkey ec -pkeyopt ec_paramgen_curve:P-256";
  const nullByte = writePem("CERTIFICATE REQUEST", await resigned(hello, `h\0llo.${zone}`));
  const rows: [what: string, csrPem: string, expected: RegExp][] = [
    ["wrong proof", writePem("CERTIFICATE REQUEST", forged), /csr: its signature does not prove possession/],
    ["weak RSA", await fromOpenssl("-newkey rsa:2048", `DNS:${hello}`), /must have 3072 to 8192 bits: 2048/],
    ["other curve", await fromOpenssl("-newkey ec -pkeyopt ec_paramgen_curve:P-521", `DNS:${hello}`), /P-256 or P-384/],
    ["null byte", nullByte, /without blanks or null bytes/],
    ["wildcard", await fromOpenssl(p256, `DNS:*.${zone}`), /a wildcard is not allowed/],
    ["punycode", await fromOpenssl(p256, `DNS:xn--hllo-bpa.${zone}`), /internationalised \(xn--\)/],
    ["upper case", await fromOpenssl(p256, `DNS:Hello.${zone}`), /must be lower case/],
    ["e-mail", await fromOpenssl(p256, `DNS:${hello},email:a@b.c`), /of the kind dns or ip: email/],
    ["no name", await fromOpenssl(p256, ""), /has no subjectAltName/],
    ["other common name", await fromOpenssl(p256, `DNS:other.${zone}`), /common name .* is not among/],
    [
      "101 names",
      await fromOpenssl(p256, Array.from({ length: 101 }, (_, i) => `DNS:a${i}.${zone}`).join()),
      /at most 100/,
    ],
    ["no request", "hello", /no PEM block/],
    ["a certificate", test.root.certificatePem, /no PEM block/],
    ["a megabyte", "A".repeat(1_000_000), /longer than 65536/],
  ];
  for (const [what, csrPem, expected] of rows) {
    for (const caller of [callers.agent, callers.admin]) {
      await assert.rejects(
        test.call(ca.signCertificate, { mount: "pki", csrPem }, caller),
        (error: Error & { code: string }) => {
          assert.match(error.message, expected, what);
          assert.equal(error.code, "invalid", what);
          return true;
        },
      );
    }
  }
  assert.deepEqual((await test.call(ca.listCertificates, { mount: "pki" })).certificates, []);
});

/** A request whose subjectAltName says `after` instead of `before` (same length), signed properly. */
async function resigned(before: string, after: string): Promise<Uint8Array<ArrayBuffer>> {
  const key = await generateKey();
  const [block] = readPem(await createCsr({ key, names: [before], commonName: "" }));
  const der = block!.der;
  const at = new TextDecoder("latin1").decode(der).lastIndexOf(before);
  der.set(new TextEncoder().encode(after), at);
  // SEQUENCE { info, algorithm, signature }: sign the changed info again; low-length DER keeps the same header.
  const info = der.subarray(3, 3 + 3 + der[5]!);
  const raw = new Uint8Array(await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key.privateKey, info));
  const integer = (part: Uint8Array) => {
    const digits = part[0]! > 127 ? Uint8Array.of(0, ...part) : part;
    const first = Math.min(digits.findIndex((byte, i) => byte !== 0 || digits[i + 1]! > 127), digits.length - 1);
    return [2, digits.length - first, ...digits.slice(first)];
  };
  const values = [...integer(raw.slice(0, 32)), ...integer(raw.slice(32))];
  const signature = [3, values.length + 3, 0, 0x30, values.length, ...values];
  const algorithm = [0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
  const body = [...info, ...algorithm, ...signature];
  assert.ok(body.length > 255 && der[1] === 0x82 || body.length < 256, "DER header as assumed");
  return Uint8Array.from([0x30, 0x82, body.length >> 8, body.length & 255, ...body]);
}
