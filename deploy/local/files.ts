import { dirname } from "node:path";

/** Makes a folder that only its owner can look into. */
export function privateFolder(path: string): void {
  Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
}

/** Writes a file that is there whole or not at all, readable by its owner alone. */
export function writeWhole(path: string, text: string): void {
  privateFolder(dirname(path));
  const next = `${path}.next`;
  Deno.writeTextFileSync(next, text, { mode: 0o600 });
  Deno.renameSync(next, path);
}

export function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
