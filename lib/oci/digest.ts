import { createHash } from "node:crypto";
import { conflict, invalid, quote } from "@lib/errors/mod.ts";

/** "sha256:" and 64 hexadecimal digits, of all the bytes. */
export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/**
 * Checks bytes against the digest they were asked for by.
 * @param what the content's place in the message: `Layer of "mcns"`
 * @throws PlatformError conflict, naming both digests; invalid for a digest of another algorithm
 */
export function verifyDigest(bytes: Uint8Array, expected: string, what: string): void {
  const [algorithm = "", hex = ""] = expected.split(":");
  if ((algorithm !== "sha256" && algorithm !== "sha512") || !/^[0-9a-f]+$/.test(hex)) {
    throw invalid("digest", `${quote(expected)} is not a sha256 or sha512 digest`);
  }
  const actual = `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}`;
  if (actual !== expected) {
    throw conflict(`${what} is not what was asked for: expected ${expected}, received ${actual}`, {
      hint: "The registry's copy is damaged, or something between changed it; push it again",
    });
  }
}
