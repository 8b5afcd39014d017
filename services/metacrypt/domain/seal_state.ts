/**
 * The seal's states and what a password must be.
 * @module
 */
import { invalid } from "@lib/errors/mod.ts";

/**
 * - `uninitialized`: no master key exists; `init` makes one.
 * - `sealed`: it exists, wrapped; nothing secret can be read.
 * - `unsealed`: it is in memory.
 */
export type SealState = "uninitialized" | "sealed" | "unsealed";

/** NIST SP 800-63B asks for 8; this password guards every key, so 12. */
const minPasswordCharacters = 12;
/** Argon2id reads all of it; a longer one only costs time. */
const maxPasswordCharacters = 1024;

/** Checks a new password. @throws invalid("password"), never quoting it */
export function checkNewPassword(password: string): void {
  const { length } = password;
  if (length < minPasswordCharacters || length > maxPasswordCharacters) {
    throw invalid(
      "password",
      `a seal password has ${minPasswordCharacters} to ${maxPasswordCharacters} characters: ${length}`,
    );
  }
}
