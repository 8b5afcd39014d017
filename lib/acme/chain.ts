/**
 * Checks of what a server hands out as a certificate, before anything is replaced by it.
 * @module
 */
import { conflict, quote } from "@lib/errors/mod.ts";
import { canonicalIp, parseChain, type ParsedCertificate, verifyIssuerChain } from "@lib/pki/mod.ts";
import "reflect-metadata";
import * as x509 from "@peculiar/x509";

/** Clocks of CAs that don't backdate may be ahead of ours by this, ms. */
const skewMs = 300_000;

/**
 * A chain, leaf first: for our key, for exactly our names, valid now, each certificate signed by the next, those above
 * the leaf CAs. That it leads to a CA which clients trust isn't checked here: this program has no list of those.
 * @returns the leaf, and the chain as clean PEM
 * @throws PlatformError `conflict` naming the rule
 */
export async function checkChain(
  pem: string,
  expected: { publicKey: CryptoKey; names: readonly string[]; now: number },
): Promise<{ leaf: ParsedCertificate; chainPem: string }> {
  const chain = parseChain(pem);
  const [leaf, ...issuers] = chain as [ParsedCertificate, ...ParsedCertificate[]];
  const refuse = (rule: string, hint?: string) =>
    conflict(
      `Cannot use the certificate for ${expected.names.join(", ")}: ${rule}`,
      hint === undefined ? {} : { hint },
    );
  const own = new Uint8Array(await crypto.subtle.exportKey("spki", expected.publicKey));
  if (leaf.publicKey.toHex() !== own.toHex()) throw refuse("it is for another key");
  const names = [...new Set(leaf.names.map((each) => canonicalIp(each) ?? each.toLowerCase()))].sort();
  if (names.join() !== [...expected.names].sort().join()) throw refuse(`its names are ${names.join(", ") || "none"}`);
  if (leaf.isCa) throw refuse("it is a CA's");
  const clocks = "Check the clocks of this machine and of the CA";
  if (leaf.notBefore.getTime() > expected.now + skewMs) {
    throw refuse(`it is valid only from ${leaf.notBefore.toISOString()}`, clocks);
  }
  if (leaf.notAfter.getTime() <= expected.now) throw refuse(`it expired at ${leaf.notAfter.toISOString()}`, clocks);
  const [issuer] = issuers;
  if (issuer !== undefined) {
    if (leaf.issuer !== issuer.subject || !await signedBy(leaf.pem, issuer.pem)) {
      throw refuse(`it is not signed by the next in its chain, ${quote(issuer.subject)}`);
    }
    await verifyIssuerChain(issuers.map((each) => each.pem).join(""), expected.now);
  }
  return { leaf, chainPem: chain.map((each) => each.pem).join("") };
}

async function signedBy(pem: string, issuerPem: string): Promise<boolean> {
  try {
    const { publicKey } = new x509.X509Certificate(issuerPem);
    return await new x509.X509Certificate(pem).verify({ publicKey, signatureOnly: true });
  } catch {
    // A signature that can't even be decoded proves nothing.
    return false;
  }
}
