/**
 * The barrier: AES-256-GCM around everything secret, each value bound to its path.
 *
 * The master key (32 random bytes) enters once, at unsealing, becomes a non-extractable AES key by HKDF-SHA-256, and its
 * bytes are overwritten. All that exists only while unsealed hangs on the `BarrierSession`; sealing drops it.
 *
 * A sealed value: 1 byte format (1), 4 bytes key version (big-endian, 1), 12 bytes random nonce, ciphertext, 16 bytes tag.
 * Additional data: the first five bytes and the path, so that neither a value moved to another path nor a changed header decrypts.
 * Random nonces are good for 2^32 values under one key (NIST SP 800-38D §8.3): at one certificate a second, 136 years.
 * @module
 */
import { PlatformError, sealed } from "@lib/errors/mod.ts";

const headerBytes = 5;
const nonceBytes = 12;
const header = Uint8Array.of(1, 0, 0, 0, 1);
const keyInfo = new TextEncoder().encode("metacrypt barrier 1");

/** How an asymmetric private key is to be imported by WebCrypto. */
export type PrivateKeyAlgorithm = EcKeyImportParams | RsaHashedImportParams | Algorithm;

/** Closed, or open with one session. */
export class Barrier {
  #session: BarrierSession | null = null;

  get isOpen(): boolean {
    return this.#session !== null;
  }

  /** The open session. @throws sealed */
  session(): BarrierSession {
    if (this.#session === null) throw sealed();
    return this.#session;
  }

  /** Opens with the master key's 32 bytes, which are overwritten. */
  async open(master: Uint8Array<ArrayBuffer>): Promise<void> {
    const base = await crypto.subtle.importKey("raw", master, "HKDF", false, ["deriveKey"]);
    master.fill(0);
    const key = await crypto.subtle.deriveKey(
      { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(32), info: keyInfo },
      base,
      { name: "AES-GCM", length: 256 },
      false,
      ["encrypt", "decrypt", "wrapKey", "unwrapKey"],
    );
    this.#session ??= new BarrierSession(key);
  }

  /** Drops the keys. What is under way fails with `sealed` at its next step. */
  close(): void {
    this.#session?.drop();
    this.#session = null;
  }
}

/** What can be done while unsealed. Every method throws `sealed` after the drop. */
export class BarrierSession {
  #key: CryptoKey | null;
  readonly #kept = new Map<string, Promise<CryptoKey>>();

  constructor(key: CryptoKey) {
    this.#key = key;
  }

  /** @throws sealed when the barrier was closed since */
  requireOpen(): CryptoKey {
    if (this.#key === null) throw sealed();
    return this.#key;
  }

  drop(): void {
    this.#key = null;
    this.#kept.clear();
  }

  async encrypt(path: string, plain: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
    const key = this.requireOpen();
    const nonce = crypto.getRandomValues(new Uint8Array(nonceBytes));
    return seal(nonce, await crypto.subtle.encrypt(parameters(path, nonce), key, plain));
  }

  /** @throws internal, saying that the row was tampered with, when `value` was not written at `path` */
  async decrypt(path: string, value: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
    const key = this.requireOpen();
    const { nonce, ciphertext } = split(path, value);
    try {
      return new Uint8Array(await crypto.subtle.decrypt(parameters(path, nonce), key, ciphertext));
    } catch (cause) {
      throw tampered(path, cause);
    }
  }

  /** Encrypts an extractable private key (PKCS#8) without its bytes passing through the program. */
  async wrapKey(path: string, privateKey: CryptoKey): Promise<Uint8Array<ArrayBuffer>> {
    const key = this.requireOpen();
    const nonce = crypto.getRandomValues(new Uint8Array(nonceBytes));
    return seal(nonce, await crypto.subtle.wrapKey("pkcs8", privateKey, key, parameters(path, nonce)));
  }

  /** The private key written at `path`, for signing. @throws internal when it was tampered with */
  async unwrapKey(
    path: string,
    value: Uint8Array<ArrayBuffer>,
    algorithm: PrivateKeyAlgorithm,
    extractable = false,
  ): Promise<CryptoKey> {
    const key = this.requireOpen();
    const { nonce, ciphertext } = split(path, value);
    try {
      const unwrapping = parameters(path, nonce);
      return await crypto.subtle.unwrapKey("pkcs8", ciphertext, key, unwrapping, algorithm, extractable, ["sign"]);
    } catch (cause) {
      throw tampered(path, cause);
    }
  }

  /** Makes a key once and keeps it until the barrier closes; a failure is not kept. */
  keep(name: string, make: () => Promise<CryptoKey>): Promise<CryptoKey> {
    this.requireOpen();
    const known = this.#kept.get(name);
    if (known !== undefined) return known;
    const made = make();
    this.#kept.set(name, made);
    made.catch(() => this.#kept.delete(name));
    return made;
  }
}

function parameters(path: string, nonce: Uint8Array<ArrayBuffer>): AesGcmParams {
  return {
    name: "AES-GCM",
    iv: nonce,
    additionalData: Uint8Array.from([...header, ...new TextEncoder().encode(path)]),
  };
}

function seal(nonce: Uint8Array, ciphertext: ArrayBuffer): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(headerBytes + nonceBytes + ciphertext.byteLength);
  out.set(header);
  out.set(nonce, headerBytes);
  out.set(new Uint8Array(ciphertext), headerBytes + nonceBytes);
  return out;
}

function split(path: string, value: Uint8Array<ArrayBuffer>) {
  if (value.length < headerBytes + nonceBytes || header.some((byte, i) => value[i] !== byte)) {
    throw tampered(path, new Error("unknown header"));
  }
  const body = headerBytes + nonceBytes;
  return { nonce: value.subarray(headerBytes, body), ciphertext: value.subarray(body) };
}

/** Not a fault of the caller: an operator must look at the database. */
export function tampered(path: string, cause: unknown): PlatformError {
  return new PlatformError(
    "internal",
    `The stored entry ${path} does not decrypt: it was changed outside of Metacrypt`,
    {
      hint: "Restore the database from a snapshot (RUNBOOK.md, A row was tampered with).",
      cause,
    },
  );
}
