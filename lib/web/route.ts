/**
 * Which page an address belongs to.
 * @module
 */

/** An address of pages: `/zones/{zone}/history`, where `{zone}` takes one whole segment. */
export interface PathPattern {
  readonly segments: readonly string[];
}

export function parsePattern(path: string): PathPattern {
  return { segments: path.split("/").slice(1) };
}

/**
 * The values of the pattern's places, decoded, or null when the path is another. An empty segment fills no place, and a
 * path that is not well encoded fits no pattern.
 */
export function matchPath({ segments }: PathPattern, path: string): Record<string, string> | null {
  const parts = path.split("/").slice(1);
  if (parts.length !== segments.length) return null;
  const values: Record<string, string> = {};
  for (const [i, segment] of segments.entries()) {
    const part = parts[i]!;
    const place = /^\{(\w+)\}$/.exec(segment)?.[1];
    if (place === undefined) {
      if (part !== segment) return null;
      continue;
    }
    const value = decoded(part);
    if (value === null || value === "") return null;
    values[place] = value;
  }
  return values;
}

function decoded(part: string): string | null {
  try {
    return decodeURIComponent(part);
  } catch {
    return null;
  }
}

/** A path with its places filled, and a query of those values that aren't empty: `address("/zones/{zone}", { zone: "a/b" })`. */
export function address(
  path: string,
  places: Record<string, string> = {},
  query: Record<string, string | undefined> = {},
): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(places[name] ?? ""));
  const given = Object.entries(query).filter((entry): entry is [string, string] =>
    entry[1] !== undefined && entry[1] !== ""
  );
  return given.length === 0 ? filled : `${filled}?${new URLSearchParams(given)}`;
}
