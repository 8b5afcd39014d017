/** The project's own files, as the rules see them. */
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../", import.meta.url));

// What the project ignores or never wrote.
const skippedFolders = new Set([".git", ".metacircular", "dist", "node_modules"]);

/** Every file of the project by its path from the root, sorted. */
export function projectFiles(): string[] {
  const found: string[] = [];
  const walk = (folder: string) => {
    for (const entry of Deno.readDirSync(root + folder)) {
      const path = folder + entry.name;
      if (entry.isDirectory && !skippedFolders.has(entry.name)) walk(`${path}/`);
      if (entry.isFile && !path.endsWith(".log")) found.push(path);
    }
  };
  walk("");
  return found.sort();
}

/** The modules that people write: neither generated code nor test data. */
export function sourceFiles(): string[] {
  return projectFiles().filter((path) => /\.(ts|tsx|js)$/.test(path) && !isGenerated(path) && !isTestData(path));
}

export function readText(path: string): string {
  return Deno.readTextFileSync(root + path);
}

export const isGenerated = (path: string): boolean => path.endsWith("_pb.ts");
export const isTestData = (path: string): boolean => path.includes("/testdata/");

/** Runs in tests only: test files, what they share, and everything under tests/. */
export function isForTests(path: string): boolean {
  return /_test\.tsx?$|(^|\/)(tests|testing|testdata)\//.test(path) || testSupport.has(path);
}

/** Support of tests that stands beside the code which it stands in for. */
const testSupport = new Set([
  "cli/mcp/testing_platform.ts",
  "lib/http/server_fixture.ts",
  "lib/oci/scripted_registry.ts",
  "lib/testing/throwaway_ca.ts",
]);

/** The first two folders: `services/mcns`, `lib/db`. */
export function partOf(path: string): string {
  return path.split("/").slice(0, 2).join("/");
}
