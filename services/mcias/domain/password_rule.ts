/**
 * What a password must be: long, and not one of those that are tried first. No
 * composition rules (NIST SP 800-63B §3.1.1.2).
 *
 * 1. At least 12 characters, at most 1,024 bytes of UTF-8, after NFC.
 * 2. Not on the list of common passwords, nor a variation of one: other case,
 *    digits for letters (p4ssw0rd), digits and signs put before or behind.
 * 3. Not a repetition, a sequence, or the username with little added.
 * @module
 */
import { invalid } from "@lib/errors/mod.ts";
import commonText from "./common_passwords.txt" with { type: "text" };

export const minPasswordCharacters = 12;
/** Beyond it a password adds no strength, only work for whoever sends a megabyte. */
export const maxPasswordBytes = 1024;

/** Common passwords shorter than twelve characters: what remains when their decoration is taken off. */
const weakWords: readonly string[] = [
  "abc",
  "abcd",
  "admin",
  "administrator",
  "changeme",
  "changeit",
  "computer",
  "default",
  "dragon",
  "football",
  "guest",
  "hello",
  "homelab",
  "iloveyou",
  "internet",
  "letmein",
  "login",
  "loveyou",
  "master",
  "metacircular",
  "monkey",
  "operator",
  "passphrase",
  "passwd",
  "password",
  "princess",
  "qwert",
  "qwerty",
  "qwertyuiop",
  "qwertz",
  "root",
  "secret",
  "server",
  "shadow",
  "starwars",
  "summer",
  "sunshine",
  "superuser",
  "system",
  "temp",
  "test",
  "trustno",
  "user",
  "welcome",
  "winter",
];

/** The form in which passwords are counted and hashed, so that two keyboards' "é" are one. RFC 8265 §4.2.2. */
export function normalPassword(password: string): string {
  return password.normalize("NFC");
}

/** Whether it is too long to look at, whatever it is. */
export function isOversized(password: string): boolean {
  return password.length > maxPasswordBytes || new TextEncoder().encode(password).length > maxPasswordBytes;
}

/**
 * Checks a password that somebody wants to set.
 * @param field what the caller named it, for the error
 * @throws PlatformError invalid; its message never holds the password
 */
export function checkPassword(password: string, username: string, field: string): void {
  if (isOversized(password)) throw invalid(field, `must have at most ${maxPasswordBytes} bytes`);
  const text = normalPassword(password);
  const count = [...text].length;
  if (count < minPasswordCharacters) {
    throw invalid(field, `must have at least ${minPasswordCharacters} characters, got ${count}`, {
      hint: "A few random words are easy to remember and hard to guess.",
    });
  }
  const weakness = weaknessOf(text.toLowerCase(), username);
  if (weakness !== null) {
    throw invalid(field, `is too easy to guess: ${weakness}`, {
      hint: "A few random words are easy to remember and hard to guess.",
    });
  }
}

function weaknessOf(text: string, username: string): string | null {
  if (isCommon(text)) return "it is a common password or a variation of one";
  if (new Set(text).size < 5) return "it has fewer than five different characters";
  if (isRepetition(text)) return "it repeats a short piece";
  if (isSequence(text)) return "it is a sequence of characters";
  if (username !== "" && text.includes(username) && text.length - username.length < 8) {
    return "it is the username with fewer than eight characters added";
  }
  return null;
}

let common: ReadonlySet<string> | undefined;

function isCommon(text: string): boolean {
  common ??= new Set([
    ...commonText.split("\n").map((line) => line.trim()).filter((line) => line !== ""),
    ...weakWords,
  ]);
  const bare = text.replace(/^[^a-z]+/, "").replace(/[^a-z]+$/, "");
  const spoken = letters(bare);
  const squeezed = text.replaceAll(/[^a-z]/g, "");
  const spokenSqueezed = letters(text).replaceAll(/[^a-z]/g, "");
  return [text, bare, spoken, squeezed, spokenSqueezed].some((form) => form !== "" && common!.has(form));
}

/** Reads digits and signs as the letters that they stand in for. */
function letters(text: string): string {
  const stands: Record<string, string> = { "0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t" };
  const signs: Record<string, string> = { "@": "a", "$": "s", "!": "i", "|": "l" };
  return [...text].map((character) => stands[character] ?? signs[character] ?? character).join("");
}

/** Whether it is a piece of at most a third of its length, again and again. */
function isRepetition(text: string): boolean {
  for (let period = 1; period * 3 <= text.length; period++) {
    if (text.startsWith(text.slice(0, -period), period)) return true;
  }
  return false;
}

/** Whether each character follows the one before by the same step: abcdefghijkl, 210987654321. */
function isSequence(text: string): boolean {
  const codes = [...text].map((character) => character.codePointAt(0)!);
  const digits = /^[0-9]+$/.test(text);
  const step = (i: number) => {
    const difference = codes[i]! - codes[i - 1]!;
    return digits ? (difference + 10) % 10 : difference;
  };
  const first = step(1);
  return codes.every((_, i) => i === 0 || step(i) === first);
}
