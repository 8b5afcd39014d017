/**
 * The two signing algorithms: keys as DNSSEC writes them, over node:crypto and WebCrypto.
 *
 * Measured on one core: a signature takes 0.04 ms with Ed25519, 0.8 ms with P-256 in the turn of the caller, half that in
 * WebCrypto's own thread. So a change of one name (three or four signatures) is signed in its transaction, and many at once
 * aside (dnssec/bulk_signer.ts).
 */
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { fromBytes, type Octets } from "../domain/octets.ts";
import type { AlgorithmName } from "../domain/signing_policy.ts";

export interface KeyAlgorithm {
  /** In DNSKEY, DS and RRSIG records (IANA "DNS Security Algorithm Numbers"). */
  readonly number: number;
  generate(): KeyObject;
  /** The public key as it stands in a DNSKEY record. */
  publicKey(jwk: JsonWebKey): Octets;
  /** Of the digest that node:crypto is told; null where the algorithm has its own. */
  readonly digest: "sha256" | null;
  readonly importAs: string | EcKeyImportParams;
  readonly signAs: string | EcdsaParams;
}

const coordinate = (text: string | undefined): Octets =>
  fromBytes(Uint8Array.fromBase64(text ?? "", { alphabet: "base64url" }));

export const keyAlgorithms: Readonly<Record<AlgorithmName, KeyAlgorithm>> = {
  ecdsap256sha256: {
    number: 13,
    generate: () => generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey,
    // RFC 6605 §4: both coordinates, without the octet that says "uncompressed".
    publicKey: ({ x, y }) => coordinate(x) + coordinate(y),
    digest: "sha256",
    importAs: { name: "ECDSA", namedCurve: "P-256" },
    signAs: { name: "ECDSA", hash: "SHA-256" },
  },
  ed25519: {
    number: 15,
    generate: () => generateKeyPairSync("ed25519").privateKey,
    // RFC 8080 §3
    publicKey: ({ x }) => coordinate(x),
    digest: null,
    importAs: "Ed25519",
    signAs: "Ed25519",
  },
};
