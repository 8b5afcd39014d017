/**
 * Tokens as text: JWS compact serialisation (RFC 7515), EdDSA only.
 *
 * What is refused here, before any claim is read: more than 8 KiB; a header
 * whose `alg` is not EdDSA (none, HS256 with the public key as secret, …), whose
 * `kid` names no key of ours, that carries a key (`jwk`, `x5c`, …) or a `crit`; a wrong signature; a `typ` of the other
 * kind. A token with scopes has a `typ` of its own (RFC 8725 §3.11), so that a reader that doesn't know of scopes, and
 * would take it for one that may do everything, refuses it.
 * @module
 */
import { CompactSign, compactVerify, decodeProtectedHeader, errors } from "jose";
import { maxTokenBytes } from "@lib/auth/mod.ts";
import type { Claims } from "../domain/token_claims.ts";

const wholeType = "JWT";
const scopedType = "scoped+jwt";

/** Signs claims with the key of that id. */
export async function signToken(claims: Claims, kid: string, key: CryptoKey): Promise<string> {
  return await new CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
    .setProtectedHeader({ alg: "EdDSA", kid, typ: claims.scope === undefined ? wholeType : scopedType })
    .sign(key);
}

/**
 * The payload of a token whose signature holds, or null. The claims in it are not believed yet.
 * @param publicKey gives the key of an id, or null when it is not ours
 */
export async function readToken(
  token: string,
  publicKey: (kid: string) => Promise<CryptoKey | null>,
): Promise<unknown> {
  if (token.length > maxTokenBytes) return null;
  try {
    const header = decodeProtectedHeader(token);
    const { alg, kid, typ, ...rest } = header;
    if (alg !== "EdDSA" || typeof kid !== "string" || Object.keys(rest).length > 0) return null;
    if (typ !== wholeType && typ !== scopedType) return null;
    const key = await publicKey(kid);
    if (key === null) return null;
    const { payload } = await compactVerify(token, key, { algorithms: ["EdDSA"] });
    const claims: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));
    const hasScope = typeof claims === "object" && claims !== null && "scope" in claims;
    return hasScope === (typ === scopedType) ? claims : null;
  } catch (error) {
    // jose says TypeError for text that is no JWS at all; JSON and UTF-8 errors are SyntaxError and TypeError.
    if (error instanceof errors.JOSEError || error instanceof TypeError || error instanceof SyntaxError) return null;
    throw error;
  }
}
