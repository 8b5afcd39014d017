/**
 * Accounts: who can hold a token.
 * @module
 */
import { conflict, invalid, quote } from "@lib/errors/mod.ts";
import type { AccountType } from "./account_type.ts";
import type { Role } from "./roles.ts";

/**
 * inactive: can't log in, its tokens are refused until it is active again.
 * deleted: as if gone, but the name is never used again.
 */
export type AccountStatus = "active" | "inactive" | "deleted";

export interface Account {
  /** UUID; the `sub` of its tokens. */
  readonly id: string;
  readonly username: string;
  readonly type: AccountType;
  readonly status: AccountStatus;
  readonly roles: readonly Role[];
  /** ms since the epoch. */
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** At most 63 characters, so that a name is a DNS label's length and fits every column and header. */
export const usernamePattern = /^[a-z][a-z0-9._-]{0,62}$/;

/** "local" is how audit logs call the operator at a service's own socket. */
const reservedUsernames: readonly string[] = ["local"];

/** @throws PlatformError invalid (username) */
export function parseUsername(value: string): string {
  if (!usernamePattern.test(value)) {
    throw invalid("username", `${quote(value)} does not match [a-z][a-z0-9._-]{0,62}`);
  }
  if (reservedUsernames.includes(value)) throw invalid("username", `${quote(value)} is reserved`);
  return value;
}

/**
 * The status that an update asks for; deleting is an operation of its own.
 * @throws PlatformError invalid (status)
 */
export function parseStatus(value: string): "active" | "inactive" {
  if (value !== "active" && value !== "inactive") {
    throw invalid("status", `${quote(value)} is neither "active" nor "inactive"`);
  }
  return value;
}

/** Whether the account can administer the platform now. */
export function isActiveAdmin(account: Pick<Account, "type" | "status" | "roles">): boolean {
  return account.type === "human" && account.status === "active" && account.roles.includes("admin");
}

/**
 * Somebody must be able to mend what is broken: the last active admin keeps role and status.
 * @param activeAdmins how many active admins there are before the change
 * @throws PlatformError conflict
 */
export function refuseLosingLastAdmin(before: Account, after: Account, activeAdmins: number): void {
  if (!isActiveAdmin(before) || isActiveAdmin(after) || activeAdmins > 1) return;
  const change = after.status === "deleted" ? "delete" : after.status === "inactive" ? "deactivate" : "demote";
  throw conflict(`Cannot ${change} ${quote(before.username)}: it is the last active admin`, {
    hint: "Give role admin to another active account first.",
  });
}
