/**
 * Secrets at rest: DNSSEC private keys and TSIG secrets lie in the database sealed with AES-256-GCM under one key, which
 * is in a file of its own. So a copy of the database (a snapshot, a backup) gives no secret away; database and key file
 * together do.
 *
 * Sealed form: version octet 1, nonce (12 octets, random), ciphertext, tag (16 octets). One key seals far fewer than
 * the 2^32 texts that random nonces are good for (NIST SP 800-38D §8.3).
 */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { messageOf, quote, unavailable } from "@lib/errors/mod.ts";

const keyOctets = 32;
const nonceOctets = 12;
const tagOctets = 16;
const version = 1;
const cipher = "aes-256-gcm";

/** Seals and opens secrets. */
export class KeyVault {
  readonly #key: Uint8Array;
  readonly #path: string;

  private constructor(key: Uint8Array, path: string) {
    this.#key = key;
    this.#path = path;
  }

  /**
   * Takes the key from the file at `path`; makes the file, 32 random octets with mode 0600, when there is none.
   * Throws Unavailable when it can't be read or made, has another size, or is open to others than its owner.
   */
  static open(path: string): KeyVault {
    return new KeyVault(readKey(path) ?? createKey(path), path);
  }

  /**
   * Encrypts `plain`. `context` says what it is, e.g. "dnssec example.org 7": it must be the same when opening, so that a
   * sealed secret copied into another row is of no use there.
   */
  seal(plain: Uint8Array, context: string): Uint8Array<ArrayBuffer> {
    const nonce = randomBytes(nonceOctets);
    const encryption = createCipheriv(cipher, this.#key, nonce).setAAD(octetsOf(context));
    const body = encryption.update(plain), end = encryption.final();
    return joined([Uint8Array.of(version), nonce, body, end, encryption.getAuthTag()]);
  }

  /** Decrypts what `seal` made with that context. Throws Unavailable when the key is another one, or it was changed. */
  open(sealed: Uint8Array, context: string): Uint8Array<ArrayBuffer> {
    try {
      if (sealed[0] !== version) throw new Error(`version ${sealed[0]} is unknown`);
      const tagAt = sealed.length - tagOctets, bodyAt = 1 + nonceOctets;
      if (tagAt < bodyAt) throw new Error(`${sealed.length} octets are too few`);
      const decryption = createDecipheriv(cipher, this.#key, sealed.subarray(1, bodyAt), { authTagLength: tagOctets })
        .setAAD(octetsOf(context)).setAuthTag(sealed.subarray(tagAt));
      const body = decryption.update(sealed.subarray(bodyAt, tagAt));
      return joined([body, decryption.final()]);
    } catch (cause) {
      throw unavailable(`Cannot open the secret of ${quote(context)} with the key in ${quote(this.#path)}`, {
        hint: "Restore the key file that belongs to this database; without it, make the key anew.",
        cause,
      });
    }
  }
}

/** The key in the file, or null when there is no such file. */
function readKey(path: string): Uint8Array | null {
  let key: Uint8Array, mode: number | null;
  try {
    using file = Deno.openSync(path, { read: true });
    const about = file.statSync();
    mode = about.mode;
    // One octet more than right, to see a longer file without reading all of it.
    key = new Uint8Array(keyOctets + 1);
    key = key.subarray(0, file.readSync(key) ?? 0);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return null;
    throw unavailable(`Cannot read the key file ${quote(path)}: ${messageOf(cause)}`, {
      hint: "Mend its owner and mode, or name another file in dnssec.key_file.",
      cause,
    });
  }
  if (mode !== null && (mode & 0o077) !== 0) {
    const found = (mode & 0o777).toString(8).padStart(4, "0");
    throw unavailable(`The key file ${quote(path)} must be for its owner alone (mode 0600), got mode ${found}`, {
      hint: `Set it: chmod 600 ${path}. If others may have read it, roll the DNSSEC keys and replace the TSIG keys.`,
    });
  }
  if (key.length !== keyOctets) {
    const got = key.length > keyOctets ? "more" : String(key.length);
    throw unavailable(`The key file ${quote(path)} must hold ${keyOctets} octets, got ${got}`, {
      hint: "Restore it from its backup. If nothing was sealed with it yet, delete it: the next start makes a new one.",
    });
  }
  return key;
}

function createKey(path: string): Uint8Array {
  const key = randomBytes(keyOctets);
  try {
    // createNew: the file is ours from its first moment, with its final mode, and a key that is there is never overwritten.
    using file = Deno.openSync(path, { write: true, createNew: true, mode: 0o600 });
    if (file.writeSync(key) !== keyOctets) throw new Error("the disk took only a part of it");
    // Before anything sealed with it: a key lost in a power cut would take those secrets along.
    file.syncSync();
    return key;
  } catch (cause) {
    throw unavailable(`Cannot make the key file ${quote(path)}: ${messageOf(cause)}`, {
      hint: "Name a file in a folder that MCNS may write to in dnssec.key_file, or make it: " +
        `(umask 077 && head -c 32 /dev/urandom > ${path})`,
      cause,
    });
  }
}

const octetsOf = (text: string): Uint8Array => new TextEncoder().encode(text);

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
