/**
 * Which real clients this machine has. A test of a missing one is skipped with the tool's name in its title; where CI
 * is set it runs and fails, because CI installs all of them.
 * @module
 */
import { join } from "node:path";
import { processEnvironment } from "@lib/config/mod.ts";

/** Title and skipping for a test or a step that needs these programs. */
export function withTools(name: string, ...tools: string[]): { name: string; ignore: boolean } {
  const missing = tools.filter((tool) => !isInstalled(tool));
  return missing.length === 0
    ? { name, ignore: false }
    : { name: `${name} (missing: ${missing.join(", ")})`, ignore: processEnvironment("CI") === undefined };
}

export function isInstalled(tool: string): boolean {
  // runc and iptables lie where an ordinary user's PATH doesn't look, and podman does.
  const folders = [...(processEnvironment("PATH") ?? "").split(":"), "/usr/sbin", "/sbin"];
  return folders.some((folder) => {
    try {
      return folder !== "" && Deno.statSync(join(folder, tool)).isFile;
    } catch {
      return false;
    }
  });
}
