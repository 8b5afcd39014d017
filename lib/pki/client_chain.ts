/**
 * Whether a client's certificate leads to an issuer that somebody trusts (RFC 5280 §6.1).
 *
 * Rules: every certificate on the path is in its validity, the trusted one too; each but the first is a CA that may sign
 * as many CAs below it as there are; each is signed by the next; the first may be used by TLS clients. Policies and name
 * constraints are not read here: whoever calls this for TLS has the engine's verdict beside it, which reads them.
 * @module
 */
import { createHash } from "node:crypto";
import { invalid, messageOf, quote } from "@lib/errors/mod.ts";
import { isSignedBy, readCertificates } from "./certificate.ts";
import * as x509 from "./x509.ts";

/** A certificate that clients' certificates may lead to. */
export interface ClientIssuer {
  /** RFC 4514. */
  readonly subject: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** SHA-256 of the DER, lower-case hex. */
  readonly fingerprint: string;
  readonly certificate: x509.X509Certificate;
}

/** What a good chain says. */
export interface ClientPath {
  /** Of the client, RFC 4514. */
  readonly subject: string;
  /** SHA-256 of the client's certificate, lower-case hex. */
  readonly fingerprint: string;
  /** The issuer that the path ends at. */
  readonly issuer: ClientIssuer;
  /** When the first certificate on the path ends, the issuer included; ms since the epoch. */
  readonly notAfter: number;
}

/** Real chains have up to four. */
export const maxChainCertificates = 8;
/** A client's own certificate; one with an RSA key of 4096 bits and many names has 3 KiB. It is sent to backends. */
export const maxClientCertificateBytes = 8 * 1024;
/** Signatures that are checked at most: each certificate costs up to 2 ms, to read and to check. */
const defaultSignatures = 16;

/**
 * The issuers of PEM text: all certificates in it must be CAs.
 * @throws invalid when there is none, or one is no CA or can't be read; ended ones are no error
 */
export function parseClientIssuers(pem: string, field: string): ClientIssuer[] {
  return readCertificates(pem, field).map((certificate) => {
    const problem = problemOfCa(certificate);
    if (problem !== "") throw invalid(field, `${quote(certificate.subject)} ${problem}`);
    const { subject, notBefore, notAfter } = certificate;
    return { subject, notBefore, notAfter, fingerprint: fingerprintOf(certificate), certificate };
  });
}

/**
 * Finds the path.
 * @param chain DER, the client's own first, as it sent them: in any order, with others among them
 * @param at milliseconds since the epoch
 * @param maxSignatures bounds the work; for chains that come from strangers, less than by default
 * @throws invalid with what is wrong, in words for whoever holds the certificate
 */
export async function verifyClientChain(
  chain: readonly Uint8Array[],
  issuers: readonly ClientIssuer[],
  at: number,
  maxSignatures = defaultSignatures,
): Promise<ClientPath> {
  if (chain.length > maxChainCertificates) {
    throw refused(`the chain has more than ${maxChainCertificates} certificates`);
  }
  const [own, ...others] = chain.map(readDer);
  if (own === undefined) throw refused("there is none");
  if (own.rawData.byteLength > maxClientCertificateBytes) {
    throw refused(`it has more than ${maxClientCertificateBytes} bytes`);
  }
  if (own.getExtension(x509.BasicConstraintsExtension)?.ca === true) throw refused("it is a CA's, not a client's");
  const usages = own.getExtension(x509.ExtendedKeyUsageExtension)?.usages;
  if (usages !== undefined && !usages.includes(x509.ExtendedKeyUsage.clientAuth)) {
    throw refused("its extended key usage has no clientAuth");
  }
  const found = await new PathSearch(issuers, at, maxSignatures).from(own, others, 0);
  const { subject } = own;
  return { subject, fingerprint: fingerprintOf(own), ...found };
}

