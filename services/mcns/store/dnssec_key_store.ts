/**
 * Which zones are signed, how, and with which keys. What changes here belongs inside the transaction that publishes the
 * zone accordingly (ZoneEditor.edit); reads see what that transaction has written.
 */
import type { Database, Statement } from "@lib/db/mod.ts";
import type { KeyLife, KeyRole, KeyState, SigningPhase } from "../domain/key_rollover.ts";
import type { DomainName } from "../domain/name.ts";
import { fromBytes, type Octets, toBytes } from "../domain/octets.ts";
import type { AlgorithmName, Denial, SigningPolicy } from "../domain/signing_policy.ts";
import type { KeyVault } from "./key_vault.ts";

/** A key without its secret. */
export interface StoredKey extends KeyLife {
  readonly algorithm: AlgorithmName;
  /** As in the DNSKEY record. */
  readonly publicKey: Octets;
  readonly createdAt: number;
}

/** What is known of a zone that is signed, or on its way there or back. */
export interface SignedZone {
  readonly zoneId: number;
  readonly policy: SigningPolicy;
  readonly phase: SigningPhase;
  /** Ms since the epoch; see `plannedSteps`. */
  readonly phaseUntil: number | null;
  /** Oldest first. */
  readonly keys: readonly StoredKey[];
}

/** A key that is to be stored. */
export interface NewKey extends Pick<StoredKey, "role" | "algorithm" | "tag" | "publicKey" | "state" | "until"> {
  /** PKCS #8. */
  readonly privateKey: Uint8Array;
}

export type KeyChange = Partial<Pick<StoredKey, "state" | "until" | "isReplaced" | "isCompromised">>;

interface ZoneRow {
  zone_id: number;
  algorithm: AlgorithmName;
  denial: Denial;
  split_keys: number;
  signature_seconds: number;
  zsk_lifetime_seconds: number;
  ksk_lifetime_seconds: number;
  propagation_seconds: number;
  ds_ttl_seconds: number;
  phase: SigningPhase;
  phase_until: number | null;
}

interface KeyRow {
  id: number;
  role: KeyRole;
  algorithm: AlgorithmName;
  tag: number;
  public_key: Uint8Array;
  state: KeyState;
  state_since: number;
  created_at: number;
  active_at: number | null;
  until: number | null;
  is_replaced: number;
  is_compromised: number;
}

export class DnssecKeyStore {
  readonly #vault: KeyVault;
  readonly #zone: Statement<ZoneRow>;
  readonly #names: Statement<{ name: string }>;
  readonly #unsignable: Statement<{ name: string; type: string; view: string }>;
  readonly #keys: Statement<KeyRow>;
  readonly #put: Statement<never>;
  readonly #setPhase: Statement<never>;
  readonly #delete: Statement<never>;
  readonly #deleteKeys: Statement<never>;
  readonly #insertKey: Statement<never>;
  readonly #updateKey: Statement<never>;
  readonly #deleteKey: Statement<never>;
  readonly #secret: Statement<{ private_key: Uint8Array }>;

