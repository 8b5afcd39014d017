import { exportJWK, generateKeyPair } from "jose";
import { invalid, messageOf, quote } from "@lib/errors/mod.ts";

/** Signs and verifies registry tokens. */
export interface SigningKey {
  readonly id: string;
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
}

/**
 * The registry's Ed25519 key, kept in a file of mode 0600; made when there is
 * none. Two processes that start at once end up with the same key. Losing the
 * file costs nothing but the tokens that are out, five minutes' worth.
 * @throws PlatformError invalid when the file holds something else
 */
export async function loadSigningKey(path: string): Promise<SigningKey> {
  const text = await readText(path) ?? await createKey(path);
  try {
    const jwk = JSON.parse(text) as JsonWebKey & { kid?: unknown };
    if (jwk.kty !== "OKP" || jwk.crv !== "Ed25519" || typeof jwk.kid !== "string") {
      throw new Error("not an Ed25519 JWK");
    }
    const { kty, crv, x, d } = jwk;
    const load = (key: Record<string, unknown>, use: KeyUsage) =>
      crypto.subtle.importKey("jwk", key as JsonWebKey, "Ed25519", false, [use]);
    return {
      id: jwk.kid,
      privateKey: await load({ kty, crv, x, d }, "sign"),
      publicKey: await load({ kty, crv, x }, "verify"),
    };
  } catch (cause) {
    throw invalid("signing key", `${quote(path)} is not usable: ${messageOf(cause)}`, {
      hint: "Remove the file; a new key is made at the next start, and clients log in again by themselves",
      cause,
    });
  }
}

async function readText(path: string): Promise<string | null> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** Makes a key and puts it into place whole, unless another process was faster; returns what is in the file. */
async function createKey(path: string): Promise<string> {
  const { privateKey } = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
  const text = JSON.stringify({ ...await exportJWK(privateKey), kid: crypto.randomUUID() });
  const partial = `${path}.${crypto.randomUUID()}`;
  {
    using file = await Deno.open(partial, { write: true, createNew: true, mode: 0o600 });
    await file.write(new TextEncoder().encode(text));
    await file.sync();
  }
  try {
    await Deno.link(partial, path); // fails where a rename would replace the other's
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  } finally {
    await Deno.remove(partial);
  }
  return await Deno.readTextFile(path);
}
