/** The vocabulary of config schemas: one function per kind of value. */
import { invalid, quote } from "@lib/errors/mod.ts";
import { parseHostPort } from "./host_port.ts";

/** Stands in a default's place where the operator must give a value. */
export const required = Symbol("required");
export type Required = typeof required;

/** One key: what it means, its default and how a value is read. */
export interface Key<T> {
  kind: string;
  doc: string;
  fallback: T | Required;
  /** For an address: the variable that replaces its port, e.g. "PORT_REST". */
  portVariable?: string;
  /** For tables: the keys of one table. */
  keys?: Section;
  /** Checks and normalises what TOML (or, as a string, the environment) gave. Throws Invalid on `field`. */
  read(value: unknown, field: string): T;
}

// deno-lint-ignore no-explicit-any -- a section holds keys of every value type; ConfigOf recovers each one's
export type Section = Readonly<Record<string, Key<any>>>;
// deno-lint-ignore no-explicit-any -- as in Section
export type Schema = Readonly<Record<string, Section | Key<any>>>;
type ValueOf<K> = K extends Key<infer T> ? T : never;
type SectionOf<S> = { readonly [K in keyof S]: ValueOf<S[K]> };
/** The type of a loaded config. */
export type ConfigOf<S> = { readonly [K in keyof S]: S[K] extends { kind: string } ? ValueOf<S[K]> : SectionOf<S[K]> };

/** Declares a schema: sections of keys, or lists of tables. */
export function defineConfig<const S extends Schema>(schema: S): S {
  return schema;
}

function scalar<T>(
  kind: string,
  fallback: T | Required,
  doc: string,
  read: (value: unknown, field: string) => T,
): Key<T> {
  return { kind, fallback, doc, read };
}

function list<T>(
  kind: string,
  fallback: readonly T[] | Required,
  doc: string,
  item: (value: unknown, field: string) => T,
): Key<readonly T[]> {
  return scalar<readonly T[]>(kind, fallback, doc, (value, field) => {
    const items = typeof value === "string"
      ? value.split(",").map((one) => one.trim()).filter((one) => one !== "")
      : value;
    if (!Array.isArray(items)) throw invalid(field, `must be a list, got ${quote(value)}`);
    return items.map((one, i) => item(one, `${field}[${i}]`));
  });
}

function readText(value: unknown, field: string): string {
  if (typeof value !== "string") throw invalid(field, `must be a string, got ${quote(value)}`);
  if (value.length > 4096 || value.includes("\0")) throw invalid(field, "must be at most 4096 characters without NUL");
  return value;
}

export const text = (fallback: string | Required, doc: string): Key<string> => scalar("text", fallback, doc, readText);

export const texts = (fallback: readonly string[] | Required, doc: string): Key<readonly string[]> =>
  list("texts", fallback, doc, readText);

/** A file or folder; relative ones are relative to the config file's folder. "" means unset. */
export const path = (fallback: string | Required, doc: string): Key<string> => scalar("path", fallback, doc, readText);

export const paths = (fallback: readonly string[] | Required, doc: string): Key<readonly string[]> =>
  list("paths", fallback, doc, readText);

export function integer(
  fallback: number | Required,
  doc: string,
  limits: { min?: number; max?: number } = {},
): Key<number> {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = limits;
  return scalar("integer", fallback, doc, (value, field) => {
    const number = typeof value === "string" && /^-?\d+$/.test(value) ? Number(value) : value;
    if (typeof number !== "number" || !Number.isSafeInteger(number) || number < min || number > max) {
      throw invalid(field, `must be a whole number from ${min} to ${max}, got ${quote(value)}`);
    }
    return number;
  });
}

export const boolean = (fallback: boolean | Required, doc: string): Key<boolean> =>
  scalar("boolean", fallback, doc, (value, field) => {
    const known = value === "true" ? true : value === "false" ? false : value;
    if (typeof known !== "boolean") throw invalid(field, `must be true or false, got ${quote(value)}`);
    return known;
  });

export const choice = <const T extends string>(fallback: T | Required, choices: readonly T[], doc: string): Key<T> =>
  scalar<T>("choice", fallback, doc, (value, field) => {
    const found = choices.find((one) => one === value);
    if (found === undefined) throw invalid(field, `must be one of ${choices.join(", ")}, got ${quote(value)}`);
    return found;
  });

function readAddress(value: unknown, field: string): string {
  const address = readText(value, field);
  if (address === "" || address.startsWith("unix:")) return address;
  parseHostPort(address, field);
  return address;
}

/** "host:port", "[v6]:port" or "unix:path". @param portVariable replaces the port when set in the environment */
export function address(fallback: string | Required, doc: string, portVariable?: string): Key<string> {
  const key = scalar("address", fallback, doc, readAddress);
  return portVariable === undefined ? key : { ...key, portVariable };
}

export const addresses = (fallback: readonly string[] | Required, doc: string): Key<readonly string[]> =>
  list("addresses", fallback, doc, readAddress);

/** IP networks "10.0.0.0/8", "fd00::/8" or single addresses. */
export const cidrs = (fallback: readonly string[] | Required, doc: string): Key<readonly string[]> =>
  list("cidrs", fallback, doc, (value, field) => {
    const cidr = readText(value, field);
    const [ip = "", bits, rest] = cidr.split("/");
    const max = ip.includes(":") ? 128 : 32;
    const v4 = /^\d{1,3}(\.\d{1,3}){3}$/.test(ip) && ip.split(".").every((part) => Number(part) <= 255);
    const v6 = /^[0-9a-fA-F:]+(:\d{1,3}(\.\d{1,3}){3})?$/.test(ip) && ip.includes(":");
    if (rest !== undefined || !(v4 || v6) || (bits !== undefined && !(/^\d{1,3}$/.test(bits) && Number(bits) <= max))) {
      throw invalid(field, `must be an IP address or network like "10.0.0.0/8", got ${quote(cidr)}`);
    }
    return cidr;
  });

/** A list of tables, `[[routes]]`, each with these keys. */
export const tables = <const K extends Section>(keys: K, doc: string): Key<readonly SectionOf<K>[]> => ({
  kind: "tables",
  doc,
  fallback: [],
  keys,
  read() {
    throw new Error("tables are read by the loader, which knows their lines");
  },
});

/** The defaults as plain data, `required` ones left out: what a bundle tells the agent about its config. */
export function defaultsOf(schema: Schema): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const [name, part] of Object.entries(schema)) {
    if (isKey(part)) {
      if (part.fallback !== required) out[name] = part.fallback;
      continue;
    }
    out[name] = Object.fromEntries(
      Object.entries(part).filter(([, key]) => key.fallback !== required).map(([key, { fallback }]) => [key, fallback]),
    );
  }
  return out;
}

// deno-lint-ignore no-explicit-any -- as in Section
export function isKey(part: Section | Key<any>): part is Key<any> {
  return typeof (part as { kind?: unknown }).kind === "string";
}