/** Depth first over the certificates that came with the client's own; the first path that holds is taken. */
class PathSearch {
  #signatures = 0;

  constructor(readonly issuers: readonly ClientIssuer[], readonly at: number, readonly maxSignatures: number) {}

  /** @param below CAs on the path so far */
  async from(
    certificate: x509.X509Certificate,
    others: readonly x509.X509Certificate[],
    below: number,
  ): Promise<Pick<ClientPath, "issuer" | "notAfter">> {
    const ends = this.#endOf(certificate);
    // What went wrong on the path that led farthest is worth telling; of none, that nobody is known who signed it.
    let problem: unknown = null;
    for (const issuer of this.issuers) {
      if (!await this.#isSigned(certificate, issuer.certificate)) continue;
      try {
        return { issuer, notAfter: Math.min(ends, this.#endOfCa(issuer.certificate, below)) };
      } catch (error) {
        problem = error;
      }
    }
    for (const other of others) {
      if (!await this.#isSigned(certificate, other)) continue;
      try {
        const end = this.#endOfCa(other, below);
        const rest = others.filter((one) => one !== other);
        const found = await this.from(other, rest, below + 1);
        return { issuer: found.issuer, notAfter: Math.min(ends, end, found.notAfter) };
      } catch (error) {
        problem ??= error;
      }
    }
    throw problem ??
      refused(`${quote(certificate.issuer)}, who issued ${quote(certificate.subject)}, is not trusted here`);
  }

  #endOf({ subject, notBefore, notAfter }: x509.X509Certificate): number {
    if (notAfter.getTime() <= this.at) throw refused(`${quote(subject)} expired at ${notAfter.toISOString()}`);
    if (notBefore.getTime() > this.at) throw refused(`${quote(subject)} is valid from ${notBefore.toISOString()} on`);
    return notAfter.getTime();
  }

  #endOfCa(certificate: x509.X509Certificate, below: number): number {
    const problem = problemOfCa(certificate);
    if (problem !== "") throw refused(`${quote(certificate.subject)} ${problem}`);
    const { pathLength } = certificate.getExtension(x509.BasicConstraintsExtension)!;
    if (pathLength !== undefined && pathLength < below) {
      throw refused(`the path length ${pathLength} of ${quote(certificate.subject)} allows fewer CAs below it`);
    }
    return this.#endOf(certificate);
  }

  async #isSigned(certificate: x509.X509Certificate, parent: x509.X509Certificate): Promise<boolean> {
    // Of another name: nothing to compute.
    if (certificate.issuer !== parent.subject) return false;
    if (++this.#signatures > this.maxSignatures) throw refused("its chain has too many certificates of one name");
    return await isSignedBy(certificate, parent);
  }
}

/** "" for a certificate that may sign others. */
function problemOfCa(certificate: x509.X509Certificate): string {
  if (certificate.getExtension(x509.BasicConstraintsExtension)?.ca !== true) {
    return "is not a CA (basicConstraints CA:TRUE is missing)";
  }
  // RFC 5280 §4.2.1.3: where there is a key usage, it must have it.
  const usages = certificate.getExtension(x509.KeyUsagesExtension)?.usages;
  if (usages !== undefined && (usages & x509.KeyUsageFlags.keyCertSign) === 0) {
    return "may not sign certificates (key usage keyCertSign is missing)";
  }
  return "";
}

function readDer(der: Uint8Array): x509.X509Certificate {
  try {
    return new x509.X509Certificate(new Uint8Array(der));
  } catch (cause) {
    throw refused(`it can't be read: ${messageOf(cause)}`, cause);
  }
}

/** At once: whoever loads a file waits for nothing. */
function fingerprintOf({ rawData }: x509.X509Certificate): string {
  return createHash("sha256").update(new Uint8Array(rawData)).digest("hex");
}

function refused(rule: string, cause?: unknown) {
  return invalid("client_certificate", rule, cause === undefined ? {} : { cause });
}
