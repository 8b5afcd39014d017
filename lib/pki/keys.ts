/**
 * Key pairs: making, reading and writing them, and which are strong enough.
 * @module
 */
import { invalid, messageOf, quote } from "@lib/errors/mod.ts";
import { derTag, oidText, readDer } from "./der.ts";
import { readOnePem, readPem, writePem } from "./pem.ts";

/** The kinds of key that the platform makes. */
export type KeyKind = "P-256" | "P-384" | "Ed25519" | "RSA-3072" | "RSA-4096";

/** What kind a key that came from elsewhere is. */
export interface KeyFacts {
  algorithm: "ECDSA" | "Ed25519" | "RSA";
  /** `P-256`, `P-384`; empty for others. */
  curve: string;
  /** RSA modulus; 0 for others. */
  bits: number;
}

const oids = {
  ec: "1.2.840.10045.2.1",
  rsa: "1.2.840.113549.1.1.1",
  ed25519: "1.3.101.112",
} as const;
const curves = new Map([["1.2.840.10045.3.1.7", "P-256"], ["1.3.132.0.34", "P-384"]]);
/** NIST SP 800-57 part 1: 128 bits of security, which P-256 and Ed25519 give too. */
const minRsaBits = 3072;
/** Verifying costs grow with the modulus; nothing real is longer. */
const maxRsaBits = 8192;

/**
 * Makes a key pair for signatures.
 * @param kind default `P-256`
 * @param options.extractable false keeps the private key inside WebCrypto: it signs, but can't be exported
 */
export async function generateKey(
  kind: KeyKind = "P-256",
  options: { extractable?: boolean } = {},
): Promise<CryptoKeyPair> {
  const made = await crypto.subtle.generateKey(generation(kind), options.extractable ?? true, ["sign", "verify"]);
  return made as CryptoKeyPair;
}

function generation(kind: KeyKind): EcKeyGenParams | RsaHashedKeyGenParams | Algorithm {
  switch (kind) {
    case "P-256":
    case "P-384":
      return { name: "ECDSA", namedCurve: kind };
    case "Ed25519":
      return { name: "Ed25519" };
    case "RSA-3072":
    case "RSA-4096":
      return {
        name: "RSASSA-PKCS1-v1_5",
        modulusLength: Number(kind.slice(4)),
        publicExponent: Uint8Array.of(1, 0, 1),
        hash: "SHA-256",
      };
  }
}

/** The private key as PKCS#8 PEM (`PRIVATE KEY`). It must be extractable. */
export async function exportKeyPem(key: CryptoKeyPair | CryptoKey): Promise<string> {
  const privateKey = "privateKey" in key ? key.privateKey : key;
  return writePem("PRIVATE KEY", await crypto.subtle.exportKey("pkcs8", privateKey));
}

/** The public key as SubjectPublicKeyInfo PEM (`PUBLIC KEY`). */
export async function exportPublicKeyPem(key: CryptoKeyPair | CryptoKey): Promise<string> {
  const publicKey = "publicKey" in key ? key.publicKey : key;
  return writePem("PUBLIC KEY", await crypto.subtle.exportKey("spki", publicKey));
}

/**
 * Reads an unencrypted PKCS#8 PEM private key and derives its public half.
 * @param options.extractable default true
 * @throws invalid when it isn't PKCS#8, is broken, or is a weak key
 */
export async function importKeyPem(pem: string, options: { extractable?: boolean } = {}): Promise<CryptoKeyPair> {
  const other = readPem(pem, "key").find((each) => each.label !== "PRIVATE KEY" && each.label.endsWith("PRIVATE KEY"));
  if (other !== undefined) {
    throw invalid("key", `a ${quote(other.label)} block is not read; convert it with: openssl pkcs8 -topk8 -nocrypt`);
  }
  const der = readOnePem(pem, "PRIVATE KEY", "key");
  const facts = privateKeyFacts(der);
  const algorithm = importParameters(facts);
  try {
    // Deriving the public half goes through JWK, which only an extractable key gives.
    const open = await crypto.subtle.importKey("pkcs8", der, algorithm, true, ["sign"]);
    const { kty, crv, x, y, n, e } = await crypto.subtle.exportKey("jwk", open);
    const half = Object.fromEntries(Object.entries({ kty, crv, x, y, n, e }).filter(([, v]) => v !== undefined));
    const publicKey = await crypto.subtle.importKey("jwk", half, algorithm, true, ["verify"]);
    requireStrong(publicKeyFacts(new Uint8Array(await crypto.subtle.exportKey("spki", publicKey)), "key"), "key");
    const privateKey = options.extractable === false
      ? await crypto.subtle.importKey("pkcs8", der, algorithm, false, ["sign"])
      : open;
    return { privateKey, publicKey };
  } catch (cause) {
    if (cause instanceof Error && cause.name === "PlatformError") throw cause;
    // The cause's text is left out: it might quote key material.
    throw invalid("key", `cannot read this ${facts.algorithm} private key`);
  }
}

