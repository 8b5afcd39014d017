import { invalid, quote } from "@lib/errors/mod.ts";
import { withoutCovered } from "./cover.ts";
import type { Declaration } from "./declaration.ts";
import { ignoredEnvironment } from "./environment.ts";
import type { Grant, GrantKind } from "./grant.ts";

/** Grants that don't come from the declaration: a deploy's ports and volumes, the config file. */
export interface Extra {
  listen?: readonly { address: string; reason: string }[];
  connect?: readonly { address: string; reason: string }[];
  read?: readonly { path: string; reason: string }[];
  write?: readonly { path: string; reason: string }[];
  env?: readonly { name: string; reason: string }[];
}

export interface DeriveOptions {
  declaration: Declaration;
  /** The loaded config (or a bundle's defaults under the TOML's values): sections of keys. Paths absolute. */
  config: Readonly<Record<string, unknown>>;
  /** Granted for reading, and its variables `$<PROGRAM>_*`; left out for programs without one. */
  configFile?: string;
  /** What the program is started to do. A verb that the declaration lists gets what it needs and no more. Default "server". */
  verb?: string;
  extra?: Extra;
}

export interface Sandbox {
  declaration: Declaration;
  grants: Grant[];
}

/**
 * Works out the grants; none is included in another. Throws Invalid when a declared key is not in the config or a
 * value can't be expressed as a grant (an IPv6 network: the runtime knows IPv4 networks only).
 */
export function derive(options: DeriveOptions): Sandbox {
  const { declaration, config, configFile, verb = "server", extra = {} } = options;
  const needs: Omit<Declaration, "program"> = declaration.verbs?.[verb] ?? declaration;
  const grants: Grant[] = [];
  const add = (kind: GrantKind, value: string, reason: string): void => {
    const before = grants.find((grant) => grant.kind === kind && grant.value === value);
    if (!before) grants.push({ kind, value, reason });
    else if (!before.reason.includes(reason)) before.reason += `; ${reason}`;
  };
  const each = (keys: readonly string[] | undefined, use: (value: string, key: string) => void): void => {
    for (const key of keys ?? []) {
      for (const value of valuesAt(config, key, declaration.program)) use(value, shown(key));
    }
  };

  const socket = (address: string, reason: string): void => {
    if (!address.startsWith("unix:")) return add("net", address, reason);
    add("net", address, reason);
    add("read", address.slice(5), reason);
    add("write", address.slice(5), reason);
  };

  // lib/tls binds a unix socket beside its name and renames it into place, to replace a running program's.
  const listening = (address: string, reason: string): void => {
    if (!address.startsWith("unix:")) return add("net", address, reason);
    add("net", `${address}.new`, reason);
    for (const path of [address.slice(5), `${address.slice(5)}.new`]) {
      add("read", path, reason);
      add("write", path, reason);
    }
  };

  if (configFile !== undefined) {
    add("read", configFile, "the config file");
    add("env", `${declaration.program.toUpperCase().replaceAll("-", "_")}_*`, "config values given as variables");
  }
  each(needs.listen, (address, key) => listening(address, `listens: ${key}`));
  each(needs.connect, (address, key) => socket(address, `connects: ${key}`));
  each(
    needs.datagramPeers,
    (network, key) => add("net", datagramPeer(network, key), `answers datagrams of: ${key}`),
  );
  each(needs.read, (path, key) => add("read", path, `reads: ${key}`));
  each(needs.write, (path, key) => {
    add("read", path, `reads and writes: ${key}`);
    add("write", path, `reads and writes: ${key}`);
  });
  for (const name of needs.env ?? []) add("env", name, "declared variable");
  each(needs.run, (path, key) => add("run", path, `starts: ${key}`));

  for (const { address, reason } of extra.listen ?? []) listening(address, reason);
  for (const { address, reason } of extra.connect ?? []) socket(address, reason);
  for (const { path, reason } of extra.read ?? []) add("read", path, reason);
  for (const { path, reason } of extra.write ?? []) {
    add("read", path, reason);
    add("write", path, reason);
  }
  for (const { name, reason } of extra.env ?? []) add("env", name, reason);
  return { declaration, grants: withoutCovered(grants) };
}

