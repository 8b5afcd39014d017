import type { AuditLog } from "@lib/audit/mod.ts";
import type { Database, Statement } from "@lib/db/mod.ts";
import { conflict, messageOf, notFound, quote } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import { DomainName } from "../domain/name.ts";
import { macOctets, parseTsigAlgorithm, type TsigAlgorithm, type TsigKey } from "../domain/tsig_key.ts";
import { formatScope, parseScope, type Scope, type ScopeText } from "../domain/update_scope.ts";
import type { KeyVault } from "./key_vault.ts";
import type { By } from "./zone_store.ts";

/** A key without its secret. Times in ms since the epoch. */
export interface TsigKeyRow {
  readonly name: string;
  readonly algorithm: TsigAlgorithm;
  readonly scopes: readonly Scope[];
  readonly createdAt: number;
  /** Some minutes late; null for never. */
  readonly usedAt: number | null;
}

/** A key as messages are checked with it. */
export interface HeldKey extends TsigKey {
  /** What it may change by RFC 2136; none: transfers only. */
  readonly scopes: readonly Scope[];
}

interface Row {
  name: string;
  algorithm: string;
  secret: Uint8Array;
  scopes: string;
  created_at: number;
  used_at: number | null;
}

/** The time of use is for people who wonder which key can go: it isn't worth a write per message. */
const usedEveryMs = 600_000;

const columns = "name, algorithm, secret, scopes, created_at, used_at";

/** Keys of TSIG. All of them are also in memory, opened: signed queries are answered while the disk is away. */
export class TsigKeyStore {
  readonly #db: Database;
  readonly #audit: AuditLog;
  readonly #vault: KeyVault;
  readonly #log: Logger;
  readonly #held = new Map<string, HeldKey>();
  readonly #usedAt = new Map<string, number>();
  readonly #all: Statement<Row>;
  readonly #page: Statement<Row>;
  readonly #one: Statement<Row>;
  readonly #insert: Statement<never>;
  readonly #setScopes: Statement<never>;
  readonly #setUsed: Statement<never>;
  readonly #delete: Statement<never>;
  readonly #users: Statement<{ name: string }>;

