/**
 * Where a key stands in a TOML text. The parser yields values without positions, so
 * the text is scanned for table headers and `key =` at the start of a line;
 * multi-line strings are skipped.
 * @module
 */

/**
 * The 1-based line of `path` (table names, then the key; numbers index arrays of tables), or of
 * the nearest enclosing table that was found; 1 when nothing was.
 */
export function lineOf(toml: string, path: readonly (string | number)[]): number {
  const wanted = path.map(String).join("\0");
  const seen = new Map<string, number>();
  const arrayCounts = new Map<string, number>();
  let prefix: string[] = [];
  let closing: string | null = null;
  toml.split("\n").forEach((raw, index) => {
    const note = (at: string[]) => {
      const key = at.join("\0");
      if (!seen.has(key)) seen.set(key, index + 1);
    };
    if (closing !== null) {
      if (raw.includes(closing)) closing = null;
      return;
    }
    const line = raw.trim();
    const table = /^(\[\[?)([^\]]+)\]\]?/.exec(line);
    if (table) {
      const names = splitKey(table[2]!);
      prefix = [];
      for (const [i, name] of names.entries()) {
        prefix.push(name);
        const key = prefix.join("\0");
        if (table[1] === "[[" && i === names.length - 1) {
          const count = arrayCounts.get(key) ?? 0;
          arrayCounts.set(key, count + 1);
          prefix.push(String(count));
        } else if (arrayCounts.has(key)) {
          prefix.push(String(arrayCounts.get(key)! - 1));
        }
      }
      for (let i = 1; i <= prefix.length; i++) note(prefix.slice(0, i));
      return;
    }
    const pair = /^((?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+))*)\s*=\s*(.*)$/
      .exec(line);
    if (!pair) return;
    const names = splitKey(pair[1]!);
    for (let i = 1; i <= names.length; i++) note([...prefix, ...names.slice(0, i)]);
    for (const quotes of ['"""', "'''"]) {
      if (pair[2]!.startsWith(quotes) && !pair[2]!.slice(3).includes(quotes)) closing = quotes;
    }
  });
  for (let length = path.length; length > 0; length--) {
    const line = seen.get(length === path.length ? wanted : path.slice(0, length).map(String).join("\0"));
    if (line !== undefined) return line;
  }
  return 1;
}

function splitKey(text: string): string[] {
  return [...text.matchAll(/"([^"]*)"|'([^']*)'|([A-Za-z0-9_-]+)/g)].map((m) => (m[1] ?? m[2] ?? m[3])!);
}
