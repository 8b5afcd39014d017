/** Challenges and renewal ids against the RFCs' own words. */
import assert from "node:assert/strict";
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { generateKey, parseCertificate } from "@lib/pki/mod.ts";
import { run } from "@lib/testing/mod.ts";
import { challengeServerName, type ChallengeType, makeChallenge } from "./challenge.ts";
import { renewalId } from "./renewal.ts";

const token = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA";
const digits = "9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI";

Deno.test("makeChallenge joins token and thumbprint; dns-01 has the digest below _acme-challenge", async () => {
  const http = await makeChallenge("http-01", "example.org", token, digits);
  assert.deepEqual(http, { type: "http-01", name: "example.org", token, keyAuthorization: `${token}.${digits}` });
  const dns = await makeChallenge("dns-01", "example.org", token, digits);
  assert.equal(dns.type === "dns-01" && dns.recordName, "_acme-challenge.example.org");
  const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`${token}.${digits}`)));
  assert.equal(
    dns.type === "dns-01" && dns.recordValue,
    sum.toBase64({ alphabet: "base64url", omitPadding: true }),
  );
});

Deno.test("makeChallenge refuses tokens that aren't base64url: they become file names and paths", async () => {
  for (const bad of ["", "short", "../../../../etc/passwd", `${token}/x`, `${token}\r\n`, "a".repeat(201), 7, null]) {
    await assert.rejects(() => makeChallenge("http-01", "example.org", bad, digits), { code: "conflict" }, String(bad));
  }
});

Deno.test("makeChallenge's tls-alpn-01 certificate is what RFC 8737 §3 says, read by openssl", async () => {
  for (const [name, shown] of [["example.org", "DNS:example.org"], ["192.0.2.7", "IP Address:192.0.2.7"]] as const) {
    const challenge = await makeChallenge("tls-alpn-01", name, token, digits);
    assert.ok(challenge.type === "tls-alpn-01");
    assert.deepEqual(parseCertificate(challenge.certPem).names, [name]);
    const folder = await Deno.makeTempDir({ prefix: "acme-" });
    try {
      await Deno.writeTextFile(`${folder}/c.pem`, challenge.certPem);
      const { stdout } = await run("openssl", ["x509", "-in", `${folder}/c.pem`, "-noout", "-text"]);
      assert.match(stdout, new RegExp(shown));
      // OpenSSL knows the extension by its OID only: "1.3.6.1.5.5.7.1.31: critical" and the 34 bytes.
      assert.match(stdout, /1\.3\.6\.1\.5\.5\.7\.1\.31: critical|acmeIdentifier: critical/);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
    const extension = new x509.X509Certificate(challenge.certPem).getExtension("1.3.6.1.5.5.7.1.31");
    const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`${token}.${digits}`)));
    assert.equal(new Uint8Array(extension!.value).toHex(), `0420${sum.toHex()}`);
  }
});

Deno.test("challengeServerName reverses addresses (RFC 8738 §6)", () => {
  const rows = [
    ["example.org", "example.org"],
    ["192.0.2.7", "7.2.0.192.in-addr.arpa"],
    ["2001:db8::1", "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"],
  ] as const;
  for (const [name, expected] of rows) assert.equal(challengeServerName(name), expected);
});

async function certificate(serialNumber: string, authority: string | null): Promise<string> {
  const keys = await generateKey();
  const made = await x509.X509CertificateGenerator.create({
    serialNumber,
    subject: "CN=leaf",
    issuer: "CN=issuer",
    notBefore: new Date(0),
    notAfter: new Date(1e12),
    publicKey: keys.publicKey,
    signingKey: keys.privateKey,
    signingAlgorithm: { name: "ECDSA", hash: "SHA-256" },
    extensions: authority === null ? [] : [new x509.AuthorityKeyIdentifierExtension(authority)],
  });
  return made.toString("pem");
}

Deno.test("renewalId is key identifier and serial, the sign byte too (RFC 9773 §4.1)", async () => {
  const authority = "69885b6b87464041e1b37b847ba0ae2cde01c8d4";
  // The RFC's own example: serial 87:65:43:21, whose first bit is set.
  assert.equal(renewalId(await certificate("0087654321", authority)), "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE");
  assert.equal(renewalId(await certificate("17654321", authority)), "aYhba4dGQEHhs3uEe6CuLN4ByNQ.F2VDIQ");
  assert.equal(renewalId(await certificate("01", null)), null);
});

const kinds: Record<ChallengeType, true> = { "http-01": true, "dns-01": true, "tls-alpn-01": true };

Deno.test("makeChallenge gives the kind that was asked for", async () => {
  for (const type of Object.keys(kinds) as ChallengeType[]) {
    assert.equal((await makeChallenge(type, "example.org", token, digits)).type, type);
  }
});
