/**
 * The certificate that answers a tls-alpn-01 challenge (RFC 8737 §3): self-signed, for one name, with the digest of the
 * key authorization in a critical extension. No verifier takes it for anything else.
 * @module
 */
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { canonicalIp, exportKeyPem, generateKey, randomSerial } from "@lib/pki/mod.ts";

/** RFC 8737 §6.1, id-pe-acmeIdentifier. */
export const oidAcmeIdentifier = "1.3.6.1.5.5.7.1.31";
/** The ALPN protocol that asks for it. */
export const acmeTlsProtocol = "acme-tls/1";

/** A server checks it within seconds; days on both sides make clocks that are off harmless. */
const marginMs = 86_400_000;

/**
 * @param name DNS name or IP address
 * @param digest SHA-256 of the key authorization
 * @returns PEM
 */
export async function challengeCertificate(
  name: string,
  digest: Uint8Array,
): Promise<{ certPem: string; keyPem: string }> {
  const key = await generateKey("P-256");
  const now = Date.now();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: randomSerial(),
    name: new x509.Name([{ CN: [{ utf8String: "ACME challenge" }] }]),
    notBefore: new Date(now - marginMs),
    notAfter: new Date(now + marginMs),
    keys: key,
    signingAlgorithm: { name: "ECDSA", hash: "SHA-256" },
    extensions: [
      new x509.SubjectAlternativeNameExtension([{ type: canonicalIp(name) === null ? "dns" : "ip", value: name }]),
      // Authorization ::= OCTET STRING (SIZE (32)): tag, length, digest.
      new x509.Extension(oidAcmeIdentifier, true, Uint8Array.of(0x04, digest.length, ...digest)),
    ],
  });
  return { certPem: `${certificate.toString("pem")}\n`, keyPem: await exportKeyPem(key) };
}
