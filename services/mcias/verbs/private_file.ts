/**
 * Files that the local verbs read and write: relative paths are within the
 * data folder, which is what the sandbox lets MCIAS write.
 * @module
 */
import { messageOf, quote, unavailable } from "@lib/errors/mod.ts";

/** Writes a line into a file that only its owner can read; replaces what is there in one step. */
export function writePrivateFile(dataDir: string, path: string, line: string): string {
  const target = within(dataDir, path);
  const draft = `${target}.new`;
  try {
    // A draft that a killed run left may be another's or have another mode.
    removeIfThere(draft);
    Deno.writeTextFileSync(draft, `${line}\n`, { createNew: true, mode: 0o600 });
    Deno.renameSync(draft, target);
  } catch (cause) {
    throw unavailable(`Cannot write ${quote(target)}: ${messageOf(cause)}`, { hint: hintOf(dataDir), cause });
  }
  return target;
}

/** The content of a file without its last line break. */
export function readPrivateFile(dataDir: string, path: string): string {
  const file = within(dataDir, path);
  try {
    return Deno.readTextFileSync(file).replace(/\r?\n$/, "");
  } catch (cause) {
    throw unavailable(`Cannot read ${quote(file)}: ${messageOf(cause)}`, { hint: hintOf(dataDir), cause });
  }
}

export function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function within(dataDir: string, path: string): string {
  return path.startsWith("/") ? path : `${dataDir}/${path}`;
}

function hintOf(dataDir: string): string {
  return `In its sandbox MCIAS reads and writes only within ${dataDir}; name a file there and move it.`;
}
