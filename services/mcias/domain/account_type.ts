/**
 * The two types of accounts.
 * @module
 */
import { invalid, quote } from "@lib/errors/mod.ts";

/** A human logs in with a password; a system account only holds tokens that an admin issued. */
export type AccountType = "human" | "system";

/** @throws PlatformError invalid (account_type) */
export function parseAccountType(value: string): AccountType {
  if (value !== "human" && value !== "system") {
    throw invalid("account_type", `${quote(value)} is neither "human" nor "system"`);
  }
  return value;
}
