import { quote } from "@lib/errors/mod.ts";
import { RegistryError } from "./registry_error.ts";

export type DigestAlgorithm = "sha256" | "sha512";

/** A checked digest, e.g. "sha256:6c3c…": lower-case hexadecimal of the algorithm's length. */
export type Digest = `${DigestAlgorithm}:${string}`;

const hexDigits: Readonly<Record<DigestAlgorithm, number>> = { sha256: 64, sha512: 128 };

/** Whether the text is a digest of an algorithm that this registry knows. */
export function isDigest(text: string): text is Digest {
  const [algorithm = "", hex = "", ...rest] = text.split(":");
  return rest.length === 0 && isAlgorithm(algorithm) && hex.length === hexDigits[algorithm] && /^[0-9a-f]+$/.test(hex);
}

/** @throws RegistryError DIGEST_INVALID */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text;
  throw new RegistryError(
    "DIGEST_INVALID",
    `${quote(text)} is not a digest: sha256: with 64 or sha512: with 128 lower-case hexadecimal digits`,
    { field: "digest" },
  );
}

export function isAlgorithm(text: string): text is DigestAlgorithm {
  return text === "sha256" || text === "sha512";
}

export function algorithmOf(digest: Digest): DigestAlgorithm {
  return digest.startsWith("sha512:") ? "sha512" : "sha256";
}

export function hexOf(digest: Digest): string {
  return digest.slice(digest.indexOf(":") + 1);
}
