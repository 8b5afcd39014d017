/**
 * The sealed signing keys, and how the master key that opens them is derived.
 * @module
 */
import type { Database, Statement } from "@lib/db/mod.ts";
import type { Argon2idCost } from "../crypto/password_hasher.ts";
import type { PublicJwk, StoredSigningKey } from "../crypto/signing_key.ts";

/** How the master key is derived, and what tells a wrong one. */
export interface MasterKeyRecord {
  readonly source: "file" | "passphrase";
  readonly salt: Uint8Array<ArrayBuffer>;
  readonly cost: Argon2idCost;
  /** A known text, sealed. */
  readonly sealedCheck: Uint8Array<ArrayBuffer>;
}

export interface SigningKeyRecord extends StoredSigningKey {
  /** ms since the epoch. */
  readonly createdAt: number;
  /** Null for the one key that signs. */
  readonly retiredAt: number | null;
}

export interface KeyReader {
  /** Undefined before `init`. */
  masterKey(): MasterKeyRecord | undefined;
  /** Every key there ever was, the active one first: a retired one still verifies what it signed. */
  signingKeys(): SigningKeyRecord[];
}

export interface KeyWriter extends KeyReader {
  insertMasterKey(record: MasterKeyRecord): void;
  /** Makes this key the one that signs; the one before it retires. */
  insertSigningKey(key: StoredSigningKey, at: number): void;
}

interface MasterRow {
  source: string;
  salt: Uint8Array<ArrayBuffer>;
  memory_kib: number;
  passes: number;
  lanes: number;
  sealed_check: Uint8Array<ArrayBuffer>;
}

interface KeyRow {
  kid: string;
  public_jwk: string;
  sealed_private: Uint8Array<ArrayBuffer>;
  created_at: number;
  retired_at: number | null;
}

/** See `KeyReader` and `KeyWriter`. */
export class KeyStore implements KeyWriter {
  readonly #masterKey: Statement<MasterRow>;
  readonly #insertMasterKey: Statement<MasterRow>;
  readonly #signingKeys: Statement<KeyRow>;
  readonly #retire: Statement<KeyRow>;
  readonly #insertSigningKey: Statement<KeyRow>;

  constructor(db: Database) {
    this.#masterKey = db.prepare("SELECT source, salt, memory_kib, passes, lanes, sealed_check FROM master_key");
    this.#insertMasterKey = db.prepare(
      `INSERT INTO master_key (id, source, salt, memory_kib, passes, lanes, sealed_check) VALUES (1, ?, ?, ?, ?, ?, ?)`,
    );
    this.#signingKeys = db.prepare(
      `SELECT kid, public_jwk, sealed_private, created_at, retired_at FROM signing_keys
       ORDER BY retired_at IS NOT NULL, created_at DESC, kid`,
    );
    this.#retire = db.prepare("UPDATE signing_keys SET retired_at = ? WHERE retired_at IS NULL");
    this.#insertSigningKey = db.prepare(
      "INSERT INTO signing_keys (kid, public_jwk, sealed_private, created_at) VALUES (?, ?, ?, ?)",
    );
  }

  masterKey(): MasterKeyRecord | undefined {
    const row = this.#masterKey.get();
    if (row === undefined) return undefined;
    return {
      source: row.source === "file" ? "file" : "passphrase",
      salt: row.salt,
      cost: { memoryKib: row.memory_kib, passes: row.passes, lanes: row.lanes },
      sealedCheck: row.sealed_check,
    };
  }

  signingKeys(): SigningKeyRecord[] {
    return this.#signingKeys.all().map((row) => ({
      kid: row.kid,
      publicJwk: JSON.parse(row.public_jwk) as PublicJwk,
      sealedPrivate: row.sealed_private,
      createdAt: row.created_at,
      retiredAt: row.retired_at,
    }));
  }

  insertMasterKey({ source, salt, cost, sealedCheck }: MasterKeyRecord): void {
    this.#insertMasterKey.run(source, salt, cost.memoryKib, cost.passes, cost.lanes, sealedCheck);
  }

  insertSigningKey(key: StoredSigningKey, at: number): void {
    this.#retire.run(at);
    this.#insertSigningKey.run(key.kid, JSON.stringify(key.publicJwk), key.sealedPrivate, at);
  }
}
