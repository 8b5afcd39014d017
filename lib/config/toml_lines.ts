/**
 * Where the keys of a TOML text stand. The parser yields values without positions, so
 * the text is scanned for table headers and `key =` at the start of a line;
 * multi-line strings are skipped.
 * @module
 */

type Path = readonly (string | number)[];

/** The lines of one text. It is scanned once, when the first line is asked for. */
export class TomlLines {
  readonly #toml: string;
  #lines: ReadonlyMap<string, number> | null = null;

  constructor(toml: string) {
    this.#toml = toml;
  }

  /**
   * The 1-based line of `path` (table names, then the key; numbers index arrays of tables), or of
   * the nearest enclosing table that was found; 1 when nothing was.
   */
  of(path: Path): number {
    this.#lines ??= scan(this.#toml);
    for (let length = path.length; length > 0; length--) {
      const line = this.#lines.get(keyOf(path.slice(0, length)));
      if (line !== undefined) return line;
    }
    return 1;
  }
}

function keyOf(path: Path): string {
  return path.join("\0");
}

/** The line at which each table and key is first named. */
function scan(toml: string): Map<string, number> {
  const seen = new Map<string, number>();
  const arrayCounts = new Map<string, number>();
  let prefix: string[] = [];
  let closing: string | null = null;
  for (const [index, raw] of toml.split("\n").entries()) {
    const note = (at: string[]) => {
      const key = keyOf(at);
      if (!seen.has(key)) seen.set(key, index + 1);
    };
    if (closing !== null) {
      if (raw.includes(closing)) closing = null;
      continue;
    }
    const line = raw.trim();
    const table = /^(\[\[?)([^\]]+)\]\]?/.exec(line);
    if (table) {
      const names = splitKey(table[2]!);
      prefix = [];
      for (const [i, name] of names.entries()) {
        prefix.push(name);
        const key = keyOf(prefix);
        if (table[1] === "[[" && i === names.length - 1) {
          const count = arrayCounts.get(key) ?? 0;
          arrayCounts.set(key, count + 1);
          prefix.push(String(count));
        } else if (arrayCounts.has(key)) {
          prefix.push(String(arrayCounts.get(key)! - 1));
        }
      }
      for (let i = 1; i <= prefix.length; i++) note(prefix.slice(0, i));
      continue;
    }
    const pair = /^((?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+))*)\s*=\s*(.*)$/
      .exec(line);
    if (!pair) continue;
    const names = splitKey(pair[1]!);
    for (let i = 1; i <= names.length; i++) note([...prefix, ...names.slice(0, i)]);
    for (const quotes of ['"""', "'''"]) {
      if (pair[2]!.startsWith(quotes) && !pair[2]!.slice(3).includes(quotes)) closing = quotes;
    }
  }
  return seen;
}

function splitKey(text: string): string[] {
  return [...text.matchAll(/"([^"]*)"|'([^']*)'|([A-Za-z0-9_-]+)/g)].map((m) => (m[1] ?? m[2] ?? m[3])!);
}
