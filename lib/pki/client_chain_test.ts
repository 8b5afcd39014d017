import assert from "node:assert/strict";
import { writePem } from "./pem.ts";
import { parseClientIssuers, verifyClientChain } from "./client_chain.ts";
import { generateKey } from "./keys.ts";
import * as x509 from "./x509.ts";

const now = Date.UTC(2026, 10, 21);
const dayMs = 86_400_000;
const days = (count: number) => new Date(now + count * dayMs);
const algorithm = { name: "ECDSA", hash: "SHA-256" };

interface Made {
  name: string;
  key: CryptoKeyPair;
  der: Uint8Array;
}

interface Wishes {
  from?: number;
  to?: number;
  /** A CA with that many CAs below it at most; null for any, absent for none. */
  ca?: number | null;
  usages?: x509.KeyUsageFlags;
  extended?: string[];
  /** So many bytes in an extension that nobody reads. */
  ballast?: number;
  /** Written as the issuer's name, whoever signs. */
  issuerName?: string;
}

/** A certificate, signed by `issuer`; null signs itself. */
async function make(name: string, issuer: Made | null, wishes: Wishes = {}): Promise<Made> {
  const key = await generateKey("P-256");
  const { from = -1, to = 30, ca, usages, extended, ballast, issuerName } = wishes;
  const extensions: x509.Extension[] = [];
  if (ca !== undefined) extensions.push(new x509.BasicConstraintsExtension(true, ca ?? undefined, true));
  if (usages !== undefined) extensions.push(new x509.KeyUsagesExtension(usages, true));
  if (extended !== undefined) extensions.push(new x509.ExtendedKeyUsageExtension(extended));
  if (ballast !== undefined) extensions.push(new x509.Extension("1.2.3.4", false, new Uint8Array(ballast)));
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: "01",
    subject: `CN=${name}`,
    issuer: issuerName === undefined ? `CN=${issuer?.name ?? name}` : `CN=${issuerName}`,
    notBefore: days(from),
    notAfter: days(to),
    publicKey: key.publicKey,
    signingKey: (issuer?.key ?? key).privateKey,
    signingAlgorithm: algorithm,
    extensions,
  });
  return { name, key, der: new Uint8Array(certificate.rawData) };
}

const pemOf = (...made: Made[]) => made.map(({ der }) => writePem("CERTIFICATE", der.buffer as ArrayBuffer)).join("");
const { clientAuth, serverAuth } = x509.ExtendedKeyUsage;
const sign = x509.KeyUsageFlags.keyCertSign;

const root = await make("root", null, { ca: null, usages: sign });
const middle = await make("middle", root, { ca: 0, to: 20 });

Deno.test("verifyClientChain: who issued it, through whom, and until when", async () => {
  const direct = await make("direct", root, { extended: [clientAuth] });
  const below = await make("below", middle);
  const stranger = await make("stranger", null, { ca: null });
  const issuers = parseClientIssuers(pemOf(stranger, root), "client_ca");
  const rows: [chain: Made[], ends: number][] = [
    [[direct], 30],
    [[direct, root], 30],
    [[below, middle], 20],
    // In any order, with others among them.
    [[below, stranger, root, middle], 20],
  ];
  for (const [chain, ends] of rows) {
    const found = await verifyClientChain(chain.map(({ der }) => der), issuers, now);
    assert.equal(found.subject, `CN=${chain[0]!.name}`);
    assert.equal(found.issuer.subject, "CN=root");
    assert.equal(found.notAfter, days(ends).getTime());
    const digest = await crypto.subtle.digest("SHA-256", chain[0]!.der as Uint8Array<ArrayBuffer>);
    assert.equal(found.fingerprint, new Uint8Array(digest).toHex());
  }
  // An intermediate that is trusted itself needs nobody above it.
  const found = await verifyClientChain([below.der], parseClientIssuers(pemOf(middle), "client_ca"), now);
  assert.equal(found.issuer.subject, "CN=middle");
});

