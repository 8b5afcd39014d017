/**
 * Reading certificates (RFC 5280) and checking that a chain hangs together.
 * @module
 */
import { conflict, invalid, messageOf, quote } from "@lib/errors/mod.ts";
import { type PermittedNames, readNameConstraints } from "./name_constraints.ts";
import { readPem, writePem } from "./pem.ts";
import * as x509 from "./x509.ts";

/** What the platform wants to know of a certificate. */
export interface ParsedCertificate {
  /** This certificate alone. */
  pem: string;
  /** DNS names and IP addresses of subjectAltName. */
  names: string[];
  notBefore: Date;
  notAfter: Date;
  /** Lower-case hex, at least 32 digits. */
  serial: string;
  /** `CN=…` (RFC 4514). */
  subject: string;
  issuer: string;
  isCa: boolean;
  /** By names and key identifiers; the signature is not checked. */
  selfSigned: boolean;
  /** Of a CA: how many CAs may follow below; null = no limit. */
  pathLength: number | null;
  /** Of a CA: its name constraints; null = it may certify any name. */
  permitted: PermittedNames | null;
  /** SubjectPublicKeyInfo, DER. */
  publicKey: Uint8Array<ArrayBuffer>;
}

/** The certificates of PEM text in their order, as @peculiar/x509 objects. */
export function readCertificates(pem: string, field = "certificate"): x509.X509Certificate[] {
  const blocks = readPem(pem, field).filter((each) => each.label === "CERTIFICATE");
  if (blocks.length === 0) throw invalid(field, 'no PEM block "-----BEGIN CERTIFICATE-----" in it');
  return blocks.map((each) => {
    try {
      return new x509.X509Certificate(each.der);
    } catch (cause) {
      throw invalid(field, `not a certificate: ${messageOf(cause)}`, { cause });
    }
  });
}

/** The first certificate of PEM text. @throws invalid when there is none or it can't be read */
export function parseCertificate(pem: string): ParsedCertificate {
  const [first] = readCertificates(pem);
  if (first === undefined) throw invalid("certificate", "no certificate in it");
  return describe(first);
}

/** All certificates of PEM text in their order. @throws invalid when there is none or one can't be read */
export function parseChain(pem: string): ParsedCertificate[] {
  return readCertificates(pem, "chain").map(describe);
}

function describe(certificate: x509.X509Certificate): ParsedCertificate {
  try {
    const constraints = certificate.getExtension(x509.BasicConstraintsExtension);
    const names = certificate.getExtension(x509.SubjectAlternativeNameExtension)?.names.items ?? [];
    return {
      pem: writePem("CERTIFICATE", certificate.rawData),
      names: names.filter((each) => each.type === "dns" || each.type === "ip").map((each) => each.value),
      notBefore: certificate.notBefore,
      notAfter: certificate.notAfter,
      serial: serialText(certificate.serialNumber),
      subject: certificate.subject,
      issuer: certificate.issuer,
      isCa: constraints?.ca ?? false,
      selfSigned: isSelfSigned(certificate),
      pathLength: constraints?.pathLength ?? null,
      permitted: readNameConstraints(certificate),
      publicKey: new Uint8Array(certificate.publicKey.rawData),
    };
  } catch (cause) {
    throw invalid("certificate", `not a certificate: ${messageOf(cause)}`, { cause });
  }
}

function isSelfSigned(certificate: x509.X509Certificate): boolean {
  if (certificate.subject !== certificate.issuer) return false;
  const own = certificate.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId;
  const authority = certificate.getExtension(x509.AuthorityKeyIdentifierExtension)?.keyId;
  return authority === undefined || authority === own;
}

/** A serial number's one spelling: lower-case hex without the sign byte, at least 32 digits. */
export function serialText(hex: string): string {
  return hex.toLowerCase().replace(/^(00)+/, "").padStart(32, "0");
}

/** SHA-256 of the certificate's DER, lower-case hex. */
export async function fingerprint(pem: string): Promise<string> {
  const [first] = readCertificates(pem);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", first?.rawData ?? new ArrayBuffer())).toHex();
}

/**
 * Checks an issuer's chain: every certificate is a CA that may sign, is in its validity, and is signed by the next; the
 * last may be self-signed (a root) or not.
 * @param at milliseconds since the epoch
 * @throws conflict naming the certificate and the rule
 */
export async function verifyIssuerChain(pem: string, at: number): Promise<ParsedCertificate[]> {
  const chain = readCertificates(pem, "chain");
  for (const [index, certificate] of chain.entries()) {
    const say = (rule: string) => conflict(`Cannot use the CA certificate ${quote(certificate.subject)}: ${rule}`);
    const constraints = certificate.getExtension(x509.BasicConstraintsExtension);
    const usages = certificate.getExtension(x509.KeyUsagesExtension)?.usages ?? 0;
    if (constraints?.ca !== true) throw say("it is not a CA (basicConstraints CA:TRUE is missing)");
    if ((usages & x509.KeyUsageFlags.keyCertSign) === 0) throw say("its key usage does not allow signing certificates");
    if (certificate.notBefore.getTime() > at) throw say(`not valid before ${certificate.notBefore.toISOString()}`);
    if (certificate.notAfter.getTime() <= at) throw say(`expired at ${certificate.notAfter.toISOString()}`);
    if (constraints.pathLength !== undefined && constraints.pathLength < index) {
      throw say(`its path length ${constraints.pathLength} allows fewer than the ${index} CAs below it`);
    }
    const parent = chain[index + 1];
    if (parent !== undefined && !(await isSignedBy(certificate, parent))) {
      throw say(`it is not signed by the next in the chain, ${quote(parent.subject)}`);
    }
  }
  return chain.map(describe);
}

/** Its issuer's name is the parent's subject, and the signature holds; times and what the parent may do aren't looked at. */
export async function isSignedBy(certificate: x509.X509Certificate, parent: x509.X509Certificate): Promise<boolean> {
  if (certificate.issuer !== parent.subject) return false;
  try {
    return await certificate.verify({ publicKey: parent.publicKey, signatureOnly: true });
  } catch {
    return false;
  }
}
