import { nearest, type TomlLines } from "@lib/config/mod.ts";
import { messageOf, PlatformError, quote } from "@lib/errors/mod.ts";
import type { Problem } from "./problem.ts";

export type Table = Readonly<Record<string, unknown>>;
type Path = readonly (string | number)[];

/**
 * Reads values out of parsed TOML and notes what is wrong instead of throwing, so that
 * one look finds every problem. A value that is wrong is read as its fallback.
 */
export class TableReader {
  constructor(
    readonly lines: TomlLines,
    readonly problems: Problem[],
    readonly table: Table,
    readonly at: Path = [],
  ) {}

  /** Notes a problem of `key`, or of the table itself where `key` is null. */
  refuse(key: string | number | null, message: string, hint?: string): void {
    const path = key === null ? this.at : [...this.at, key];
    this.problems.push({
      line: this.lines.of(path),
      field: fieldOf(path),
      message,
      ...(hint === undefined ? {} : { hint }),
    });
  }

  /** Notes every key that is not in `known`. */
  refuseUnknown(known: readonly string[]): void {
    for (const key of Object.keys(this.table)) {
      if (known.includes(key)) continue;
      const near = nearest(key, known);
      this.refuse(
        key,
        "unknown key",
        near === null ? `Known here: ${known.join(", ")}` : `Did you mean ${quote(near)}?`,
      );
    }
  }

  /** A string that passes `check`, which says what is wrong with it or null. */
  text<F extends string | null>(key: string, fallback: F, check?: (text: string) => string | null): string | F {
    const value = this.table[key];
    if (value === undefined) return fallback;
    if (typeof value !== "string") return this.#wrong(key, "must be a string", value, fallback);
    const fault = value.length > 4096 || /[\0\n]/.test(value)
      ? "must be one line of at most 4096 characters"
      : check?.(value) ?? null;
    return fault === null ? value : this.#wrong(key, fault, value, fallback);
  }

  choice<const T extends string, F extends NoInfer<T> | null>(
    key: string,
    choices: readonly T[],
    fallback: F,
  ): T | F {
    const value = this.table[key];
    if (value === undefined) return fallback;
    const found = choices.find((one) => one === value);
    if (found !== undefined) return found;
    const near = typeof value === "string" ? nearest(value, choices) : null;
    this.refuse(
      key,
      `must be one of ${choices.map(quote).join(", ")}, got ${quote(value)}`,
      near === null ? undefined : `Did you mean ${quote(near)}?`,
    );
    return fallback;
  }

  flag(key: string, fallback: boolean): boolean {
    const value = this.table[key];
    if (value === undefined) return fallback;
    return typeof value === "boolean" ? value : this.#wrong(key, "must be true or false", value, fallback);
  }

  integer<F extends number | null>(key: string, fallback: F, min: number, max: number): number | F {
    const value = this.table[key];
    if (value === undefined) return fallback;
    return typeof value === "number" && Number.isInteger(value) && value >= min && value <= max
      ? value
      : this.#wrong(key, `must be a whole number from ${min} to ${max}`, value, fallback);
  }

  /** A list of strings, each turned by `read`, whose PlatformError is noted at the entry. */
  list<T>(key: string, read: (text: string, field: string) => T): T[] {
    const value = this.table[key];
    if (value === undefined) return [];
    if (!Array.isArray(value)) return this.#wrong(key, "must be a list of strings", value, []);
    const out: T[] = [];
    for (const [index, one] of value.entries()) {
      const field = `${key}[${index}]`;
      if (typeof one !== "string" || /[\0\n]/.test(one)) {
        this.refuse(key, `entry ${index + 1} must be a string of one line, got ${quote(one)}`);
        continue;
      }
      this.attempt(key, () => out.push(read(one, field)));
    }
    return out;
  }

  /** Runs `work`; an Invalid that it throws becomes a problem of `key`. Null when it threw. */
  attempt<T>(key: string, work: () => T): T | null {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof PlatformError)) throw error;
      const message = messageOf(error);
      // The problem carries the field already.
      const bare = error.field !== undefined && message.startsWith(`${error.field}: `)
        ? message.slice(error.field.length + 2)
        : message;
      this.refuse(key, bare, error.hint);
      return null;
    }
  }

  /** The table below `key`, or null when there is none. */
  below(key: string): TableReader | null {
    const value = this.table[key];
    if (value === undefined) return null;
    if (!isTable(value)) return this.#wrong(key, `must be a table [${key}]`, value, null);
    return new TableReader(this.lines, this.problems, value, [...this.at, key]);
  }

  /** The tables [[key]]. */
  each(key: string): TableReader[] {
    const value = this.table[key];
    if (value === undefined) return [];
    if (!Array.isArray(value) || !value.every(isTable)) {
      return this.#wrong(
        key,
        `must be tables [[${[...this.at.filter((p) => typeof p === "string"), key].join(".")}]]`,
        value,
        [],
      );
    }
    return value.map((one: Table, index) => new TableReader(this.lines, this.problems, one, [...this.at, key, index]));
  }

  #wrong<T>(key: string, rule: string, value: unknown, fallback: T): T {
    this.refuse(key, `${rule}, got ${isTable(value) ? "a table" : Array.isArray(value) ? "a list" : quote(value)}`);
    return fallback;
  }
}

function fieldOf(path: Path): string {
  return path.reduce<string>(
    (text, part) => typeof part === "number" ? `${text}[${part}]` : text === "" ? part : `${text}.${part}`,
    "",
  );
}

export function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
