/**
 * Paths of certificates: always below the one folder that the sandbox lets the proxy read.
 * @module
 */
import { invalid, quote } from "@lib/errors/mod.ts";

/**
 * @param text absolute, or relative to `dir`
 * @param dir absolute path of the certificate folder
 * @returns the absolute path, below `dir`, without "." or ".." or empty parts
 * @throws PlatformError `invalid` on `field`
 */
export function certificatePath(text: string, dir: string, field: string): string {
  if (text === "") throw invalid(field, `an l7 route needs the path of a PEM file below ${dir}`);
  const root = dir.endsWith("/") ? dir.slice(0, -1) : dir;
  const relative = text.startsWith("/") ? (text.startsWith(`${root}/`) ? text.slice(root.length + 1) : null) : text;
  const parts = relative?.split("/") ?? [];
  const bad = relative === null || relative.includes("\0") ||
    parts.some((part) => part === "" || part === "." || part === "..");
  if (bad) {
    throw invalid(field, `must lie below ${root}, without "." or ".." in it, got ${quote(text)}`, {
      hint: 'The folder is "[certificates] dir" in mcproxy.toml; it is all that the proxy may read',
    });
  }
  return `${root}/${relative}`;
}
