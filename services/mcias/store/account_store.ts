/**
 * Accounts in SQLite.
 * @module
 */
import type { Database, Statement } from "@lib/db/mod.ts";
import type { Account, AccountStatus } from "../domain/account.ts";
import type { AccountType } from "../domain/account_type.ts";
import { type Role, roles } from "../domain/roles.ts";

export interface AccountReader {
  /** Deleted accounts too. */
  byUsername(username: string): Account | undefined;
  byId(id: string): Account | undefined;
  all(): Account[];
  /** At most `limit` accounts whose username is greater than `after`, by username; deleted ones too. */
  page(after: string, limit: number): Account[];
  /** How many accounts could administer the platform now. */
  activeAdmins(): number;
  /** Null when the account has no password or is not there. */
  passwordHash(id: string): string | null;
}

export interface AccountWriter extends AccountReader {
  insert(account: Account, passwordHash: string | null): void;
  /** Stores status, roles and updatedAt of an account that is there; deleting it takes its password away. */
  update(account: Account): void;
  setPasswordHash(id: string, hash: string): void;
}

interface Row {
  id: string;
  username: string;
  type: string;
  status: string;
  created_at: number;
  updated_at: number;
  roles: string;
}

const columns = `id, username, type, status, created_at, updated_at,
  (SELECT json_group_array(role) FROM account_roles WHERE account_id = accounts.id) AS roles`;

/** See `AccountReader` and `AccountWriter`. Tells `changed` the id of every account that it writes. */
export class AccountStore implements AccountWriter {
  readonly #changed: (id: string) => void;
  readonly #byUsername: Statement<Row>;
  readonly #byId: Statement<Row>;
  readonly #all: Statement<Row>;
  readonly #page: Statement<Row>;
  readonly #activeAdmins: Statement<{ count: number }>;
  readonly #passwordHash: Statement<{ password_hash: string | null }>;
  readonly #insert: Statement<Row>;
  readonly #update: Statement<Row>;
  readonly #setPasswordHash: Statement<Row>;
  readonly #deleteRoles: Statement<Row>;
  readonly #insertRole: Statement<Row>;

  constructor(db: Database, changed: (id: string) => void) {
    this.#changed = changed;
    this.#byUsername = db.prepare(`SELECT ${columns} FROM accounts WHERE username = ?`);
    this.#byId = db.prepare(`SELECT ${columns} FROM accounts WHERE id = ?`);
    this.#all = db.prepare(`SELECT ${columns} FROM accounts`);
    this.#page = db.prepare(`SELECT ${columns} FROM accounts WHERE username > ? ORDER BY username LIMIT ?`);
    this.#activeAdmins = db.prepare(
      `SELECT count(*) AS count FROM accounts JOIN account_roles ON account_id = accounts.id
       WHERE role = 'admin' AND status = 'active' AND type = 'human'`,
    );
    this.#passwordHash = db.prepare("SELECT password_hash FROM accounts WHERE id = ?");
    this.#insert = db.prepare(
      `INSERT INTO accounts (id, username, type, status, password_hash, created_at, updated_at)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#update = db.prepare(
      `UPDATE accounts SET status = ?1, updated_at = ?2,
         password_hash = CASE WHEN ?1 = 'deleted' THEN NULL ELSE password_hash END
       WHERE id = ?3`,
    );
    this.#setPasswordHash = db.prepare("UPDATE accounts SET password_hash = ? WHERE id = ?");
    this.#deleteRoles = db.prepare("DELETE FROM account_roles WHERE account_id = ?");
    this.#insertRole = db.prepare("INSERT INTO account_roles (account_id, role) VALUES (?, ?)");
  }

  byUsername(username: string): Account | undefined {
    return accountOf(this.#byUsername.get(username));
  }

  byId(id: string): Account | undefined {
    return accountOf(this.#byId.get(id));
  }

  all(): Account[] {
    return this.#all.all().map((row) => accountOf(row)!);
  }

  page(after: string, limit: number): Account[] {
    return this.#page.all(after, limit).map((row) => accountOf(row)!);
  }

  activeAdmins(): number {
    return this.#activeAdmins.get()!.count;
  }

  passwordHash(id: string): string | null {
    return this.#passwordHash.get(id)?.password_hash ?? null;
  }

  insert(account: Account, passwordHash: string | null): void {
    const { id, username, type, status, createdAt, updatedAt } = account;
    this.#insert.run(id, username, type, status, passwordHash, createdAt, updatedAt);
    this.#setRoles(id, account.roles);
    this.#changed(id);
  }

  update(account: Account): void {
    this.#update.run(account.status, account.updatedAt, account.id);
    this.#deleteRoles.run(account.id);
    this.#setRoles(account.id, account.roles);
    this.#changed(account.id);
  }

  setPasswordHash(id: string, hash: string): void {
    this.#setPasswordHash.run(hash, id);
  }

  #setRoles(id: string, roles: readonly Role[]): void {
    for (const role of roles) this.#insertRole.run(id, role);
  }
}

function accountOf(row: Row | undefined): Account | undefined {
  if (row === undefined) return undefined;
  const held = JSON.parse(row.roles) as string[];
  // The table's CHECK constraints keep type, status and roles to these words.
  return {
    id: row.id,
    username: row.username,
    type: row.type as AccountType,
    status: row.status as AccountStatus,
    roles: roles.filter((role) => held.includes(role)),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
