/** The module graph of the whole tree, as the runtime resolves it. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Breach } from "./verdict.ts";
import { root } from "./source_tree.ts";

/** One import, export-from, type import or `import()` of a known name. */
export interface Edge {
  from: string;
  line: number;
  /** A path from the root, or `node:…`, `npm:…`, another URL. */
  to: string;
  /** As the source says it. */
  specifier: string;
  /** A "type" edge leaves nothing at run time. */
  kind: "value" | "type";
}

export interface ModuleGraph {
  edges: Edge[];
  /** Imports that lead nowhere. */
  broken: Breach[];
}

interface Resolved {
  specifier?: string;
  error?: string;
  span?: { start: { line: number } };
}

interface Info {
  modules: {
    specifier: string;
    error?: string;
    dependencies?: { specifier: string; code?: Resolved; type?: Resolved }[];
  }[];
}

/**
 * Asks `deno info` for everything that `files` reach. It takes one root, so a throwaway module
 * that imports all of them is that root.
 */
export async function moduleGraph(files: readonly string[]): Promise<ModuleGraph> {
  const folder = await Deno.makeTempDir({ prefix: "rules-" });
  try {
    const all = join(folder, "all.ts");
    const imports = files.map((path) => `import ${JSON.stringify(pathToFileURL(root + path).href)};\n`);
    await Deno.writeTextFile(all, imports.join(""));
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json", "--config", join(root, "deno.json"), all],
      stdin: "null",
    }).output();
    if (!success) throw new Error(`deno info failed: ${new TextDecoder().decode(stderr)}`);
    return readInfo(JSON.parse(new TextDecoder().decode(stdout)));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function readInfo(info: Info): ModuleGraph {
  const base = pathToFileURL(root).href;
  const graph: ModuleGraph = { edges: [], broken: [] };
  for (const module of info.modules) {
    if (!module.specifier.startsWith(base)) continue;
    const from = module.specifier.slice(base.length);
    if (module.error !== undefined) graph.broken.push({ file: from, line: 1, found: module.error });
    for (const { specifier, code, type } of module.dependencies ?? []) {
      for (const [kind, target] of [["value", code], ["type", type]] as const) {
        if (target === undefined) continue;
        const line = (target.span?.start.line ?? 0) + 1;
        if (target.specifier === undefined) {
          graph.broken.push({ file: from, line, found: `${specifier}: ${target.error ?? "leads nowhere"}` });
          continue;
        }
        const to = target.specifier.startsWith(base) ? target.specifier.slice(base.length) : target.specifier;
        graph.edges.push({ from, line, to, specifier, kind });
      }
    }
  }
  return graph;
}

/** Everything that `starts` reach, themselves included. */
export function reachedFrom(starts: readonly string[], edges: readonly Edge[]): Set<string> {
  const next = Map.groupBy(edges, (edge) => edge.from);
  const reached = new Set<string>();
  const open = [...starts];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (reached.has(path)) continue;
    reached.add(path);
    open.push(...(next.get(path) ?? []).map((edge) => edge.to));
  }
  return reached;
}