/**
 * Reads a SubjectPublicKeyInfo in DER.
 * @throws invalid when it is broken or weak
 */
export async function importPublicKey(spki: Uint8Array<ArrayBuffer>, field = "key"): Promise<CryptoKey> {
  const facts = requireStrong(publicKeyFacts(spki, field), field);
  try {
    return await crypto.subtle.importKey("spki", spki, importParameters(facts), true, ["verify"]);
  } catch (cause) {
    throw invalid(field, `cannot read this ${facts.algorithm} public key: ${messageOf(cause)}`, { cause });
  }
}

function importParameters(facts: KeyFacts): EcKeyImportParams | RsaHashedImportParams | Algorithm {
  if (facts.algorithm === "ECDSA") return { name: "ECDSA", namedCurve: facts.curve };
  if (facts.algorithm === "RSA") return { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  return { name: "Ed25519" };
}

/** How a key signs: the hash follows the curve's strength. */
export function signingAlgorithm(key: CryptoKey): Algorithm | EcdsaParams {
  const { name } = key.algorithm;
  if (name === "ECDSA") {
    const hash = (key.algorithm as EcKeyAlgorithm).namedCurve === "P-384" ? "SHA-384" : "SHA-256";
    return { name, hash };
  }
  return name === "Ed25519" ? { name } : { name, hash: "SHA-256" } as EcdsaParams;
}

/** RFC 5958 §2: SEQUENCE { version, AlgorithmIdentifier, OCTET STRING }. */
function privateKeyFacts(pkcs8: Uint8Array<ArrayBuffer>): KeyFacts {
  return algorithmFacts("key", () => readDer(readDer(pkcs8)[0]?.value ?? new Uint8Array())[1]?.value);
}

/** RFC 5280 §4.1: SEQUENCE { AlgorithmIdentifier, BIT STRING }. */
export function publicKeyFacts(spki: Uint8Array<ArrayBuffer>, field: string): KeyFacts {
  const parts = () => readDer(readDer(spki)[0]?.value ?? new Uint8Array());
  const facts = algorithmFacts(field, () => parts()[0]?.value);
  if (facts.algorithm !== "RSA") return facts;
  try {
    const [modulus, exponent] = readDer(
      readDer(parts()[1]?.value.subarray(1) ?? new Uint8Array())[0]?.value ?? new Uint8Array(),
    );
    if (modulus?.tag !== derTag.integer || exponent?.tag !== derTag.integer) throw new RangeError("no modulus");
    const digits = modulus.value.toHex().replace(/^(00)+/, "");
    // 65537 is what every tool makes; smaller and even exponents are how broken keys look.
    if (exponent.value.toHex() !== "010001") throw invalid(field, "an RSA key must have the public exponent 65537");
    return { ...facts, bits: digits === "" ? 0 : BigInt(`0x${digits}`).toString(2).length };
  } catch (cause) {
    if (cause instanceof RangeError) throw invalid(field, "the RSA public key is malformed", { cause });
    throw cause;
  }
}

function algorithmFacts(field: string, find: () => Uint8Array<ArrayBuffer> | undefined): KeyFacts {
  let parts;
  try {
    parts = readDer(find() ?? new Uint8Array());
  } catch (cause) {
    throw invalid(field, "the key is malformed DER", { cause });
  }
  const [algorithm, parameters] = parts;
  const oid = algorithm?.tag === derTag.oid ? oidText(algorithm.value) : "none";
  if (oid === oids.ed25519) return { algorithm: "Ed25519", curve: "", bits: 0 };
  if (oid === oids.rsa) return { algorithm: "RSA", curve: "", bits: 0 };
  if (oid === oids.ec) {
    const curveOid = parameters?.tag === derTag.oid ? oidText(parameters.value) : "explicit parameters";
    const curve = curves.get(curveOid);
    if (curve === undefined) throw invalid(field, `an EC key must use P-256 or P-384: ${curveOid}`);
    return { algorithm: "ECDSA", curve, bits: 0 };
  }
  throw invalid(field, `a key must be ECDSA P-256 or P-384, Ed25519 or RSA: algorithm ${oid}`);
}

function requireStrong(facts: KeyFacts, field: string): KeyFacts {
  if (facts.algorithm === "RSA" && (facts.bits < minRsaBits || facts.bits > maxRsaBits)) {
    throw invalid(field, `an RSA key must have ${minRsaBits} to ${maxRsaBits} bits: ${facts.bits}`);
  }
  return facts;
}
