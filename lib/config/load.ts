import { parse, TomlError } from "@std/toml";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { invalid, messageOf, PlatformError, quote } from "@lib/errors/mod.ts";
import { nearest } from "./nearest.ts";
import { type ConfigOf, isKey, type Key, required, type Schema, type Section } from "./schema.ts";
import { TomlLines } from "./toml_lines.ts";

/** Answers for one variable; the process's own by default. */
export type Environment = (name: string) => string | undefined;

/** The process's environment. The program must be granted the names that its schema asks for. */
export const processEnvironment: Environment = (name) => Deno.env.get(name);

export interface LoadedConfig<S extends Schema> {
  config: ConfigOf<S>;
  /** Per dotted key, where the value came from: "default", "file:12", "$MCNS_DNS_…". */
  sources: ReadonlyMap<string, string>;
}

export interface LoadOptions<S extends Schema> {
  schema: S;
  /** "mcns": the prefix of its variables is MCNS_. */
  service: string;
  /** The TOML file; null: environment and defaults only. */
  file: string | null;
  environment?: Environment;
}

/**
 * Reads, checks and completes a config. Throws Invalid with `file:line: section.key: rule, value`
 * for the first thing that is wrong.
 */
export function loadConfig<S extends Schema>(options: LoadOptions<S>): LoadedConfig<S> {
  const { schema, service, file, environment = processEnvironment } = options;
  const toml = file === null ? "" : readFile(file);
  // Whole paths: what is built on them must not depend on how the file was named.
  const folder = file === null ? "" : dirname(resolve(file));
  const reader = new Reader(file ?? "(no file)", toml, folder, environment, service);
  const tree = reader.parse();
  const config: Record<string, unknown> = {};
  reader.refuseUnknown(tree, Object.keys(schema), []);
  for (const [name, part] of Object.entries(schema)) {
    const given = tree[name];
    if (isKey(part)) {
      config[name] = reader.value(part, given, [name]);
      continue;
    }
    if (given !== undefined && !isTable(given)) throw reader.fault([name], `${name}: must be a table [${name}]`);
    config[name] = reader.section(part, given ?? {}, [name]);
  }
  return { config: config as ConfigOf<S>, sources: reader.sources };
}

function readFile(file: string): string {
  try {
    return Deno.readTextFileSync(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw invalid("--config", `no file ${quote(file)}`, { hint: "Name the service's TOML file." });
    }
    throw error;
  }
}

type Table = Record<string, unknown>;
type Path = readonly (string | number)[];

class Reader {
  readonly sources = new Map<string, string>();
  readonly #lines: TomlLines;

  constructor(
    readonly file: string,
    readonly toml: string,
    readonly folder: string,
    readonly environment: Environment,
    readonly service: string,
  ) {
    this.#lines = new TomlLines(toml);
  }

  parse(): Table {
    try {
      return parse(this.toml) as Table;
    } catch (error) {
      if (!(error instanceof TomlError)) throw error;
      throw new PlatformError(
        "invalid",
        `${this.file}:${error.line}:${error.column}: ${error.message.split("\n")[0]}`,
        {
          field: this.file,
        },
      );
    }
  }

  section(keys: Section, given: Table, at: Path): Table {
    this.refuseUnknown(given, Object.keys(keys), at);
    return Object.fromEntries(
      Object.entries(keys).map(([name, key]) => [name, this.value(key, given[name], [...at, name])]),
    );
  }

  value<T>(key: Key<T>, given: unknown, at: Path): T {
    const field = at.join(".");
    if (key.kind === "tables") return this.#tables(key, given, at) as T;
    let value: T;
    const variable = [this.service, ...at].join("_").toUpperCase().replaceAll(/[^A-Z0-9_]/g, "_");
    const fromEnvironment = at.some((part) => typeof part === "number") ? undefined : this.environment(variable);
    if (fromEnvironment !== undefined) {
      value = key.read(fromEnvironment, `$${variable}`);
      this.sources.set(field, `$${variable}`);
    } else if (given !== undefined) {
      try {
        value = key.read(given, field);
      } catch (error) {
        throw error instanceof PlatformError ? this.fault(at, messageOf(error), error.hint) : error;
      }
      this.sources.set(field, `line ${this.#lines.of(at)}`);
    } else if (key.fallback !== required) {
      value = key.fallback as T;
      this.sources.set(field, "default");
    } else {
      throw this.fault(at, `${field}: must be given (${key.doc})`);
    }
    if (key.portVariable !== undefined) {
      const port = this.environment(key.portVariable);
      if (port !== undefined) {
        if (!/^\d{1,5}$/.test(port) || Number(port) > 65535) {
          throw invalid(`$${key.portVariable}`, `must be a port, got ${quote(port)}`);
        }
        value = String(value).replace(/:\d+$/, `:${port}`) as T;
        this.sources.set(field, `$${key.portVariable}`);
      }
    }
    return this.#absolute(key, value);
  }

  #tables(key: Key<unknown>, given: unknown, at: Path): Table[] {
    const field = at.join(".");
    if (given === undefined) return [];
    if (!Array.isArray(given) || !given.every(isTable)) throw this.fault(at, `${field}: must be tables [[${field}]]`);
    this.sources.set(field, `line ${this.#lines.of(at)}`);
    return given.map((one, i) => this.section(key.keys!, one, [...at, i]));
  }

  #absolute<T>(key: Key<T>, value: T): T {
    const one = (path: string) =>
      path === "" || isAbsolute(path) || this.folder === "" ? path : join(this.folder, path);
    if (key.kind === "path") return one(value as string) as T;
    if (key.kind === "paths") return (value as readonly string[]).map(one) as T;
    if (key.kind === "address" && String(value).startsWith("unix:")) return `unix:${one(String(value).slice(5))}` as T;
    return value;
  }

  refuseUnknown(given: Table, known: string[], at: Path): void {
    for (const name of Object.keys(given)) {
      if (known.includes(name)) continue;
      const near = nearest(name, known);
      const what = at.length === 0 ? "section" : "key";
      throw this.fault(
        [...at, name],
        `unknown ${what} ${quote([...at, name].join("."))}`,
        near === null ? `Known here: ${known.join(", ")}.` : `Did you mean ${quote(near)}?`,
      );
    }
  }

  fault(at: Path, message: string, hint?: string): PlatformError {
    return new PlatformError("invalid", `${this.file}:${this.#lines.of(at)}: ${message}`, {
      field: at.join("."),
      ...(hint === undefined ? {} : { hint }),
    });
  }
}

function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
