/**
 * Gets the master key from where the config says, and makes sure that it is the
 * one that the database was made with.
 * @module
 */
import { invalid, messageOf, quote, unavailable } from "@lib/errors/mod.ts";
import type { MasterKeyRecord } from "../store/key_store.ts";
import { MasterKey, newKeyFile } from "./master_key.ts";
import type { Argon2idCost } from "./password_hasher.ts";

/** `config.keys`. */
export interface KeySettings {
  readonly master_key_file: string;
  readonly passphrase_file: string;
}

const checkPurpose = "mcias master-key check";
const checkText = "the master key is right";
const saltBytes = 16;

/**
 * The master key of a database.
 * @throws PlatformError invalid when the config names no source or both, or another kind than the database was made
 *   with; unavailable when the file can't be read or holds another key
 */
export async function openMasterKey(settings: KeySettings, record: MasterKeyRecord): Promise<MasterKey> {
  const { kind, file } = sourceOf(settings);
  if (kind !== record.source) {
    const wanted = record.source === "file" ? "keys.master_key_file" : "keys.passphrase_file";
    throw invalid("keys", `the database was made with a ${record.source}; set ${wanted}`);
  }
  const master = await derive(kind, read(file), record.salt, record.cost);
  const opened = await master.open(checkPurpose, record.sealedCheck);
  if (opened === null || new TextDecoder().decode(opened) !== checkText) {
    throw unavailable(`Cannot start: ${quote(file)} does not hold the master key of this database`, {
      hint: "Restore the file from the backup that belongs to this database.",
    });
  }
  return master;
}

/**
 * The master key of a new database and the record that recognises it. A
 * `master_key_file` that is not there is made, readable by its owner only.
 */
export async function createMasterKey(
  settings: KeySettings,
  cost: Argon2idCost,
): Promise<{ master: MasterKey; record: MasterKeyRecord }> {
  const { kind, file } = sourceOf(settings);
  if (kind === "file") makeKeyFile(file);
  const salt = crypto.getRandomValues(new Uint8Array(saltBytes));
  const master = await derive(kind, read(file), salt, cost);
  const sealedCheck = await master.seal(checkPurpose, new TextEncoder().encode(checkText));
  return { master, record: { source: kind, salt, cost, sealedCheck } };
}

function sourceOf(settings: KeySettings): { kind: "file" | "passphrase"; file: string } {
  const { master_key_file, passphrase_file } = settings;
  if ((master_key_file === "") === (passphrase_file === "")) {
    throw invalid("keys", `set exactly one of keys.master_key_file and keys.passphrase_file`, {
      hint: "Without a master key the signing keys can't be opened, so MCIAS does not start.",
    });
  }
  return master_key_file === ""
    ? { kind: "passphrase", file: passphrase_file }
    : { kind: "file", file: master_key_file };
}

async function derive(
  kind: "file" | "passphrase",
  content: Uint8Array<ArrayBuffer>,
  salt: Uint8Array<ArrayBuffer>,
  cost: Argon2idCost,
): Promise<MasterKey> {
  if (kind === "file") return await MasterKey.fromKeyFile(content);
  return await MasterKey.fromPassphrase(new TextDecoder().decode(content), salt, cost);
}

function read(file: string): Uint8Array<ArrayBuffer> {
  try {
    return Deno.readFileSync(file);
  } catch (cause) {
    throw unavailable(`Cannot read the master key from ${quote(file)}: ${messageOf(cause)}`, {
      hint: "Without it the signing keys can't be opened. Restore the file, or mend its owner and mode.",
      cause,
    });
  }
}

function makeKeyFile(file: string): void {
  try {
    // createNew: a key that is there is used, never overwritten.
    Deno.writeTextFileSync(file, newKeyFile(), { createNew: true, mode: 0o600 });
  } catch (cause) {
    if (cause instanceof Deno.errors.AlreadyExists) return;
    if (cause instanceof Deno.errors.NotCapable && exists(file)) return;
    throw unavailable(`Cannot make the master key file ${quote(file)}: ${messageOf(cause)}`, {
      hint: "Make it beforehand: openssl rand -base64 32 — or name a file within server.data_dir.",
      cause,
    });
  }
}

function exists(file: string): boolean {
  try {
    return Deno.statSync(file).isFile;
  } catch {
    return false;
  }
}
