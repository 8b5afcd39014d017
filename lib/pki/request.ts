/**
 * Certificate requests (PKCS#10, RFC 2986).
 * @module
 */
import { invalid, messageOf } from "@lib/errors/mod.ts";
import { importPublicKey, signingAlgorithm } from "./keys.ts";
import { canonicalIp, parseSubjectNames, type SubjectName } from "./names.ts";
import { readOnePem, writePem } from "./pem.ts";
import * as x509 from "./x509.ts";

const oidSubjectAltName = "2.5.29.17";

/** A request as read from PEM. */
export interface CertificateRequest {
  /** From subjectAltName, canonical, each once; empty when the request has none. */
  names: string[];
  subjectNames: SubjectName[];
  /** The subject's common name; empty when there is none. */
  commonName: string;
  publicKey: CryptoKey;
  /** The request's signature proves that its maker holds the private key. */
  verified: boolean;
}

/** What a request asks for. */
export interface CsrOptions {
  key: CryptoKeyPair;
  /** DNS names and IP addresses; may be empty for a CA's request. */
  names: readonly string[];
  /** Default: the first DNS name of at most 64 characters, else none. */
  commonName?: string;
  /** `*.` as a name's first label is allowed; default false. */
  wildcard?: boolean;
}

/** A distinguished name of one common name, or the empty one; nothing in `text` is read as syntax. */
export function commonNameOnly(text: string): x509.Name {
  return new x509.Name(text === "" ? [] : [{ CN: [{ utf8String: text }] }]);
}

/** X.520 allows 64 characters in a common name. */
export function defaultCommonName(names: readonly SubjectName[]): string {
  return names.find((each) => each.kind === "dns" && each.value.length <= 64)?.value ?? "";
}

/** The subjectAltName extension; critical when there is no subject (RFC 5280 §4.2.1.6). */
export function subjectAltName(names: readonly SubjectName[], critical: boolean): x509.Extension {
  return new x509.SubjectAlternativeNameExtension(
    names.map((each) => ({ type: each.kind, value: each.value })),
    critical,
  );
}

/** Makes a request and signs it with its own key. @returns PEM */
export async function createCsr(options: CsrOptions): Promise<string> {
  const names = options.names.length === 0
    ? []
    : parseSubjectNames(options.names, { wildcard: options.wildcard ?? false });
  const commonName = options.commonName ?? defaultCommonName(names);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: commonNameOnly(commonName),
    keys: options.key,
    signingAlgorithm: signingAlgorithm(options.key.privateKey),
    extensions: names.length === 0 ? [] : [subjectAltName(names, commonName === "")],
  });
  return writePem("CERTIFICATE REQUEST", request.rawData);
}

/**
 * Reads a request and checks its signature. Of what it asks, only names, common name and key are looked at: any other
 * extension (a request for CA rights, for instance) is never copied into a certificate.
 * @param options.maxNames default 100
 * @throws invalid("csr") for anything malformed, weak keys, SHA-1 signatures, forbidden names, kinds of name
 * other than DNS and IP. A wrong signature does not throw: look at `verified`.
 */
export async function readCsr(pem: string, options: { maxNames?: number } = {}): Promise<CertificateRequest> {
  const der = readOnePem(
    pem.replaceAll("NEW CERTIFICATE REQUEST", "CERTIFICATE REQUEST"),
    "CERTIFICATE REQUEST",
    "csr",
  );
  let request: x509.Pkcs10CertificateRequest;
  let alternatives: x509.Extension[];
  let spki: ArrayBuffer;
  let commonNames: string[];
  let hash: string;
  try {
    request = new x509.Pkcs10CertificateRequest(der);
    alternatives = request.getExtensions(oidSubjectAltName);
    spki = request.publicKey.rawData;
    commonNames = request.subjectName.getField("CN");
    hash = (request.signatureAlgorithm as { hash?: { name: string } }).hash?.name ?? "";
  } catch (cause) {
    throw invalid("csr", `not a certificate request: ${messageOf(cause)}`, { cause });
  }
  const publicKey = await importPublicKey(new Uint8Array(spki), "csr");
  if (hash === "SHA-1") throw invalid("csr", "its signature uses SHA-1; SHA-256 or better is needed");
  const subjectNames = readNames(alternatives, options.maxNames ?? 100);
  if (commonNames.length > 1) throw invalid("csr", `one common name at most: ${commonNames.length}`);
  return {
    names: subjectNames.map((each) => each.value),
    subjectNames,
    commonName: commonNames[0] ?? "",
    publicKey,
    verified: await proves(request),
  };
}

function readNames(extensions: x509.Extension[], max: number): SubjectName[] {
  if (extensions.length > 1) throw invalid("csr", "more than one subjectAltName extension");
  const [extension] = extensions;
  if (extension === undefined) return [];
  let items: readonly x509.GeneralName[];
  try {
    items = new x509.SubjectAlternativeNameExtension(extension.rawData).names.items;
  } catch (cause) {
    throw invalid("csr", `malformed subjectAltName: ${messageOf(cause)}`, { cause });
  }
  if (items.length === 0) return [];
  if (items.length > max) throw invalid("csr", `a certificate carries at most ${max} names: ${items.length}`);
  for (const { type } of items) {
    if (type !== "dns" && type !== "ip") throw invalid("csr", `a name must be of the kind dns or ip: ${type}`);
  }
  // An address written as a dNSName is read differently by different verifiers (RFC 5280 §4.2.1.6).
  if (items.some((each) => each.type === "dns" && canonicalIp(each.value) !== null)) {
    throw invalid("csr", "an IP address must be an iPAddress name, not a DNS name");
  }
  return parseSubjectNames(items.map((each) => each.value), { field: "csr", max });
}

async function proves(request: x509.Pkcs10CertificateRequest): Promise<boolean> {
  try {
    return await request.verify();
  } catch {
    // A signature that can't even be decoded proves nothing.
    return false;
  }
}
