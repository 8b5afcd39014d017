import { parse, TomlError } from "@std/toml";
import { dirname, isAbsolute, join } from "node:path";
import { invalid, messageOf, quote } from "@lib/errors/mod.ts";
import type { Bundle } from "./bundle.ts";

type Table = Record<string, unknown>;

/** The file after `--config` in a command, or null. */
export function configFileOf(cmd: readonly string[]): string | null {
  for (const [index, word] of cmd.entries()) {
    if (word === "--config") return cmd[index + 1] ?? null;
    if (word.startsWith("--config=")) return word.slice("--config=".length);
  }
  return null;
}

/**
 * A program's config as it will see it, as far as its sandbox depends on it: the bundle's defaults, over them the
 * TOML file, over that the variables `$<PROGRAM>_<SECTION>_<KEY>`. Relative paths become absolute, from the file's folder.
 * The program itself checks every key when it starts.
 */
export function programConfig(bundle: Bundle, file: string | null, env: Readonly<Record<string, string>>): Table {
  const given = file === null ? {} : readToml(file);
  const config: Table = {};
  for (const name of new Set([...Object.keys(bundle.configDefaults), ...Object.keys(given)])) {
    const [below, above] = [bundle.configDefaults[name], given[name]];
    config[name] = isTable(below) ? { ...below, ...(isTable(above) ? above : {}) } : above ?? below;
  }
  const program = bundle.declaration.program;
  for (const [section, keys] of Object.entries(config)) {
    if (!isTable(keys)) continue;
    for (const key of Object.keys(keys)) {
      const value = env[`${program}_${section}_${key}`.toUpperCase().replaceAll(/[^A-Z0-9_]/g, "_")];
      if (value !== undefined) keys[key] = Array.isArray(keys[key]) ? value.split(",").map((one) => one.trim()) : value;
    }
  }
  if (file !== null) absolutise(config, bundle, dirname(file));
  return config;
}

/** Makes the paths absolute that the declaration speaks of. */
function absolutise(config: Table, bundle: Bundle, folder: string): void {
  const absolute = (path: unknown) =>
    typeof path === "string" && path !== "" && !isAbsolute(path) ? join(folder, path) : path;
  const socket = (address: unknown) =>
    typeof address === "string" && address.startsWith("unix:") ? `unix:${absolute(address.slice(5))}` : address;
  const { read = [], write = [], listen = [], connect = [], verbs = {} } = bundle.declaration;
  const ofVerbs = Object.values(verbs);
  const files = [...read, ...write, ...ofVerbs.flatMap(({ read = [], write = [] }) => [...read, ...write])];
  const sockets = [...listen, ...connect, ...ofVerbs.flatMap(({ connect = [] }) => connect)];
  for (const key of files) replaceAt(config, key.split("."), absolute);
  for (const key of sockets) replaceAt(config, key.split("."), socket);
}

function replaceAt(at: unknown, key: readonly string[], change: (value: unknown) => unknown): void {
  const [first, ...rest] = key;
  if (first === undefined || typeof at !== "object" || at === null) return;
  if (first === "*") {
    if (Array.isArray(at)) { for (const one of at) replaceAt(one, rest, change); }
    return;
  }
  const table = at as Table;
  if (rest.length > 0) return replaceAt(table[first], rest, change);
  const value = table[first];
  if (value !== undefined) table[first] = Array.isArray(value) ? value.map(change) : change(value);
}

function readToml(file: string): Table {
  let text: string;
  try {
    text = Deno.readTextFileSync(file);
  } catch (error) {
    throw invalid("cmd", `names a config file that can't be read, ${quote(file)}: ${messageOf(error)}`, {
      hint: "Put the file on the node before the deploy",
    });
  }
  try {
    return parse(text) as Table;
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    throw invalid("cmd", `${file}:${error.line}: ${messageOf(error).split("\n")[0]}`);
  }
}

function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
