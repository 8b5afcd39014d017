/**
 * Making certificates: root, intermediate, leaf. What they say is fixed here, whatever a request asks for.
 * @module
 */
import { type Clock, systemClock } from "@lib/clock/mod.ts";
import { conflict, invalid, quote } from "@lib/errors/mod.ts";
import { readCertificates, serialText } from "./certificate.ts";
import { generateKey, signingAlgorithm } from "./keys.ts";
import { nameConstraints } from "./name_constraints.ts";
import { parseSubjectNames } from "./names.ts";
import { writePem } from "./pem.ts";
import { commonNameOnly, defaultCommonName, readCsr, subjectAltName } from "./request.ts";
import * as x509 from "./x509.ts";

const dayMs = 86_400_000;
/** Peers whose clock is behind by up to this accept a new certificate. */
export const backdateMs = 60_000;

/** A CA that can sign: its certificate (the first of the PEM text counts) and private key. */
export interface SigningIssuer {
  certificatePem: string;
  key: { privateKey: CryptoKey };
}

/** A CA made here, with both halves of its key. */
export interface MadeIssuer extends SigningIssuer {
  key: CryptoKeyPair;
}

/** What goes into a root. */
export interface RootOptions {
  /** Common name, 1–64 characters. */
  name: string;
  days: number;
  /** Default: a new P-256 key. */
  key?: CryptoKeyPair;
  clock?: Clock;
}

/** What goes into an intermediate. */
export interface IntermediateOptions {
  /** Common name; default: the request's. */
  name?: string;
  days: number;
  /** CAs allowed below it; default 0: it signs leaves only. */
  pathLength?: number;
  /**
   * Name constraints (RFC 5280 §4.2.1.10): a DNS zone permits itself and everything below it, an address block
   * (`127.0.0.0/8`) every address in it; `::1` stands for one address. Default: none.
   */
  permitted?: readonly string[];
  clock?: Clock;
}

/** What goes into a leaf. */
export interface LeafOptions {
  /** Lets a name be "*.example.org". Default: false; the platform's own programs have exact names. */
  wildcard?: boolean;
  /** DNS names and IP addresses, 1–100. */
  names: readonly string[];
  /** Default: a minute ago. */
  notBefore?: Date;
  /** Default: 90 days from now. Cut to the issuer's own end. */
  notAfter?: Date;
  /** 32 hex digits; default: 128 random bits. */
  serial?: string;
  clock?: Clock;
}

/** 128 random bits, lower-case hex. */
export function randomSerial(): string {
  return crypto.getRandomValues(new Uint8Array(16)).toHex();
}

/** Makes a self-signed root: CA:TRUE, keyCertSign and cRLSign, no path length. */
export async function createRoot(options: RootOptions): Promise<MadeIssuer> {
  const key = options.key ?? await generateKey("P-256");
  const [notBefore, notAfter] = validity(options.days, options.clock ?? systemClock);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: randomSerial(),
    name: commonNameOnly(caName(options.name)),
    notBefore,
    notAfter,
    keys: key,
    signingAlgorithm: signingAlgorithm(key.privateKey),
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(key.publicKey),
    ],
  });
  return { certificatePem: writePem("CERTIFICATE", certificate.rawData), key };
}

/**
 * Signs the request of an intermediate CA.
 * @returns the certificate alone, PEM
 * @throws invalid when the request doesn't prove possession of its key, or a name or block is wrong
 */
