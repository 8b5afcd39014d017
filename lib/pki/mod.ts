/**
 * X.509: keys, requests, certificates, in the one shape that the platform uses.
 * @module
 */
export { argon2id, type Argon2idCost, decryptKeyPem, defaultArgon2idCost, encryptKeyPem } from "./passphrase.ts";
export {
  fingerprint,
  parseCertificate,
  parseChain,
  type ParsedCertificate,
  serialText,
  verifyIssuerChain,
} from "./certificate.ts";
export {
  type ClientIssuer,
  type ClientPath,
  maxChainCertificates,
  maxClientCertificateBytes,
  parseClientIssuers,
  verifyClientChain,
} from "./client_chain.ts";
export {
  backdateMs,
  createRoot,
  type IntermediateOptions,
  type LeafOptions,
  type MadeIssuer,
  randomSerial,
  type RootOptions,
  type SigningIssuer,
  signIntermediate,
  signLeaf,
} from "./issue.ts";
export { exportKeyPem, exportPublicKeyPem, generateKey, importKeyPem, importPublicKey, type KeyKind } from "./keys.ts";
export { permits, type PermittedNames } from "./name_constraints.ts";
export { canonicalIp, type NameOptions, parseSubjectName, parseSubjectNames, type SubjectName } from "./names.ts";
export { maxPemBytes, type PemBlock, readOnePem, readPem, writePem } from "./pem.ts";
export { type CertificateRequest, createCsr, type CsrOptions, readCsr } from "./request.ts";
