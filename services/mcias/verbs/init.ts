/**
 * `mcias init`: the master key, the first signing key and the first admin, all
 * or nothing.
 * @module
 */
import { invalid } from "@lib/errors/mod.ts";
import type { ServiceContext, Verb } from "@lib/service/mod.ts";
import type { Config } from "../config.ts";
import { generatePassword } from "../crypto/generated_password.ts";
import { createMasterKey } from "../crypto/key_vault.ts";
import type { PasswordHasher } from "../crypto/password_hasher.ts";
import { generateSigningKey } from "../crypto/signing_key.ts";
import { insertAccount, prepareAccount } from "../operations/create_account.ts";
import { hasherOf, openStore } from "../server.ts";
import { readPrivateFile, removeIfThere, writePrivateFile } from "./private_file.ts";

/** The exit code when there is nothing to do: another one than for failures, so that a script can tell. */
export const alreadyInitialised = 3;

/** How an audit row calls whoever has a shell on the machine. */
export const operator = { actor: "local", remote: "" } as const;

export const initVerb: Verb<Config> = {
  summary: "make the keys and the first admin; prints a generated password once. Exit code 3: already initialised",
  flags: { admin: "NAME", "admin-password-file": "FILE", "write-password": "FILE" },
  run: (context, flags) => init(context, flags),
};

/** @returns the exit code */
export async function init(
  context: ServiceContext<Config>,
  flags: Readonly<Record<string, string>>,
  hasher: PasswordHasher = hasherOf(context.config),
  print: (line: string) => void = console.log,
): Promise<number> {
  const { config } = context;
  const { data_dir } = config.server;
  const given = flags["admin-password-file"];
  const target = flags["write-password"];
  if (given !== undefined && target !== undefined) {
    throw invalid("--write-password", "can't go with --admin-password-file, which says the password already");
  }
  using store = openStore(context);
  const refused = () => {
    print("mcias: already initialised; nothing was changed. A lost password: mcias password reset --config FILE");
    return alreadyInitialised;
  };
  if (store.keys.masterKey() !== undefined) return refused();

  const password = given === undefined ? generatePassword() : readPrivateFile(data_dir, given);
  const username = flags.admin ?? "admin";
  const admin = await prepareAccount({ username, accountType: "human", roles: ["admin"], password }, hasher);
  const { passwords } = config;
  const cost = {
    memoryKib: passwords.argon2_memory_kib,
    passes: passwords.argon2_passes,
    lanes: passwords.argon2_lanes,
  };
  const { master, record } = await createMasterKey(config.keys, cost);
  const signingKey = await generateSigningKey(master);

  // Before the commit: an admin whose password was lost on the way would be nobody's.
  const written = target === undefined ? null : writePrivateFile(data_dir, target, password);
  let initialised: boolean;
  try {
    initialised = store.write((writer) => {
      if (writer.keys.masterKey() !== undefined) return false; // by another process, meanwhile
      writer.keys.insertMasterKey(record);
      writer.keys.insertSigningKey(signingKey, writer.at);
      insertAccount(writer, admin, operator);
      writer.audit.record(writer.at, { ...operator, action: "init", detail: `signing key ${signingKey.kid}` });
      return true;
    });
  } catch (error) {
    if (written !== null) removeIfThere(written);
    throw error;
  }
  if (!initialised) {
    if (written !== null) removeIfThere(written);
    return refused();
  }
  print(`admin: ${username}`);
  if (written !== null) print(`password file: ${written}`);
  else if (given === undefined) print(`password: ${password}`);
  return 0;
}
