import { join } from "node:path";
import { PlatformError } from "@lib/errors/mod.ts";

/**
 * Refuses symbolic links inside a folder that a program may use: the runtime follows one that is
 * there already, even out of every grant. Throws Denied naming the first link found. A folder
 * that does not exist has none. The program itself can't make new ones without wider grants.
 */
export function refuseSymlinks(folder: string): void {
  let entries: Iterable<Deno.DirEntry>;
  try {
    if (!Deno.lstatSync(folder).isDirectory) return;
    entries = Deno.readDirSync(folder);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isSymlink) {
      throw new PlatformError("denied", `${path} is a symbolic link: it could lead out of the sandbox`, {
        rule: "no-symlinks",
        hint: "Replace it by the file or folder itself, then start again.",
      });
    }
    if (entry.isDirectory) refuseSymlinks(path);
  }
}