  constructor(db: Database, vault: KeyVault) {
    this.#vault = vault;
    this.#zone = db.prepare(
      `SELECT signed_zones.* FROM signed_zones JOIN zones ON zones.id = zone_id WHERE zones.name = ?`,
    );
    this.#names = db.prepare("SELECT name FROM zones JOIN signed_zones ON zones.id = zone_id ORDER BY name");
    this.#unsignable = db.prepare(
      "SELECT name, type, view FROM records WHERE zone_id = ? AND (type = 'ALIAS' OR view <> '') LIMIT 1",
    );
    this.#keys = db.prepare(
      `SELECT id, role, algorithm, tag, public_key, state, state_since, created_at, active_at, until, is_replaced,
         is_compromised
       FROM dnssec_keys WHERE zone_id = ? ORDER BY id`,
    );
    this.#put = db.prepare(
      `INSERT OR REPLACE INTO signed_zones (zone_id, algorithm, denial, split_keys, signature_seconds,
         zsk_lifetime_seconds, ksk_lifetime_seconds, propagation_seconds, ds_ttl_seconds, phase, phase_until)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#setPhase = db.prepare("UPDATE signed_zones SET phase = ?, phase_until = ? WHERE zone_id = ?");
    this.#delete = db.prepare("DELETE FROM signed_zones WHERE zone_id = ?");
    this.#deleteKeys = db.prepare("DELETE FROM dnssec_keys WHERE zone_id = ?");
    this.#insertKey = db.prepare(
      `INSERT INTO dnssec_keys (zone_id, role, algorithm, tag, public_key, private_key, state, state_since, created_at,
         active_at, until)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#updateKey = db.prepare(
      `UPDATE dnssec_keys SET state = ?, state_since = ?, active_at = ?, until = ?, is_replaced = ?, is_compromised = ?
       WHERE id = ?`,
    );
    this.#deleteKey = db.prepare("DELETE FROM dnssec_keys WHERE id = ?");
    this.#secret = db.prepare("SELECT private_key FROM dnssec_keys WHERE id = ?");
  }

  /** Undefined for a zone that is unsigned, a secondary, or not there. */
  find(zone: DomainName): SignedZone | undefined {
    const row = this.#zone.get(zone.text);
    if (row === undefined) return undefined;
    return {
      zoneId: row.zone_id,
      policy: {
        algorithm: row.algorithm,
        denial: row.denial,
        splitKeys: row.split_keys !== 0,
        signatureSeconds: row.signature_seconds,
        zskLifetimeSeconds: row.zsk_lifetime_seconds,
        kskLifetimeSeconds: row.ksk_lifetime_seconds,
        propagationSeconds: row.propagation_seconds,
        dsTtlSeconds: row.ds_ttl_seconds,
      },
      phase: row.phase,
      phaseUntil: row.phase_until,
      keys: this.#keys.all(row.zone_id).map(keyOf),
    };
  }

  /** Names of all zones that `find` finds. */
  names(): string[] {
    return this.#names.all().map(({ name }) => name);
  }

  /** A record whose answers can't be signed beforehand, if the zone has one: an ALIAS, or one for a view alone. */
  unsignableRecord(zoneId: number): { name: string; type: string; view: string } | undefined {
    return this.#unsignable.get(zoneId);
  }

  /** Sets how a zone is signed, and in which phase it is. */
  put(zoneId: number, policy: SigningPolicy, phase: SigningPhase, phaseUntil: number | null = null): void {
    this.#put.run(
      ...[zoneId, policy.algorithm, policy.denial, policy.splitKeys ? 1 : 0, policy.signatureSeconds],
      ...[policy.zskLifetimeSeconds, policy.kskLifetimeSeconds, policy.propagationSeconds, policy.dsTtlSeconds],
      ...[phase, phaseUntil],
    );
  }

  setPhase(zoneId: number, phase: SigningPhase, phaseUntil: number | null = null): void {
    this.#setPhase.run(phase, phaseUntil, zoneId);
  }

  /** Forgets the zone's keys and that it was signed. */
  delete(zoneId: number): void {
    this.#deleteKeys.run(zoneId);
    this.#delete.run(zoneId);
  }

  addKey(zoneId: number, key: NewKey, at: number): void {
    const { role, algorithm, tag, publicKey, privateKey, state, until } = key;
    const sealed = this.#vault.seal(privateKey, contextOf(key));
    this.#insertKey.run(
      ...[zoneId, role, algorithm, tag, toBytes(publicKey), sealed, state, at, at],
      ...[state === "active" ? at : null, until],
    );
  }

  changeKey(key: StoredKey, change: KeyChange, at: number): void {
    const { state, until, isReplaced, isCompromised } = { ...key, ...change };
    const since = state === key.state ? key.stateSince : at;
    const activeAt = state === "active" && key.state !== "active" ? at : key.activeAt;
    this.#updateKey.run(state, since, activeAt, until, isReplaced ? 1 : 0, isCompromised ? 1 : 0, key.id);
  }

  removeKey({ id }: StoredKey): void {
    this.#deleteKey.run(id);
  }

  /** PKCS #8. Throws Unavailable when the vault's key isn't the one that sealed it. */
  privateKey(key: StoredKey): Uint8Array<ArrayBuffer> {
    const row = this.#secret.get(key.id);
    if (row === undefined) throw new Error(`DNSSEC key ${key.id} is not in the database`);
    return this.#vault.open(row.private_key, contextOf(key));
  }
}

/** Binds a sealed private key to its public one: exchanged rows don't open. */
function contextOf({ algorithm, publicKey }: Pick<StoredKey, "algorithm" | "publicKey">): string {
  return `dnssec ${algorithm} ${toBytes(publicKey).toBase64()}`;
}

function keyOf(row: KeyRow): StoredKey {
  return {
    id: row.id,
    role: row.role,
    algorithm: row.algorithm,
    tag: row.tag,
    publicKey: fromBytes(row.public_key),
    state: row.state,
    stateSince: row.state_since,
    createdAt: row.created_at,
    activeAt: row.active_at,
    until: row.until,
    isReplaced: row.is_replaced !== 0,
    isCompromised: row.is_compromised !== 0,
  };
}
