/**
 * What every operation of MCIAS works with, and how its answers look.
 * @module
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Caller } from "@lib/auth/mod.ts";
import type { Clock } from "@lib/clock/mod.ts";
import type { Call } from "@lib/contract/mod.ts";
import type { AccountSchema, IdentitySchema, LoginResponseSchema, TokenSchema } from "@proto/mcias/v1/mcias_pb.ts";
import { notFound } from "@lib/errors/mod.ts";
import type { Config } from "../config.ts";
import type { PasswordHasher } from "../crypto/password_hasher.ts";
import type { Account } from "../domain/account.ts";
import type { AccountReader } from "../store/account_store.ts";
import type { IdentityStore } from "../store/identity_store.ts";
import type { TokenRecord } from "../store/token_store.ts";
import type { MintedToken, TokenAuthority } from "../tokens/token_authority.ts";
import type { LoginAttempts } from "./login_attempts.ts";

/** Everything behind the operations. */
export interface Identity {
  readonly store: IdentityStore;
  readonly authority: TokenAuthority;
  readonly hasher: PasswordHasher;
  readonly attempts: LoginAttempts;
  readonly config: Config;
  readonly clock: Clock;
}

/** Who did it and from where, for an audit row. */
export function actorOf(call: Call): { actor: string; remote: string } {
  return { actor: call.caller?.username ?? "", remote: call.remote };
}

/**
 * An account that is not deleted.
 * @throws PlatformError not_found
 */
export function existing(accounts: AccountReader, username: string): Account {
  const account = accounts.byUsername(username);
  if (account === undefined || account.status === "deleted") throw notFound("account", username);
  return account;
}

export function accountMessage(account: Account): MessageInitShape<typeof AccountSchema> {
  return {
    id: account.id,
    username: account.username,
    accountType: account.type,
    status: account.status,
    roles: [...account.roles],
    createdAt: timestampFromMs(account.createdAt),
    updatedAt: timestampFromMs(account.updatedAt),
  };
}

export function identityMessage(caller: Caller): MessageInitShape<typeof IdentitySchema> {
  return {
    subject: caller.subject,
    username: caller.username,
    accountType: caller.accountType,
    roles: caller.roles,
    tokenId: caller.tokenId,
    ...(caller.expiresAt === undefined ? {} : { expiresAt: timestampFromMs(caller.expiresAt) }),
    scopes: [...caller.scopes ?? []],
  };
}

/** The one answer that holds a token. */
export function loginMessage(account: Account, minted: MintedToken): MessageInitShape<typeof LoginResponseSchema> {
  const { tokenId, expiresAt, scopes } = minted.record;
  return {
    token: minted.token,
    expiresAt: timestampFromMs(expiresAt),
    identity: identityMessage({
      subject: account.id,
      username: account.username,
      accountType: account.type,
      roles: [...account.roles],
      tokenId,
      expiresAt,
      ...(scopes === null ? {} : { scopes }),
    }),
  };
}

export function tokenMessage(username: string, record: TokenRecord): MessageInitShape<typeof TokenSchema> {
  return {
    tokenId: record.tokenId,
    username,
    issuedAt: timestampFromMs(record.issuedAt),
    expiresAt: timestampFromMs(record.expiresAt),
    ...(record.revokedAt === null ? {} : { revokedAt: timestampFromMs(record.revokedAt) }),
    description: record.description,
    scopes: [...record.scopes ?? []],
  };
}
