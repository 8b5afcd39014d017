/**
 * A private key file that is useless without its passphrase: JSON, Argon2id, AES-256-GCM. Used for the offline root.
 *
 * ```json
 * {"format": "metacircular-encrypted-key-v1",
 *  "kdf": {"name": "argon2id", "salt": "<base64, 16 bytes>", "memory_kib": 65536, "passes": 3, "parallelism": 4},
 *  "nonce": "<base64, 12 bytes>", "ciphertext": "<base64, with the 16-byte tag>"}
 * ```
 * The additional data is the text of `format` and `kdf`, so that changed parameters don't decrypt.
 * @module
 */
import { invalid, unauthenticated } from "@lib/errors/mod.ts";

/** How hard a guess is (RFC 9106). */
export interface Argon2idCost {
  /** Memory, KiB. */
  memoryKib: number;
  passes: number;
  parallelism: number;
}

/** RFC 9106 §4, the second recommended choice: 64 MiB; about 0.2 s on one core. */
export const defaultArgon2idCost: Argon2idCost = { memoryKib: 65_536, passes: 3, parallelism: 4 };

const format = "metacircular-encrypted-key-v1";

/** At most this many at once: each takes its memory for about 0.2 s. */
const atOnce = 2;
let running = 0;
const waiting: (() => void)[] = [];

/**
 * 32 bytes from a passphrase, off the event loop; a third caller waits for one of two running ones.
 * @param salt at least 16 bytes
 * @throws invalid when the cost is outside 8 MiB–1 GiB, 1–20 passes, 1–16 lanes
 */
export async function argon2id(
  passphrase: string,
  salt: Uint8Array<ArrayBuffer>,
  cost: Argon2idCost = defaultArgon2idCost,
): Promise<Uint8Array<ArrayBuffer>> {
  const { memoryKib, passes, parallelism } = cost;
  const within = (value: number, min: number, max: number) => Number.isInteger(value) && value >= min && value <= max;
  if (!within(memoryKib, 8192, 1_048_576) || !within(passes, 1, 20) || !within(parallelism, 1, 16)) {
    throw invalid("kdf", `Argon2id cost out of bounds: ${memoryKib} KiB, ${passes} passes, ${parallelism} lanes`);
  }
  if (salt.length < 16) throw invalid("kdf", `a salt has at least 16 bytes: ${salt.length}`);
  while (running >= atOnce) await new Promise<void>((resolve) => waiting.push(resolve));
  running++;
  try {
    // Format and algorithm are Deno's; TypeScript's library doesn't know them yet.
    const secret = new TextEncoder().encode(passphrase.normalize("NFC"));
    const key = await crypto.subtle.importKey("raw-secret" as "raw", secret, "Argon2id", false, ["deriveBits"]);
    const parameters = { name: "Argon2id", nonce: salt, memory: memoryKib, passes, parallelism };
    return new Uint8Array(await crypto.subtle.deriveBits(parameters, key, 256));
  } finally {
    running--;
    waiting.shift()?.();
  }
}

interface Envelope {
  format: string;
  kdf: { name: string; salt: string; memory_kib: number; passes: number; parallelism: number };
  nonce: string;
  ciphertext: string;
}

const additionalData = (envelope: Pick<Envelope, "format" | "kdf">): Uint8Array<ArrayBuffer> => {
  const { name, salt, memory_kib, passes, parallelism } = envelope.kdf;
  return new TextEncoder().encode(JSON.stringify([envelope.format, name, salt, memory_kib, passes, parallelism]));
};

/**
 * Encrypts a private key's PEM text.
 * @param passphrase at least 12 characters
 * @returns the file's text (JSON with a newline)
 */
export async function encryptKeyPem(
  pem: string,
  passphrase: string,
  cost: Argon2idCost = defaultArgon2idCost,
): Promise<string> {
  if (passphrase.length < 12) {
    throw invalid("passphrase", `a passphrase has at least 12 characters: ${passphrase.length}`);
  }
  const salt = crypto.getRandomValues(new Uint8Array(16));
  const nonce = crypto.getRandomValues(new Uint8Array(12));
  const kdf = {
    name: "argon2id",
    salt: salt.toBase64(),
    memory_kib: cost.memoryKib,
    passes: cost.passes,
    parallelism: cost.parallelism,
  };
  const key = await aesKey(await argon2id(passphrase, salt, cost), "encrypt");
  const ciphertext = await crypto.subtle.encrypt(
    { name: "AES-GCM", iv: nonce, additionalData: additionalData({ format, kdf }) },
    key,
    new TextEncoder().encode(pem),
  );
  const envelope = { format, kdf, nonce: nonce.toBase64(), ciphertext: new Uint8Array(ciphertext).toBase64() };
  return JSON.stringify(envelope, null, 2) + "\n";
}

/**
 * The PEM text that `encryptKeyPem` was given.
 * @throws invalid when it is no such file, unauthenticated when the passphrase is wrong or the file was changed
 */
export async function decryptKeyPem(text: string, passphrase: string): Promise<string> {
  const envelope = readEnvelope(text);
  const { salt, memory_kib, passes, parallelism } = envelope.kdf;
  const cost = { memoryKib: memory_kib, passes, parallelism };
  const key = await aesKey(await argon2id(passphrase, Uint8Array.fromBase64(salt), cost), "decrypt");
  try {
    const plain = await crypto.subtle.decrypt(
      {
        name: "AES-GCM",
        iv: Uint8Array.fromBase64(envelope.nonce),
        additionalData: additionalData(envelope),
      },
      key,
      Uint8Array.fromBase64(envelope.ciphertext),
    );
    return new TextDecoder().decode(plain);
  } catch {
    throw unauthenticated("Cannot decrypt the key file: the passphrase is wrong, or the file was changed");
  }
}

async function aesKey(raw: Uint8Array<ArrayBuffer>, usage: "encrypt" | "decrypt"): Promise<CryptoKey> {
  const key = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, [usage]);
  raw.fill(0);
  return key;
}

function readEnvelope(text: string): Envelope {
  const refuse = () => invalid("key_file", `not a key file of the format ${format}`);
  let value: Partial<Envelope>;
  try {
    value = JSON.parse(text) as Partial<Envelope>;
  } catch {
    throw refuse();
  }
  const { kdf, nonce, ciphertext } = value ?? {};
  const base64 = (each: unknown) =>
    typeof each === "string" && each.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(each);
  if (value?.format !== format || kdf?.name !== "argon2id") throw refuse();
  if (!base64(kdf.salt) || !base64(nonce) || !base64(ciphertext)) throw refuse();
  return value as Envelope;
}
