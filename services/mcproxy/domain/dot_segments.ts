/**
 * A path without empty and dot segments (RFC 3986 §5.2.4), as many backends come to read it: "/a//./b/../c/" is "/a/c/",
 * and what would lead above the root ends there.
 */
export function withoutDotSegments(path: string): string {
  const kept: string[] = [];
  const segments = path.split("/");
  for (const segment of segments) {
    if (segment === "..") kept.pop();
    else if (segment !== "" && segment !== ".") kept.push(segment);
  }
  const last = segments.at(-1);
  const isFolder = kept.length > 0 && (last === "" || last === "." || last === "..");
  return `/${kept.join("/")}${isFolder ? "/" : ""}`;
}
