import { join } from "node:path";
import { invalid, messageOf, notFound } from "@lib/errors/mod.ts";

/**
 * Finds and reads a definition: a path (it ends with .toml or has a slash), or a name, looked for in `<data>/services` and
 * `~/.config/mcp/services`.
 */
export function readDefinition(
  source: string,
  data: string,
  environment: (name: string) => string | undefined,
): { toml: string; path: string } {
  const home = environment("HOME");
  const places = source.endsWith(".toml") || source.includes("/") ? [source] : [
    join(data, "services", `${source}.toml`),
    ...(home === undefined ? [] : [join(home, ".config", "mcp", "services", `${source}.toml`)]),
  ];
  for (const path of places) {
    try {
      return { toml: Deno.readTextFileSync(path), path };
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) continue;
      throw invalid("definition", `${path} can't be read: ${messageOf(error)}`);
    }
  }
  throw notFound("definition", source, { hint: `Looked for ${places.join(" and ")}` });
}
