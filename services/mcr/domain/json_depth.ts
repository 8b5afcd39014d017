/**
 * Whether JSON text nests objects and arrays deeper than `max`. Looks at
 * brackets outside of strings only, in one pass and without a stack, so that it
 * can come before any parser.
 */
export function nestsDeeperThan(text: string, max: number): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (inString) {
      if (character === "\\") i++;
      else if (character === '"') inString = false;
    } else if (character === '"') {
      inString = true;
    } else if (character === "{" || character === "[") {
      if (++depth > max) return true;
    } else if (character === "}" || character === "]") {
      depth--;
    }
  }
  return false;
}
