/** The names under which engines are mounted. */
import { invalid, quote } from "@lib/errors/mod.ts";

/** Checks `[a-z][a-z0-9-]{0,31}`. @throws invalid("mount") */
export function parseMountName(text: string): string {
  if (!/^[a-z][a-z0-9-]{0,31}$/.test(text)) {
    throw invalid(
      "mount",
      `a mount's name has 1 to 32 of a-z, 0-9 and "-", and begins with a letter: ${quote(text)}`,
    );
  }
  return text;
}
