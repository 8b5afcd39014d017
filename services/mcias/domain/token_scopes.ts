/**
 * What a token is limited to. MCIAS says who wrote the scopes and keeps them as they are; what they mean, each service
 * says of its own. A token without scopes may do all that its account may.
 * @module
 */
import { invalid, quote } from "@lib/errors/mod.ts";

/** As many names as one client of DNS or one robot has business with; more want an account of their own. */
export const maxScopes = 32;
/** A domain name in full, and as much again. */
export const maxScopeCharacters = 256;
/** Of all scopes together: the token, which holds them in Base64, stays below the 8 KiB that services take. */
export const maxScopesCharacters = 4096;

/** `<service>:<rest>` of the characters that RFC 6749 §3.3 has for scopes. */
const form = /^[a-z0-9-]+:[\x21\x23-\x5b\x5d-\x7e]+$/;

/**
 * Checks scopes, and leaves out what is there twice. None are null: no limit.
 * @throws PlatformError invalid on `field`
 */
export function parseScopes(texts: readonly string[], field = "scopes"): readonly string[] | null {
  if (texts.length === 0) return null;
  if (texts.length > maxScopes) throw invalid(field, `has ${texts.length} entries, at most ${maxScopes} are allowed`);
  texts.forEach((text, i) => {
    if (text.length > maxScopeCharacters) {
      throw invalid(`${field}[${i}]`, `has ${text.length} characters, at most ${maxScopeCharacters} are allowed`);
    }
    if (!form.test(text)) {
      throw invalid(
        `${field}[${i}]`,
        `must be "<service>:<rest>", printable without spaces, quotes and backslashes, got ${quote(text)}`,
      );
    }
  });
  const scopes = [...new Set(texts)];
  const characters = joinScopes(scopes).length;
  if (characters > maxScopesCharacters) {
    throw invalid(field, `has ${characters} characters in all, at most ${maxScopesCharacters} are allowed`);
  }
  return scopes;
}

/** As the claim `scope` (RFC 8693 §4.2) and the database have them: with a space between; "" is no limit. */
export function joinScopes(scopes: readonly string[] | null): string {
  return scopes === null ? "" : scopes.join(" ");
}

/** What `joinScopes` has joined. */
export function splitScopes(text: string): readonly string[] | null {
  return text === "" ? null : text.split(" ");
}
