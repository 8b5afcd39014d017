/**
 * What an operator or the bootstrap does on the machine itself, on the database, without a running server (or beside one).
 * @module
 */
import { conflict, invalid, messageOf, quote } from "@lib/errors/mod.ts";
import type { ServiceContext, Verb } from "@lib/service/mod.ts";
import { writeSecretFile } from "./barrier/key_file.ts";
import type { Config } from "./config.ts";
import { type Metacrypt, openMetacrypt } from "./server.ts";

type Context = ServiceContext<Config>;
type Flags = Readonly<Record<string, string>>;

/** Stands in audit rows where no account was involved. */
const operator = { username: "operator", remote: "" };

export const verbs: Readonly<Record<string, Verb<Config>>> = {
  init: {
    summary:
      "set the seal password (from the file, else made and written to DATA/seal_password) and make the key file; harmless when done before",
    flags: { "password-file": "FILE" },
    run: init,
  },
  "issuer request": {
    summary: "make a mount's issuer key (and the mount) and write its certificate request; needs auto-unseal",
    flags: { mount: "NAME", "common-name": "TEXT", out: "FILE" },
    run: requestIssuer,
  },
  "issuer import": {
    summary: "import the signed issuer certificate with its parents; needs auto-unseal",
    flags: { mount: "NAME", chain: "FILE" },
    run: importIssuer,
  },
};

async function init(context: Context, flags: Flags): Promise<number> {
  using metacrypt = openMetacrypt(context);
  const { seal } = metacrypt;
  const auto = () => seal.autoUnseals() ? "on" : "off";
  if (seal.state() !== "uninitialized") {
    console.log(`metacrypt is initialized already; auto-unseal is ${auto()}`);
    return 0;
  }
  const file = flags["password-file"] ?? `${context.config.server.data_dir}/seal_password`;
  // A file that is there already may come from a run that was interrupted: its password is used.
  const password = await readText(file, flags["password-file"] !== undefined) ?? await makePassword(file);
  await seal.init(password, operator);
  console.log(`metacrypt is initialized; auto-unseal is ${auto()}; the seal password is in ${file}`);
  return 0;
}

async function makePassword(file: string): Promise<string> {
  const password = crypto.getRandomValues(new Uint8Array(24)).toBase64({ alphabet: "base64url" });
  await writeSecretFile(file, password + "\n");
  return password;
}

async function requestIssuer(context: Context, flags: Flags): Promise<number> {
  const mount = required(flags, "mount");
  const commonName = required(flags, "common-name");
  const out = required(flags, "out");
  using metacrypt = await opened(context);
  const { issuers } = metacrypt;
  if (!issuers.listMounts().some((each) => each.name === mount)) issuers.createMount(mount, operator);
  await Deno.writeTextFile(out, await issuers.request(mount, commonName, operator));
  console.log(`the request of mount ${mount} is in ${out}`);
  return 0;
}

async function importIssuer(context: Context, flags: Flags): Promise<number> {
  const mount = required(flags, "mount");
  const chain = await readText(required(flags, "chain"), true) ?? "";
  using metacrypt = await opened(context);
  const { subject, notAfter } = await metacrypt.issuers.import(mount, chain, "", operator);
  console.log(`mount ${mount} issues as ${subject} until ${notAfter.toISOString()}`);
  return 0;
}

/** Metacrypt, unsealed by its key file. Dispose it. */
async function opened(context: Context): Promise<Metacrypt> {
  const metacrypt = openMetacrypt(context);
  if (await metacrypt.seal.autoUnseal()) return metacrypt;
  const state = metacrypt.seal.state();
  metacrypt[Symbol.dispose]();
  throw conflict(`Cannot work on the database: it is ${state}, and no key file opens it`, {
    hint: "Set seal.auto_unseal_key_file, or use the running server's CaService as an admin.",
  });
}

function required(flags: Flags, name: string): string {
  const value = flags[name];
  if (value === undefined || value === "") throw invalid(`--${name}`, "must be given");
  return value;
}

/** The file's text without surrounding blanks; null when it isn't there and needn't be. */
async function readText(file: string, mustExist: boolean): Promise<string | null> {
  try {
    return (await Deno.readTextFile(file)).trim();
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound && !mustExist) return null;
    throw invalid("file", `cannot read ${quote(file)}: ${messageOf(cause)}`, { cause });
  }
}
