import { dirname, join } from "node:path";
import type { BundleConfig } from "@lib/oci/mod.ts";

/** Whether a bundle is unpacked already. */
export function hasBundle(bundlesDir: string, sha256: string): boolean {
  try {
    return Deno.statSync(join(bundlesDir, sha256, "bundle.json")).isFile;
  } catch {
    return false;
  }
}

/** Unpacks a bundle; it appears under its name only when it is whole. One that is there already stays. */
export function storeBundle(
  bundlesDir: string,
  sha256: string,
  config: BundleConfig,
  files: ReadonlyMap<string, Uint8Array>,
): void {
  const partial = join(bundlesDir, `${sha256}.${crypto.randomUUID()}.partial`);
  try {
    for (const [path, bytes] of files) {
      const file = join(partial, path);
      Deno.mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      Deno.writeFileSync(file, bytes, { mode: 0o600 });
    }
    // Last, over a file of that name in the bundle.
    Deno.writeTextFileSync(join(partial, "bundle.json"), JSON.stringify(config), { mode: 0o600 });
    if (!hasBundle(bundlesDir, sha256)) Deno.renameSync(partial, join(bundlesDir, sha256));
  } finally {
    remove(partial);
  }
}

/**
 * Removes bundles that nothing names any more, and halves that a crash left.
 * @param keepMs younger ones stay, because a deploy may be about to name them
 * @returns how many
 */
export function sweepBundles(bundlesDir: string, used: ReadonlySet<string>, keepMs: number, now: number): number {
  let removed = 0;
  for (const { name } of [...Deno.readDirSync(bundlesDir)]) {
    const path = join(bundlesDir, name);
    const age = now - (Deno.lstatSync(path).mtime?.getTime() ?? now);
    if (used.has(name) || age < keepMs) continue;
    remove(path);
    removed++;
  }
  return removed;
}

function remove(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