export async function signIntermediate(
  issuer: SigningIssuer,
  csrPem: string,
  options: IntermediateOptions,
): Promise<string> {
  const request = await readCsr(csrPem);
  if (!request.verified) throw invalid("csr", "its signature does not prove possession of the private key");
  const subject = commonNameOnly(caName(options.name ?? request.commonName));
  // A chain of two CAs of one name is read as a loop by some verifiers.
  if (readCertificates(issuer.certificatePem, "issuer")[0]?.subject === subject.toString()) {
    throw invalid("name", `an intermediate must not have its issuer's name: ${quote(subject.toString())}`);
  }
  const [notBefore, notAfter] = validity(options.days, options.clock ?? systemClock);
  const extensions: x509.Extension[] = [
    new x509.BasicConstraintsExtension(true, options.pathLength ?? 0, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
  ];
  if (options.permitted !== undefined) extensions.push(nameConstraints(options.permitted));
  return await sign(issuer, {
    publicKey: request.publicKey,
    subject,
    serial: randomSerial(),
    notBefore,
    notAfter,
    extensions,
  });
}

/**
 * Signs a certificate for TLS servers and clients.
 * @param subject a request in PEM (checked for possession), or a public key whose holder the caller has checked
 * @returns the certificate alone, PEM
 */
export async function signLeaf(
  issuer: SigningIssuer,
  subject: string | CryptoKey,
  options: LeafOptions,
): Promise<string> {
  const names = parseSubjectNames(options.names, { wildcard: options.wildcard ?? false });
  const commonName = defaultCommonName(names);
  const [notBefore, notAfter] = validity(90, options.clock ?? systemClock);
  return await sign(issuer, {
    publicKey: typeof subject === "string" ? await possessedKey(subject) : subject,
    subject: commonNameOnly(commonName),
    serial: options.serial ?? randomSerial(),
    notBefore: options.notBefore ?? notBefore,
    notAfter: options.notAfter ?? notAfter,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      // TLS 1.3 only signs with the certificate's key (RFC 8446 §4.4.2.2), whatever the algorithm.
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
      subjectAltName(names, commonName === ""),
    ],
  });
}

async function possessedKey(csrPem: string): Promise<CryptoKey> {
  const request = await readCsr(csrPem);
  if (!request.verified) throw invalid("csr", "its signature does not prove possession of the private key");
  return request.publicKey;
}

interface Contents {
  publicKey: CryptoKey;
  subject: x509.Name;
  serial: string;
  notBefore: Date;
  notAfter: Date;
  extensions: x509.Extension[];
}

async function sign(issuer: SigningIssuer, contents: Contents): Promise<string> {
  const [parent] = readCertificates(issuer.certificatePem, "issuer");
  const identifier = parent?.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId;
  if (parent === undefined || identifier === undefined) throw conflict("The issuer has no subject key identifier");
  // Nothing outlives its issuer, nor begins before it: verifiers would refuse the chain for that time.
  const notBefore = new Date(Math.max(wholeSeconds(contents.notBefore), parent.notBefore.getTime()));
  const notAfter = new Date(Math.min(wholeSeconds(contents.notAfter), parent.notAfter.getTime()));
  if (notAfter <= notBefore) {
    throw conflict(`The issuer ${quote(parent.subject)} is valid until ${parent.notAfter.toISOString()} only`);
  }
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: contents.serial,
    subject: contents.subject,
    issuer: parent.subjectName,
    notBefore,
    notAfter,
    publicKey: contents.publicKey,
    signingKey: issuer.key.privateKey,
    signingAlgorithm: signingAlgorithm(issuer.key.privateKey),
    extensions: [
      ...contents.extensions,
      await x509.SubjectKeyIdentifierExtension.create(contents.publicKey),
      new x509.AuthorityKeyIdentifierExtension(identifier),
    ],
  });
  if (serialText(certificate.serialNumber) !== serialText(contents.serial)) {
    throw invalid("serial", `a serial number is 32 hex digits: ${quote(contents.serial)}`);
  }
  return writePem("CERTIFICATE", certificate.rawData);
}

function validity(days: number, clock: Clock): [Date, Date] {
  if (!Number.isFinite(days) || days <= 0) throw invalid("days", `a validity is longer than nothing: ${days}`);
  const now = clock.now();
  return [new Date(wholeSeconds(new Date(now - backdateMs))), new Date(wholeSeconds(new Date(now + days * dayMs)))];
}

/** X.509 times have no fraction of a second (RFC 5280 §4.1.2.5). */
function wholeSeconds(time: Date): number {
  return Math.floor(time.getTime() / 1000) * 1000;
}

function caName(text: string): string {
  // deno-lint-ignore no-control-regex -- these are the characters to refuse
  if (text.length < 1 || text.length > 64 || /[\x00-\x1f\x7f]/.test(text)) {
    throw invalid("name", `a CA's common name has 1 to 64 printable characters: ${quote(text)}`);
  }
  return text;
}
