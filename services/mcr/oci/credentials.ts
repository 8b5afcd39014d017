/** Who asks for a token: a name with a password or an MCIAS token in its place, or a refresh token. */
import type { Caller } from "@lib/auth/mod.ts";
import type { Identity } from "./identity.ts";

export type Credentials =
  | { readonly kind: "password"; readonly username: string; readonly password: string }
  | { readonly kind: "refresh"; readonly token: string };

/** A caller with what stands for the login from now on. */
export interface Proven {
  readonly caller: Caller;
  /** An MCIAS token of the caller. */
  readonly token: string;
  /** The token was made just now, by a password, and nobody else has it. */
  readonly fresh: boolean;
}

/** Longer than any password or token; the hash of a megabyte isn't worth asking for. */
const maxPasswordCharacters = 8192;

/** The credentials of an `Authorization: Basic` value (RFC 7617), or null when it is none. */
export function basicCredentials(header: string | null): Credentials | null {
  const encoded = /^basic +([A-Za-z0-9+/=_-]+) *$/i.exec(header ?? "")?.[1];
  if (encoded === undefined) return null;
  try {
    const bytes = Uint8Array.fromBase64(encoded.replaceAll("-", "+").replaceAll("_", "/"));
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    const colon = text.indexOf(":");
    if (colon < 0) return null;
    return { kind: "password", username: text.slice(0, colon), password: text.slice(colon + 1) };
  } catch {
    return null;
  }
}

/**
 * Proves the credentials at MCIAS; null when they are wrong.
 *
 * A password of a JWT's form is taken for an MCIAS token, which must be the
 * named account's own, so that a leaked token can't be used under a name that
 * hides whose it is.
 * @throws PlatformError unavailable when MCIAS does not answer, rate_limited
 */
export async function prove(identity: Identity, credentials: Credentials): Promise<Proven | null> {
  if (credentials.kind === "refresh") {
    const caller = await identity.verify(credentials.token);
    return caller === null ? null : { caller, token: credentials.token, fresh: false };
  }
  const { username, password } = credentials;
  if (username === "" || password === "" || password.length > maxPasswordCharacters) return null;
  if (/^eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}$/.test(password)) {
    const caller = await identity.verify(password);
    return caller?.username === username ? { caller, token: password, fresh: false } : null;
  }
  const login = await identity.login(username, password);
  return login === null ? null : { ...login, fresh: true };
}
