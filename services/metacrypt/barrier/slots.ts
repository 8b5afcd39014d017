/**
 * Ways to the master key: wrapped by a password (Argon2id) or by a key file (HKDF-SHA-256), AES-256-GCM in both cases.
 * The additional data binds kind and derivation, so that weakened parameters don't decrypt.
 * @module
 */
import { invalid, unauthenticated } from "@lib/errors/mod.ts";
import { argon2id, type Argon2idCost } from "@lib/pki/mod.ts";
import type { Slot, SlotKind } from "../store/seal_store.ts";

const nonceBytes = 12;

interface Derivation {
  /** base64, 16 bytes. */
  salt: string;
  /** `password` only. */
  cost?: Argon2idCost;
}

/** 32 random bytes. The caller overwrites them when done. */
export function newMasterKey(): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(32));
}

/** Wraps the master key with a password. */
export async function passwordSlot(
  master: Uint8Array<ArrayBuffer>,
  password: string,
  cost: Argon2idCost,
): Promise<Slot> {
  const salt = crypto.getRandomValues(new Uint8Array(16));
  const derivation = JSON.stringify({ salt: salt.toBase64(), cost } satisfies Derivation);
  return await wrap("password", derivation, await argon2id(password, salt, cost), master);
}

/** Wraps the master key with a key file's secret (at least 32 bytes). */
export async function keyFileSlot(master: Uint8Array<ArrayBuffer>, secret: Uint8Array<ArrayBuffer>): Promise<Slot> {
  const salt = crypto.getRandomValues(new Uint8Array(16));
  const derivation = JSON.stringify({ salt: salt.toBase64() } satisfies Derivation);
  return await wrap("key_file", derivation, await hkdf(secret, salt), master);
}

/** The master key. @throws unauthenticated when the password is wrong or the slot was changed */
export async function openWithPassword(slot: Slot, password: string): Promise<Uint8Array<ArrayBuffer>> {
  const { salt, cost } = JSON.parse(slot.derivation) as Derivation;
  if (cost === undefined) throw invalid("slot", "a password slot without its Argon2id cost");
  const key = await argon2id(password, Uint8Array.fromBase64(salt), cost);
  return await unwrap(slot, key, "Cannot unseal: the password is wrong");
}

/** The master key. @throws unauthenticated when the key file is another one or the slot was changed */
export async function openWithKeyFile(
  slot: Slot,
  secret: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  const { salt } = JSON.parse(slot.derivation) as Derivation;
  const key = await hkdf(secret, Uint8Array.fromBase64(salt));
  return await unwrap(slot, key, "Cannot unseal: the key file does not fit this database");
}

async function hkdf(secret: Uint8Array<ArrayBuffer>, salt: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const base = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveBits"]);
  const info = new TextEncoder().encode("metacrypt key file 1");
  return new Uint8Array(await crypto.subtle.deriveBits({ name: "HKDF", hash: "SHA-256", salt, info }, base, 256));
}

function parameters(kind: SlotKind, derivation: string, nonce: Uint8Array<ArrayBuffer>): AesGcmParams {
  const additionalData = new TextEncoder().encode(`metacrypt seal slot 1\n${kind}\n${derivation}`);
  return { name: "AES-GCM", iv: nonce, additionalData };
}

async function wrap(
  kind: SlotKind,
  derivation: string,
  raw: Uint8Array<ArrayBuffer>,
  master: Uint8Array<ArrayBuffer>,
): Promise<Slot> {
  const key = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt"]);
  raw.fill(0);
  const nonce = crypto.getRandomValues(new Uint8Array(nonceBytes));
  const ciphertext = new Uint8Array(await crypto.subtle.encrypt(parameters(kind, derivation, nonce), key, master));
  return { kind, derivation, wrapped: Uint8Array.from([...nonce, ...ciphertext]) };
}

async function unwrap(slot: Slot, raw: Uint8Array<ArrayBuffer>, refusal: string): Promise<Uint8Array<ArrayBuffer>> {
  const key = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["decrypt"]);
  raw.fill(0);
  const nonce = slot.wrapped.slice(0, nonceBytes);
  try {
    const opening = parameters(slot.kind, slot.derivation, nonce);
    return new Uint8Array(await crypto.subtle.decrypt(opening, key, slot.wrapped.slice(nonceBytes)));
  } catch {
    throw unauthenticated(refusal);
  }
}
