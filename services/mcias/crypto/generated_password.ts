/**
 * Passwords that the program makes up.
 * @module
 */

// Without 0/o, 1/l/i: whoever copies it from paper makes no mistake. 30 characters, 4.9 bits each.
const alphabet = "abcdefghjkmnpqrstuvwxyz2345679";

/** Four groups of six, `k7wq2m-…`: 117 bits, which no rate limit has to protect. */
export function generatePassword(): string {
  return Array.from({ length: 4 }, () => Array.from({ length: 6 }, randomCharacter).join("")).join("-");
}

function randomCharacter(): string {
  // Bytes beyond the largest multiple of the alphabet's size would make its first characters likelier.
  const limit = 256 - (256 % alphabet.length);
  for (;;) {
    const [byte = 0] = crypto.getRandomValues(new Uint8Array(1));
    if (byte < limit) return alphabet[byte % alphabet.length]!;
  }
}
