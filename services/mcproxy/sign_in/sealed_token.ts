/**
 * A token of MCIAS as a cookie's value: nobody but this proxy can read or change it, and it is good for one host name.
 *
 * version (1 octet) | nonce (12) | AES-256-GCM of the token | tag (16), in base64url. The host name is authenticated
 * with it. It has no end of its own: it is good as long as MCIAS says that the token is.
 * @module
 */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { maxTokenBytes } from "@lib/auth/mod.ts";

const version = 1;
// NIST SP 800-38D §8.2.2. Random nonces: §8.3 has 2^32 of them for a key, a sign-in a second for 136 years.
const nonceBytes = 12;
const tagBytes = 16;
const headBytes = 1 + nonceBytes;
/** Longer ones are none of ours. */
const maxTextLength = Math.ceil((headBytes + maxTokenBytes + tagBytes) * 4 / 3);

export function sealToken(token: string, hostname: string, key: Uint8Array): string {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv("aes-256-gcm", key, nonce);
  cipher.setAAD(context(hostname));
  const sealed = cipher.update(token, "utf8");
  return Buffer.concat([Uint8Array.of(version), nonce, sealed, cipher.final(), cipher.getAuthTag()]).toString(
    "base64url",
  );
}

/** The token, or null for a text that isn't one that was sealed with that key for that name. */
export function openToken(text: string, hostname: string, key: Uint8Array): string | null {
  if (text.length > maxTextLength || !/^[A-Za-z0-9_-]+$/.test(text) || text.length % 4 === 1) return null;
  const bytes = Buffer.from(text, "base64url");
  if (bytes.length <= headBytes + tagBytes || bytes[0] !== version) return null;
  const cipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(1, headBytes));
  cipher.setAAD(context(hostname));
  cipher.setAuthTag(bytes.subarray(-tagBytes));
  try {
    return cipher.update(bytes.subarray(headBytes, -tagBytes), undefined, "utf8") + cipher.final("utf8");
  } catch {
    return null;
  }
}

function context(hostname: string): Uint8Array {
  return Buffer.from(`mcproxy sign-in\0${hostname}`);
}
