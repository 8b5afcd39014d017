/**
 * The key file of auto-unseal: base64 text of at least 32 random bytes, readable by its owner only.
 * @module
 */
import { invalid, messageOf, quote, unavailable } from "@lib/errors/mod.ts";

/**
 * The file's secret, or null when there is no such file.
 * @throws invalid when it isn't base64 of 32 bytes or more; unavailable when it can't be read
 */
export async function readKeyFile(path: string): Promise<Uint8Array<ArrayBuffer> | null> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return null;
    throw unavailable(`Cannot read the key file ${quote(path)}: ${messageOf(cause)}`, { cause });
  }
  let secret: Uint8Array<ArrayBuffer>;
  try {
    secret = Uint8Array.fromBase64(text.trim());
  } catch {
    throw invalid("seal.auto_unseal_key_file", `${quote(path)} is not base64 text`);
  }
  if (secret.length < 32) {
    throw invalid("seal.auto_unseal_key_file", `${quote(path)} has ${secret.length} bytes; at least 32 are needed`);
  }
  return secret;
}

/** Makes the file with mode 0600. @throws unavailable when it can't be written; never overwrites */
export async function createKeyFile(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const secret = crypto.getRandomValues(new Uint8Array(32));
  await writeSecretFile(path, secret.toBase64() + "\n");
  return secret;
}

/** Writes a new file of mode 0600 and syncs it. @throws unavailable when it exists or can't be written */
export async function writeSecretFile(path: string, text: string): Promise<void> {
  try {
    using file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
    await file.sync();
  } catch (cause) {
    throw unavailable(`Cannot create ${quote(path)}: ${messageOf(cause)}`, {
      hint: "Name a file in the data folder that doesn't exist yet, or create it yourself with mode 0600.",
      cause,
    });
  }
}
