/**
 * Accounts, tokens and keys from the machine's own shell, directly on the
 * database: for the bootstrap, when no server runs yet, and for the operator
 * who is locked out. A running server follows within 250 ms.
 * @module
 */
import { conflict, invalid, quote } from "@lib/errors/mod.ts";
import type { ServiceContext, Verb, VerbFlags, VerbLists } from "@lib/service/mod.ts";
import type { Config } from "../config.ts";
import { generatePassword } from "../crypto/generated_password.ts";
import type { PasswordHasher } from "../crypto/password_hasher.ts";
import { generateSigningKey } from "../crypto/signing_key.ts";
import { parseAccountType } from "../domain/account_type.ts";
import { checkPassword } from "../domain/password_rule.ts";
import { parseRoles } from "../domain/roles.ts";
import { insertAccount, prepareAccount } from "../operations/create_account.ts";
import { existing } from "../operations/identity.ts";
import { issueSystemToken } from "../operations/issue_system_token.ts";
import { hasherOf, masterKeyOf, openStore } from "../server.ts";
import { TokenAuthority } from "../tokens/token_authority.ts";
import { operator } from "./init.ts";
import { readPrivateFile, writePrivateFile } from "./private_file.ts";

type Print = (line: string) => void;

/** Adds an account; one of that name, type and roles that is there already is fine. */
export async function addAccount(
  context: ServiceContext<Config>,
  flags: VerbFlags,
  hasher: PasswordHasher = hasherOf(context.config),
  print: Print = console.log,
): Promise<number> {
  const username = demand(flags, "username");
  const accountType = parseAccountType(flags.type ?? "system");
  const roles = parseRoles(accountType, (flags.roles ?? "").split(",").filter((role) => role !== ""));
  using store = openStore(context);
  await masterKeyOf(store, context.config);
  const there = store.accounts.byUsername(username);
  if (there !== undefined && there.status !== "deleted") {
    const same = there.type === accountType && (flags.roles === undefined || there.roles.join() === roles.join());
    if (!same) {
      throw conflict(
        `Cannot add account ${quote(username)}: there is one of that name, ${there.type}` +
          (there.roles.length === 0 ? "" : ` with roles ${there.roles.join(", ")}`),
      );
    }
    print(`${there.type} account ${username} is there already`);
    return 0;
  }
  const file = flags["password-file"];
  const password = file === undefined ? "" : readPrivateFile(context.config.server.data_dir, file);
  const prepared = await prepareAccount({ username, accountType, roles, password }, hasher);
  store.write((writer) => insertAccount(writer, prepared, operator));
  print(`added ${accountType} account ${username}`);
  return 0;
}

/** Issues a system account's token, into a file or once on stdout. */
export async function issueToken(
  context: ServiceContext<Config>,
  flags: VerbFlags,
  { scope: scopes = [] }: VerbLists,
  print: Print = console.log,
): Promise<number> {
  const { config, clock } = context;
  const username = demand(flags, "username");
  const days = flags.days ?? "0";
  if (!/^\d{1,5}$/.test(days)) throw invalid("--days", `must be a whole number of days, got ${quote(days)}`);
  using store = openStore(context);
  const master = await masterKeyOf(store, config);
  const authority = new TokenAuthority({ store, master, clock, issuer: config.tokens.issuer });
  const description = flags.description ?? "mcias token issue";
  const wish = { username, seconds: Number(days) * 86_400, description, scopes };
  const { minted } = await issueSystemToken({ store, authority, config }, wish, operator);
  const { token, record } = minted;
  const target = flags.write;
  if (target === undefined) {
    print(token);
    return 0;
  }
  try {
    const file = writePrivateFile(config.server.data_dir, target, token);
    print(`token ${record.tokenId} of ${username} written to ${file}, good until ${day(record.expiresAt)}`);
    return 0;
  } catch (error) {
    // Nobody has it, so nobody should be able to use it.
    store.write(({ at, tokens, audit }) => {
      tokens.revoke(record.tokenId, at);
      audit.record(at, {
        ...operator,
        action: "token.revoke",
        target: username,
        detail: `token ${record.tokenId}, which could not be written`,
      });
    });
    throw error;
  }
}

/** Sets a human's password, generated or from a file, and revokes every token of the account. */
export async function resetPassword(
  context: ServiceContext<Config>,
  flags: VerbFlags,
  hasher: PasswordHasher = hasherOf(context.config),
  print: Print = console.log,
): Promise<number> {
  const { data_dir } = context.config.server;
  const username = demand(flags, "username");
  using store = openStore(context);
  await masterKeyOf(store, context.config);
  if (existing(store.accounts, username).type === "system") {
    throw conflict(`Cannot set a password for ${quote(username)}: a system account has none`, {
      hint: "Issue it a token instead: mcias token issue",
    });
  }
  const file = flags["password-file"];
  const password = file === undefined ? generatePassword() : readPrivateFile(data_dir, file);
  checkPassword(password, username, "password");
  const hash = await hasher.hash(password);
  const target = flags["write-password"];
  const written = target === undefined ? null : writePrivateFile(data_dir, target, password);
  store.write(({ at, accounts, tokens, failures, audit }) => {
    const { id } = existing(accounts, username);
    accounts.setPasswordHash(id, hash);
    failures.clear("account", username);
    const revoked = tokens.revokeAll(id, at);
    audit.record(at, {
      ...operator,
      action: "password.reset",
      target: username,
      detail: `tokens revoked: ${revoked}`,
    });
  });
  print(`password of ${username} is set; its tokens are revoked`);
  if (written !== null) print(`password file: ${written}`);
  else if (file === undefined) print(`password: ${password}`);
  return 0;
}

/** Makes a new signing key; the one before it still verifies what it signed. */
export async function rotateKeys(context: ServiceContext<Config>, print: Print = console.log): Promise<number> {
  using store = openStore(context);
  const key = await generateSigningKey(await masterKeyOf(store, context.config));
  store.write((writer) => {
    writer.keys.insertSigningKey(key, writer.at);
    writer.audit.record(writer.at, { ...operator, action: "key.rotate", detail: `signing key ${key.kid}` });
  });
  print(`tokens are signed with ${key.kid} from now on`);
  return 0;
}

export const localVerbs: Readonly<Record<string, Verb<Config>>> = {
  "account add": {
    summary: "add an account (type system by default); fine when it is there already",
    flags: { username: "NAME", type: "human|system", roles: "admin,user,guest", "password-file": "FILE" },
    run: (context, flags) => addAccount(context, flags),
  },
  "token issue": {
    summary: "issue a system account's token, into a file that only its owner can read or once on stdout",
    flags: { username: "NAME", write: "FILE", days: "N", description: "TEXT" },
    lists: { scope: "SERVICE:REST" },
    run: (context, flags, lists) => issueToken(context, flags, lists),
  },
  "password reset": {
    summary: "set a human's password, generated unless a file gives it; revokes the account's tokens",
    flags: { username: "NAME", "password-file": "FILE", "write-password": "FILE" },
    run: (context, flags) => resetPassword(context, flags),
  },
  "keys rotate": {
    summary: "sign with a new key from now on; tokens of the old one stay good",
    run: (context) => rotateKeys(context),
  },
};

function demand(flags: VerbFlags, name: string): string {
  const value = flags[name];
  if (value === undefined || value === "") throw invalid(`--${name}`, "must be given");
  return value;
}

function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