  /** Throws Unavailable when the vault's key isn't the one that the secrets were sealed with. */
  constructor(db: Database, audit: AuditLog, vault: KeyVault, log: Logger) {
    this.#log = log;
    this.#db = db;
    this.#audit = audit;
    this.#vault = vault;
    this.#all = db.prepare(`SELECT ${columns} FROM tsig_keys`);
    this.#page = db.prepare(`SELECT ${columns} FROM tsig_keys WHERE name > ? ORDER BY name LIMIT ?`);
    this.#one = db.prepare(`SELECT ${columns} FROM tsig_keys WHERE name = ?`);
    this.#insert = db.prepare(
      "INSERT INTO tsig_keys (name, algorithm, secret, scopes, created_at) VALUES (?, ?, ?, ?, ?)",
    );
    this.#setScopes = db.prepare("UPDATE tsig_keys SET scopes = ? WHERE name = ?");
    this.#setUsed = db.prepare("UPDATE tsig_keys SET used_at = ? WHERE name = ?");
    this.#delete = db.prepare("DELETE FROM tsig_keys WHERE name = ?");
    this.#users = db.prepare(
      `SELECT DISTINCT zones.name FROM zone_peers JOIN zones ON zones.id = zone_peers.zone_id
       WHERE tsig_key = ? ORDER BY zones.name LIMIT 5`,
    );
    this.reload();
  }

  /** Reads all keys anew: at start, and after another process has written. */
  reload(): void {
    this.#held.clear();
    for (const row of this.#all.all()) {
      try {
        this.#hold(row);
      } catch (error) {
        // Whose key file is lost still has names to answer: messages under this key are refused, as under an unknown one.
        this.#log.error("a TSIG key can't be used", { key: row.name, error: messageOf(error) });
      }
    }
  }

  /** The key of that name (key of name.ts), opened. */
  find(name: string): HeldKey | undefined {
    return this.#held.get(name);
  }

  /** Takes note that a request was signed with it at `at`. Never throws: it is said for people only. */
  markUsed(key: TsigKey, at: number): void {
    if (at - (this.#usedAt.get(key.name) ?? 0) < usedEveryMs) return;
    this.#usedAt.set(key.name, at);
    try {
      this.#db.write(() => this.#setUsed.run(at, DomainName.fromKey(key.name).text));
    } catch {
      // A full or absent disk: the message itself is answered.
    }
  }

  /** Throws NotFound. */
  get(name: DomainName): TsigKeyRow {
    const row = this.#one.get(name.text);
    if (row === undefined) throw notFound("TSIG key", name.text, { hint: "List the keys, or create it." });
    return rowOf(row);
  }

  /** By name, those after `after`. */
  list({ limit, after }: { limit: number; after: string | null }): TsigKeyRow[] {
    return this.#page.all(after ?? "", limit).map(rowOf);
  }

  /** Returns the secret, this once. `secret` null makes one as long as the algorithm's hash. Throws Conflict when the name is taken. */
  create(
    { name, algorithm, scopes, secret }: {
      name: DomainName;
      algorithm: TsigAlgorithm;
      scopes: readonly Scope[];
      secret: Uint8Array | null;
    },
    by: By,
  ): { key: TsigKeyRow; secret: Uint8Array } {
    const plain = secret ?? crypto.getRandomValues(new Uint8Array(macOctets[algorithm]));
    const sealed = this.#vault.seal(plain, contextOf(name.text));
    const texts = scopes.map(formatScope);
    this.#db.write((at) => {
      if (this.#one.get(name.text) !== undefined) {
        throw conflict(`Cannot create TSIG key ${quote(name.text)}: it exists`, {
          hint: "Delete it first, or take another name.",
        });
      }
      this.#insert.run(name.text, algorithm, sealed, JSON.stringify(texts), at);
      const detail = `${algorithm}; ${JSON.stringify(texts)}`;
      this.#audit.record(at, { ...by, action: "tsig_key.create", target: name.text, detail });
    });
    this.#held.set(name.key, { name: name.key, algorithm, secret: plain, scopes });
    return { key: this.get(name), secret: plain };
  }

  /** Replaces what the key may change, from the next message on. Throws NotFound. */
  setScopes(name: DomainName, scopes: readonly Scope[], by: By): TsigKeyRow {
    const texts = JSON.stringify(scopes.map(formatScope));
    this.#db.write((at) => {
      this.get(name);
      this.#setScopes.run(texts, name.text);
      this.#audit.record(at, { ...by, action: "tsig_key.scopes", target: name.text, detail: texts });
    });
    this.#hold(this.#one.get(name.text)!);
    return this.get(name);
  }

  /** Throws NotFound, and Conflict while a zone's transfers are signed with it. */
  delete(name: DomainName, by: By): void {
    this.#db.write((at) => {
      this.get(name);
      const users = this.#users.all(name.text).map(({ name }) => name);
      if (users.length > 0) {
        throw conflict(
          `Cannot delete TSIG key ${quote(name.text)}: transfers of ${users.join(", ")} are signed with it`,
          {
            hint: "Give those zones' primaries and secondaries another key first.",
          },
        );
      }
      this.#delete.run(name.text);
      this.#audit.record(at, { ...by, action: "tsig_key.delete", target: name.text });
    });
    this.#held.delete(name.key);
  }

  #hold(row: Row): void {
    const name = DomainName.parse(row.name, "tsig_keys.name").key;
    this.#held.set(name, {
      name,
      algorithm: parseTsigAlgorithm(row.algorithm, true),
      secret: this.#vault.open(row.secret, contextOf(row.name)),
      scopes: scopesOf(row),
    });
  }
}

const contextOf = (name: string): string => `tsig ${name}`;

function scopesOf({ scopes }: Row): Scope[] {
  return (JSON.parse(scopes) as ScopeText[]).map((scope) => parseScope(scope));
}

function rowOf(row: Row): TsigKeyRow {
  const { name, created_at, used_at } = row;
  return {
    name,
    algorithm: parseTsigAlgorithm(row.algorithm, true),
    scopes: scopesOf(row),
    createdAt: created_at,
    usedAt: used_at,
  };
}