/** "server.rest_addr" as an operator reads it: `[server].rest_addr`. */
function shown(key: string): string {
  const [section, ...rest] = key.split(".");
  return rest.length === 0 ? `[${section}]` : `[${section}].${rest.join(".")}`;
}

function valuesAt(config: Readonly<Record<string, unknown>>, key: string, program: string): string[] {
  let here: unknown[] = [config];
  for (const part of key.split(".")) {
    here = here.flatMap((one) => {
      if (part === "*") return Array.isArray(one) ? one : [];
      if (typeof one !== "object" || one === null || !(part in one)) {
        throw invalid(`declaration of ${program}`, `names config key ${quote(key)}, which the config doesn't have`);
      }
      return [(one as Record<string, unknown>)[part]];
    });
  }
  return here.flatMap((one) => Array.isArray(one) ? one : [one]).map(String).filter((value) => value !== "");
}

function datagramPeer(network: string, key: string): string {
  if (!network.includes(":")) return network.replace(/\/32$/, "");
  const [address, bits = "128"] = network.split("/");
  if (bits !== "128") {
    throw invalid(
      key,
      `can't be granted: the runtime has no IPv6 networks, got ${quote(network)}; list single IPv6 addresses`,
    );
  }
  return `[${address}]`;
}

// Without these a program could still import any npm package or a remote module: imports need no permission.
// The import host is a loopback port where nothing listens, because an empty list means the default hosts.
const closedImports = [
  "--no-config",
  "--no-lock",
  "--no-npm",
  "--no-remote",
  "--cached-only",
  "--allow-import=127.0.0.1:1",
];

/** One flag for all, as the runtime takes one. */
function engineFlags({ memoryMib = 256, singleThreadedGc }: Declaration): { flag: string; reason: string } {
  const flag = `--v8-flags=--max-old-space-size=${memoryMib}`;
  const reason = "memory limit, MiB of heap";
  if (singleThreadedGc !== true) return { flag, reason };
  return { flag: `${flag},--single-threaded-gc`, reason: `${reason}; garbage is collected on its own thread` };
}

/** The flags that every bundle gets whatever it declares. */
export function baseFlags(declaration: Declaration): { flag: string; reason: string }[] {
  return [
    { flag: "--no-prompt", reason: "a missing grant is an error, never a question" },
    ...closedImports.map((flag) => ({ flag, reason: "runs its bundle and can import nothing else" })),
    { flag: `--ignore-env=${ignoredEnvironment}`, reason: "libraries ask for these; they read as unset" },
    engineFlags(declaration),
    ...(declaration.unstable ?? []).map((part) => ({
      flag: `--unstable-${part}`,
      reason: `uses the runtime's unstable ${part} part`,
    })),
  ];
}

/** Arguments for the deno binary: `run`, the flags, the entry, the program's arguments. */
export function commandLine(
  sandbox: Sandbox,
  program: { entry: string; preload?: string; args: readonly string[] },
): string[] {
  return [
    "run",
    "--quiet",
    ...baseFlags(sandbox.declaration).map(({ flag }) => flag),
    ...grantFlags(sandbox.grants),
    ...(program.preload === undefined ? [] : [`--preload=${program.preload}`]),
    program.entry,
    ...program.args,
  ];
}

/** One flag per kind; a comma inside a path is doubled, as the runtime wants it. */
export function grantFlags(grants: readonly Grant[]): string[] {
  const kinds = [...new Set(grants.map((grant) => grant.kind))];
  return kinds.map((kind) => {
    const values = grants.filter((grant) => grant.kind === kind).map((grant) => grant.value.replaceAll(",", ",,"));
    return `--allow-${kind}=${values.join(",")}`;
  });
}
