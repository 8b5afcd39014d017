/**
 * Roles: what a human may do across the platform. System accounts have none;
 * each service's own policy names them.
 * @module
 */
import { invalid, quote } from "@lib/errors/mod.ts";
import type { AccountType } from "./account_type.ts";

/** Every role, the mightiest first. */
export const roles = ["admin", "user", "guest"] as const;
export type Role = typeof roles[number];

/**
 * Checks the roles of an account; repetitions are dropped, the order is that of `roles`.
 * @throws PlatformError invalid (roles) for an unknown role, or for any role of a system account
 */
export function parseRoles(accountType: AccountType, values: readonly string[]): Role[] {
  values.forEach((value, index) => {
    if (!isRole(value)) throw invalid(`roles[${index}]`, `${quote(value)} is none of ${roles.map(quote).join(", ")}`);
  });
  if (accountType === "system" && values.length > 0) {
    throw invalid("roles", `a system account has no roles, got ${values.map(quote).join(", ")}`, {
      hint: "Name the account in the policy of the service that it needs.",
    });
  }
  return roles.filter((role) => values.includes(role));
}

function isRole(value: string): value is Role {
  return (roles as readonly string[]).includes(value);
}
