import { invalid, quote } from "@lib/errors/mod.ts";

/** Longer than any path that the platform writes, short enough for every file system (PATH_MAX is 4096 bytes). */
const maxPathBytes = 1024;

/**
 * A path inside an archive, checked so that joining it to a folder can't leave
 * that folder: relative, "/" between segments, none of them empty, "." or "..",
 * no backslash, no control character. A leading "./" and a folder's trailing "/" are taken off.
 * @throws PlatformError invalid
 */
export function checkEntryPath(path: string): string {
  const refuse = (why: string) => invalid("archive", `holds the path ${quote(path)}, which ${why}`);
  if (path.startsWith("/")) throw refuse("is absolute");
  const plain = path.replace(/^(\.\/)+/, "").replace(/\/$/, "");
  if (plain === "") throw refuse("is empty");
  if (new TextEncoder().encode(plain).length > maxPathBytes) throw refuse(`is longer than ${maxPathBytes} bytes`);
  // deno-lint-ignore no-control-regex -- control characters are exactly what is refused
  if (/[\u0000-\u001f\u007f\\]/.test(plain)) throw refuse("holds a backslash or a control character");
  for (const segment of plain.split("/")) {
    if (segment === "" || segment === "." || segment === "..") throw refuse(`has the segment ${quote(segment)}`);
  }
  return plain;
}
