/** tsig list, add, scopes, delete. */
import { create } from "@bufbuild/protobuf";
import { buildCommand } from "@stricli/core";
import {
  type CliContext,
  fetchPages,
  jsonOf,
  listFlag,
  printJson,
  readInput,
  switchFlag,
  textFlag,
  time,
} from "@lib/cli/mod.ts";
import { invalid, quote } from "@lib/errors/mod.ts";
import { table } from "@lib/terminal/mod.ts";
import {
  ListTsigKeysResponseSchema,
  type TsigKey,
  TsigKeySchema,
  TsigKeySecretSchema,
  type UpdateScope,
} from "@proto/mcns/v1/transfer_pb.ts";
import { type ServerFlags, serverFlags, withMcns } from "../connection.ts";

type Scope = Pick<UpdateScope, "zone" | "names" | "types">;

/** Reads "ZONE:NAME,NAME" with ":TYPE,TYPE" after it. */
export function parseScope(text: string): Scope {
  const [zone = "", names = "", types = "", ...rest] = text.split(":");
  if (zone === "" || names === "" || rest.length > 0) {
    throw invalid("--scope", `must be ZONE:NAMES or ZONE:NAMES:TYPES, got ${quote(text)}`);
  }
  return { zone, names: names.split(","), types: types === "" ? [] : types.split(",") };
}

function scopeText({ zone, names, types }: Scope): string {
  return [zone, names.join(","), ...(types.length === 0 ? [] : [types.join(",")])].join(":");
}

function printKeys(context: CliContext, keys: readonly TsigKey[]): void {
  context.print(table(keys, [
    { heading: "key", cell: ({ name }) => name },
    { heading: "algorithm", cell: ({ algorithm }) => algorithm },
    { heading: "may update", cell: ({ scopes }) => scopes.map(scopeText).join(" ") || "nothing" },
    { heading: "created", cell: ({ createdAt }) => time(createdAt) },
    { heading: "used", cell: ({ usedAt }) => time(usedAt) || "never" },
  ]));
}

const nameArgument = {
  kind: "tuple",
  parameters: [{ brief: "The key's name", parse: String, placeholder: "key" }],
} as const;

const scopeFlag = listFlag(
  "What it may change by DNS update: ZONE:NAMES or ZONE:NAMES:TYPES; several by repeating",
  "SCOPE",
);

// There are as many keys as other servers and clients of updates.
const maxKeys = 10_000;

export const tsigListCommand = buildCommand({
  docs: { brief: "List the TSIG keys", customUsage: [{ input: "", brief: "without their secrets" }] },
  parameters: { flags: serverFlags },
  async func(this: CliContext, flags: ServerFlags) {
    const { items } = await withMcns(this, flags, (mcns) =>
      fetchPages(maxKeys, async (page) => {
        const { keys: items, nextPageToken } = await mcns.keys.listTsigKeys(page);
        return { items, nextPageToken };
      }));
    if (flags.json) {
      return printJson(this, jsonOf(ListTsigKeysResponseSchema, create(ListTsigKeysResponseSchema, { keys: items })));
    }
    printKeys(this, items);
  },
});

interface AddFlags extends ServerFlags {
  readonly algorithm?: string;
  readonly scope?: readonly string[];
  readonly secretFile?: string;
}

export const tsigAddCommand = buildCommand({
  docs: {
    brief: "Make a TSIG key and print its secret, once",
    fullDescription:
      "Makes a TSIG key for zone transfers and, with scopes, for DNS updates. Its secret is printed now and never again. In scopes, a name stands for itself, *.lan for the names below lan, ** for all, _acme-challenge.** for that label anywhere.",
    customUsage: [
      { input: "backup.example.org", brief: "for transfers only" },
      { input: "acme.example.org --scope 'example.org:_acme-challenge.**:TXT'", brief: "for an ACME client" },
      { input: "dhcp.example.org --scope 'lan.example.org:**:A,AAAA'", brief: "for a DHCP server" },
      { input: "ns1.example.net --secret-file ns1.secret", brief: "a key that the other side has already" },
    ],
  },
  parameters: {
    flags: {
      ...serverFlags,
      algorithm: textFlag("hmac-sha256, hmac-sha384 or hmac-sha512 [hmac-sha256]", "NAME"),
      scope: scopeFlag,
      secretFile: textFlag("File with the secret in Base64, instead of a new one", "FILE"),
    },
    positional: nameArgument,
  },
  async func(this: CliContext, flags: AddFlags, name: string) {
    const { algorithm = "", scope = [], secretFile } = flags;
    const secret = secretFile === undefined ? "" : readInput("--secret-file", secretFile).trim();
    const scopes = scope.map(parseScope);
    const made = await withMcns(this, flags, ({ keys }) => keys.createTsigKey({ name, algorithm, scopes, secret }));
    if (flags.json) return printJson(this, jsonOf(TsigKeySecretSchema, made));
    // As BIND, Knot's keymgr and nsupdate -k write it.
    const { name: keyName = "", algorithm: chosen = "" } = made.key ?? {};
    this.print(`key "${keyName}" {\n  algorithm ${chosen};\n  secret "${made.secret}";\n};\n`);
  },
});

interface ScopesFlags extends ServerFlags {
  readonly scope?: readonly string[];
  readonly none: boolean;
}

export const tsigScopesCommand = buildCommand({
  docs: {
    brief: "Set what a TSIG key may change by DNS update",
    customUsage: [
      { input: "dhcp.example.org --scope 'lan.example.org:**:A,AAAA'", brief: "exactly that" },
      { input: "dhcp.example.org --none", brief: "nothing: for transfers only" },
    ],
  },
  parameters: {
    flags: { ...serverFlags, scope: scopeFlag, none: switchFlag("Nothing") },
    positional: nameArgument,
  },
  async func(this: CliContext, flags: ScopesFlags, name: string) {
    if (flags.none === (flags.scope !== undefined)) throw invalid("--scope", "give what it may change, or --none");
    const scopes = (flags.scope ?? []).map(parseScope);
    const key = await withMcns(this, flags, ({ keys }) => keys.setTsigScopes({ name, scopes }));
    if (flags.json) return printJson(this, jsonOf(TsigKeySchema, key));
    printKeys(this, [key]);
  },
});

export const tsigDeleteCommand = buildCommand({
  docs: {
    brief: "Delete a TSIG key",
    customUsage: [{ input: "dhcp.example.org", brief: "refused while a zone's peers use it" }],
  },
  parameters: { flags: serverFlags, positional: nameArgument },
  async func(this: CliContext, flags: ServerFlags, name: string) {
    await withMcns(this, flags, ({ keys }) => keys.deleteTsigKey({ name }));
    if (flags.json) printJson(this, {});
    else this.print(`Deleted key ${name}\n`);
  },
});
