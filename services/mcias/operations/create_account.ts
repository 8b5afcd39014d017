/**
 * A new account: by an admin's call or by a local verb.
 * @module
 */
import { conflict, invalid, quote } from "@lib/errors/mod.ts";
import type { PasswordHasher } from "../crypto/password_hasher.ts";
import { type Account, parseUsername } from "../domain/account.ts";
import { parseAccountType } from "../domain/account_type.ts";
import { checkPassword } from "../domain/password_rule.ts";
import { parseRoles } from "../domain/roles.ts";
import type { Writer } from "../store/identity_store.ts";

/** An account as it is asked for. */
export interface AccountWish {
  readonly username: string;
  readonly accountType: string;
  readonly roles: readonly string[];
  /** Empty for system accounts. */
  readonly password: string;
}

/** An account that was checked, with its password's hash; `insertAccount` puts it in. */
export interface NewAccount extends Pick<Account, "username" | "type" | "roles"> {
  readonly passwordHash: string | null;
}

/** Checks every field and hashes the password. @throws PlatformError invalid */
export async function prepareAccount(wish: AccountWish, hasher: PasswordHasher): Promise<NewAccount> {
  const username = parseUsername(wish.username);
  const type = parseAccountType(wish.accountType);
  const roles = parseRoles(type, wish.roles);
  if (type === "system") {
    if (wish.password !== "") {
      throw invalid("password", "a system account has none", { hint: "Issue it a token instead." });
    }
    return { username, type, roles, passwordHash: null };
  }
  checkPassword(wish.password, username, "password");
  return { username, type, roles, passwordHash: await hasher.hash(wish.password) };
}

/**
 * Puts the account and its audit row in. @param by for the audit row
 * @throws PlatformError conflict when the name is or was taken
 */
export function insertAccount(writer: Writer, wish: NewAccount, by: { actor: string; remote: string }): Account {
  const { username, type, roles, passwordHash } = wish;
  const taken = writer.accounts.byUsername(username);
  if (taken !== undefined) {
    throw conflict(
      taken.status === "deleted"
        ? `Cannot create account ${quote(username)}: the name was a deleted account's and is never used again`
        : `Cannot create account ${quote(username)}: there is one of that name`,
    );
  }
  const { at } = writer;
  const account: Account = {
    id: crypto.randomUUID(),
    username,
    type,
    status: "active",
    roles,
    createdAt: at,
    updatedAt: at,
  };
  writer.accounts.insert(account, passwordHash);
  const rolesText = roles.length === 0 ? "" : `, roles ${roles.join(" ")}`;
  writer.audit.record(at, { ...by, action: "account.create", target: username, detail: `${type}${rolesText}` });
  return account;
}