Deno.test("verifyClientChain refuses what doesn't lead to a trusted issuer, and says why", async () => {
  const impostor = await make("root", null, { ca: null });
  const ended = await make("ended", null, { ca: null, from: -9, to: -1 });
  const noCa = await make("leaf", root);
  const noSigner = await make("no signer", root, { ca: null, usages: x509.KeyUsageFlags.cRLSign });
  const oldMiddle = await make("old middle", root, { ca: 0, from: -9, to: -1 });
  const deep = await make("deep", middle, { ca: null });
  // Many of one name, each of which may have signed the next.
  const twins = await Promise.all(Array.from({ length: 7 }, () => make("twin", null, { ca: null })));
  const issuers = parseClientIssuers(pemOf(root, ended), "client_ca");
  const rows: [what: string, chain: Made[], reason: RegExp][] = [
    ["nothing", [], /^client_certificate: there is none$/],
    [
      "of nobody we know",
      [await make("a", impostor, { issuerName: "nobody" })],
      /"CN=nobody", who issued "CN=a", is not/,
    ],
    ["by a namesake of the issuer", [await make("a", impostor)], /"CN=root", who issued "CN=a", is not trusted here$/],
    ["with the namesake beside it", [await make("a", impostor), impostor], /"CN=root", who issued "CN=root", is not/],
    ["ended", [await make("a", root, { from: -9, to: -1 })], /"CN=a" expired at 2026-11-20T00:00:00.000Z$/],
    ["ends now", [await make("a", root, { to: 0 })], /"CN=a" expired at/],
    ["not yet valid", [await make("a", root, { from: 1 })], /"CN=a" is valid from 2026-11-22T00:00:00.000Z on$/],
    ["of an issuer that has ended", [await make("a", ended)], /"CN=ended" expired at/],
    ["through one that has ended", [await make("a", oldMiddle), oldMiddle], /"CN=old middle" expired at/],
    ["for servers", [await make("a", root, { extended: [serverAuth] })], /its extended key usage has no clientAuth$/],
    ["a CA's", [root], /it is a CA's, not a client's$/],
    ["by a leaf", [await make("a", noCa), noCa], /"CN=leaf" is not a CA/],
    [
      "by a CA that signs lists alone",
      [await make("a", noSigner), noSigner],
      /"CN=no signer" may not sign certificates/,
    ],
    ["too deep", [await make("a", deep), deep, middle], /the path length 0 of "CN=middle" allows fewer CAs below it$/],
    ["too long", Array.from({ length: 9 }, () => middle), /the chain has more than 8 certificates$/],
    ["too large", [await make("a", root, { ballast: 9000 })], /it has more than 8192 bytes$/],
    ["twins", [await make("a", twins[0]!), ...twins], /is not trusted here$|too many certificates of one name$/],
    ["no certificate", [{ ...root, der: new Uint8Array(20) }], /it can't be read: /],
  ];
  for (const [what, chain, message] of rows) {
    const verified = verifyClientChain(chain.map(({ der }) => der), issuers, now);
    await assert.rejects(verified, { code: "invalid", message }, what);
  }
});

Deno.test("verifyClientChain checks no more signatures than it is told", async () => {
  const below = await make("below", middle);
  const issuers = parseClientIssuers(pemOf(root), "client_ca");
  const chain = [below.der, middle.der];
  assert.equal((await verifyClientChain(chain, issuers, now, 2)).subject, "CN=below");
  await assert.rejects(verifyClientChain(chain, issuers, now, 1), /too many certificates of one name/);
});

Deno.test("parseClientIssuers takes CAs alone", async () => {
  const [one] = parseClientIssuers(pemOf(root), "client_ca");
  assert.equal(one!.subject, "CN=root");
  assert.equal(one!.notAfter.getTime(), days(30).getTime());
  const rows: [pem: string, message: RegExp][] = [
    ["", /^client_ca: /],
    ["junk", /^client_ca: /],
    [pemOf(root, await make("leaf", root)), /^client_ca: "CN=leaf" is not a CA/],
    [
      pemOf(await make("x", root, { ca: null, usages: x509.KeyUsageFlags.cRLSign })),
      /"CN=x" may not sign certificates/,
    ],
    [writePem("CERTIFICATE", new ArrayBuffer(3)), /^client_ca: not a certificate: /],
  ];
  for (const [pem, message] of rows) assert.throws(() => parseClientIssuers(pem, "client_ca"), { message });
});
