import type { LoadedConfig } from "./load.ts";
import { isKey, type Key, type Schema, type Section } from "./schema.ts";

/** The effective config as TOML, each value with its meaning and where it came from. Secrets are only ever file names. */
export function printConfig<S extends Schema>(schema: S, loaded: LoadedConfig<S>): string {
  let out = "";
  const config = loaded.config as Record<string, unknown>;
  for (const [name, part] of Object.entries(schema)) {
    if (isKey(part)) {
      out += part.kind === "tables"
        ? tablesText(name, part.keys!, config[name])
        : pair(name, part, config[name], loaded.sources.get(name));
      continue;
    }
    const section = config[name] as Record<string, unknown>;
    out += `\n[${name}]\n`;
    const later: string[] = [];
    for (const [key, kind] of Object.entries(part)) {
      if (kind.kind === "tables") later.push(tablesText(`${name}.${key}`, kind.keys!, section[key]));
      else out += pair(key, kind, section[key], loaded.sources.get(`${name}.${key}`));
    }
    out += later.join("");
  }
  return out.trimStart();
}

function pair(name: string, key: Key<unknown>, value: unknown, source = "default"): string {
  return `# ${key.doc} (${source})\n${name} = ${literal(value)}\n`;
}

function tablesText(name: string, keys: Section, value: unknown): string {
  return (value as Record<string, unknown>[]).map((one) =>
    `\n[[${name}]]\n` + Object.keys(keys).map((key) => `${key} = ${literal(one[key])}\n`).join("")
  ).join("");
}

/** JSON's strings, numbers, booleans and lists are TOML's too. */
function literal(value: unknown): string {
  return JSON.stringify(value);
}
