/**
 * Signatures of ACME requests: flattened JWS with ES256 (RFC 7515, RFC 8555 §6.2), thumbprints (RFC 7638), and the
 * binding to an account elsewhere (RFC 8555 §7.3.4).
 * @module
 */
import { invalid } from "@lib/errors/mod.ts";
import { calculateJwkThumbprint, FlattenedSign, type JWK } from "jose";

const encoder = new TextEncoder();

/** Who signs: an account that the server knows by its URL, or a key that it doesn't know yet. */
export interface Signer {
  readonly key: CryptoKeyPair;
  /** The account's URL; null sends the public key instead. */
  readonly account: string | null;
}

/** An account with the CA's operator, which the ACME account is to belong to. */
export interface ExternalAccount {
  /** As the CA's operator gave it. */
  readonly keyId: string;
  /** The secret, base64url (padded or not), as the CA's operator gave it. */
  readonly hmacKey: string;
}

/** @throws PlatformError `invalid` when the key isn't P-256: ES256 is what every ACME server takes (RFC 8555 §6.2) */
export function checkAccountKey(key: CryptoKeyPair, field = "accountKey"): void {
  const { name, namedCurve } = key.privateKey.algorithm as EcKeyAlgorithm;
  if (name !== "ECDSA" || namedCurve !== "P-256") {
    throw invalid(field, `must be a P-256 key: ${name} ${namedCurve ?? ""}`);
  }
}

/** The public half, with the members that a thumbprint covers and no others. */
export async function publicJwk(key: CryptoKeyPair): Promise<JWK> {
  const { crv, kty, x, y } = await crypto.subtle.exportKey("jwk", key.publicKey);
  return { crv, kty, x, y } as JWK;
}

/** RFC 7638 with SHA-256, base64url. */
export async function thumbprint(key: CryptoKeyPair): Promise<string> {
  return await calculateJwkThumbprint(await publicJwk(key));
}

/**
 * A request's body.
 * @param payload JSON value, or null for the empty payload of POST-as-GET (RFC 8555 §6.3)
 * @param nonce null only inside a key change (RFC 8555 §7.3.5)
 */
export async function signedBody(
  payload: unknown,
  { key, account }: Signer,
  url: string,
  nonce: string | null,
): Promise<string> {
  const jws = await new FlattenedSign(payload === null ? new Uint8Array() : encoder.encode(JSON.stringify(payload)))
    .setProtectedHeader({
      alg: "ES256",
      ...(account === null ? { jwk: await publicJwk(key) } : { kid: account }),
      ...(nonce === null ? {} : { nonce }),
      url,
    })
    .sign(key.privateKey);
  return JSON.stringify(jws);
}

/**
 * The proof that the holder of the external account wants `key` to be its ACME account.
 * @param url of the newAccount resource
 * @throws PlatformError `invalid` when the secret isn't base64url or is shorter than 16 bytes
 */
export async function externalBinding({ keyId, hmacKey }: ExternalAccount, key: CryptoKeyPair, url: string) {
  let secret: Uint8Array<ArrayBuffer>;
  try {
    secret = Uint8Array.fromBase64(hmacKey, { alphabet: "base64url" });
  } catch {
    // Its text is not quoted: it is a secret.
    throw invalid("externalAccount.hmacKey", "must be base64url");
  }
  if (secret.length < 16) throw invalid("externalAccount.hmacKey", `is too short to be one: ${secret.length} bytes`);
  return await new FlattenedSign(encoder.encode(JSON.stringify(await publicJwk(key))))
    .setProtectedHeader({ alg: "HS256", kid: keyId, url })
    .sign(secret);
}
