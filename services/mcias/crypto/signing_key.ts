/**
 * Ed25519 keys that sign tokens (RFC 8037).
 * @module
 */
import { calculateJwkThumbprint } from "jose";
import type { MasterKey } from "./master_key.ts";

/** A public key as it is published. */
export interface PublicJwk {
  readonly kty: "OKP";
  readonly crv: "Ed25519";
  readonly x: string;
  readonly kid: string;
  readonly alg: "EdDSA";
  readonly use: "sig";
}

/** A key as it is stored: the private half only under the master key. */
export interface StoredSigningKey {
  /** RFC 7638 thumbprint of the public key. */
  readonly kid: string;
  readonly publicJwk: PublicJwk;
  /** PKCS #8, sealed. */
  readonly sealedPrivate: Uint8Array<ArrayBuffer>;
}

/** Makes a key pair. The private half leaves this function sealed only. */
export async function generateSigningKey(master: MasterKey): Promise<StoredSigningKey> {
  const pair = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]) as CryptoKeyPair;
  const { x = "" } = await crypto.subtle.exportKey("jwk", pair.publicKey);
  const kid = await calculateJwkThumbprint({ kty: "OKP", crv: "Ed25519", x });
  const secret = new Uint8Array(await crypto.subtle.exportKey("pkcs8", pair.privateKey));
  const sealedPrivate = await master.seal(purposeOf(kid), secret);
  secret.fill(0);
  return { kid, publicJwk: { kty: "OKP", crv: "Ed25519", x, kid, alg: "EdDSA", use: "sig" }, sealedPrivate };
}

/** The private key, not extractable. @throws Error when the master key does not open it */
export async function openSigningKey(master: MasterKey, stored: StoredSigningKey): Promise<CryptoKey> {
  const secret = await master.open(purposeOf(stored.kid), stored.sealedPrivate);
  if (secret === null) throw new Error(`the master key does not open signing key ${stored.kid}`);
  try {
    return await crypto.subtle.importKey("pkcs8", secret, "Ed25519", false, ["sign"]);
  } finally {
    secret.fill(0);
  }
}

export async function importPublicKey(jwk: PublicJwk): Promise<CryptoKey> {
  const { kty, crv, x } = jwk;
  return await crypto.subtle.importKey("jwk", { kty, crv, x }, "Ed25519", true, ["verify"]);
}

function purposeOf(kid: string): string {
  return `mcias signing-key ${kid}`;
}
