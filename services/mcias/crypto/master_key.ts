/**
 * The key under which secrets rest in the database: AES-256-GCM. It comes from
 * a file, as 32 bytes or a passphrase, and is never stored with what it seals.
 *
 * A sealed value is `0x01 | nonce (12) | ciphertext and tag`. Its purpose is
 * authenticated with it, so that a value moved to another row does not open.
 * @module
 */
import { invalid } from "@lib/errors/mod.ts";
import { argon2id, type Argon2idCost } from "./password_hasher.ts";

const format = 1;
const nonceBytes = 12;
const keyBytes = 32;
const minPassphraseCharacters = 16;

/** Seals and opens values; see the module's text. */
export class MasterKey {
  readonly #key: CryptoKey;

  private constructor(key: CryptoKey) {
    this.#key = key;
  }

  /** From the content of a key file: 32 bytes raw, as 64 hexadecimal digits, or in base64. @throws PlatformError invalid */
  static async fromKeyFile(content: Uint8Array<ArrayBuffer>): Promise<MasterKey> {
    return await MasterKey.#from(parseKeyFile(content));
  }

  /** From the content of a passphrase file, without its last line break. @throws PlatformError invalid */
  static async fromPassphrase(text: string, salt: Uint8Array<ArrayBuffer>, cost: Argon2idCost): Promise<MasterKey> {
    const passphrase = text.replace(/\r?\n$/, "").normalize("NFC");
    if ([...passphrase].length < minPassphraseCharacters) {
      throw invalid("keys.passphrase_file", `holds fewer than ${minPassphraseCharacters} characters`);
    }
    return await MasterKey.#from(await argon2id(passphrase, salt, cost));
  }

  static async #from(raw: Uint8Array<ArrayBuffer>): Promise<MasterKey> {
    return new MasterKey(await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]));
  }

  /** @param purpose what the value is and whose, e.g. "signing-key <kid>" */
  async seal(purpose: string, plain: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
    // Random nonces are safe for 2^32 seals under one key (NIST SP 800-38D §8.3); here there are some dozens.
    const nonce = crypto.getRandomValues(new Uint8Array(nonceBytes));
    const sealed = new Uint8Array(await crypto.subtle.encrypt(parameters(nonce, purpose), this.#key, plain));
    const result = new Uint8Array(1 + nonceBytes + sealed.length);
    result[0] = format;
    result.set(nonce, 1);
    result.set(sealed, 1 + nonceBytes);
    return result;
  }

  /** The value, or null when the key or the purpose is another one, or the value was changed. */
  async open(purpose: string, sealed: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer> | null> {
    if (sealed[0] !== format) return null;
    const nonce = sealed.slice(1, 1 + nonceBytes);
    try {
      const body = sealed.slice(1 + nonceBytes);
      return new Uint8Array(await crypto.subtle.decrypt(parameters(nonce, purpose), this.#key, body));
    } catch {
      return null; // WebCrypto gives no reason, on purpose
    }
  }
}

/** The content of a new key file: 32 random bytes in base64, one line. */
export function newKeyFile(): string {
  return crypto.getRandomValues(new Uint8Array(keyBytes)).toBase64() + "\n";
}

function parameters(nonce: Uint8Array<ArrayBuffer>, purpose: string): AesGcmParams {
  return { name: "AES-GCM", iv: nonce, additionalData: new TextEncoder().encode(purpose) };
}

function parseKeyFile(content: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  if (content.length === keyBytes) return content;
  const text = new TextDecoder().decode(content).trim();
  if (/^[0-9a-fA-F]{64}$/.test(text)) return Uint8Array.fromHex(text);
  if (/^[A-Za-z0-9+/]{43}=?$/.test(text)) return Uint8Array.fromBase64(text);
  throw invalid("keys.master_key_file", "does not hold 32 bytes (raw, 64 hexadecimal digits, or base64)", {
    hint: "Make one with: openssl rand -base64 32 — or let `mcias init` make it.",
  });
}
