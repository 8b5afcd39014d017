/** Files that the operator names. */
import { invalid, messageOf, unavailable } from "@lib/errors/mod.ts";

/**
 * The text of a file.
 * @param what the flag or argument that named it
 * @throws PlatformError `invalid` on it where there is none, `unavailable` where it can't be read
 */
export function readInput(what: string, path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw invalid(what, `no file ${path}`);
    throw unavailable(`Cannot read ${path}: ${messageOf(error)}`);
  }
}
