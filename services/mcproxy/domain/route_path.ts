/**
 * Paths of routes, and of the requests that are matched with them.
 * @module
 */
import { invalid, quote } from "@lib/errors/mod.ts";
import { withoutDotSegments } from "./dot_segments.ts";

const maxPathBytes = 1024;

/**
 * Checks a route's path: "/" or segments of unreserved characters, without "." or "..", without a slash at the end
 * (which is dropped). "" is "/".
 * @throws PlatformError `invalid` on `path`
 */
export function parseRoutePath(text: string): string {
  const path = text === "" || text === "/" ? "/" : text.endsWith("/") ? text.slice(0, -1) : text;
  const isRight = path === "/" ||
    (path.length <= maxPathBytes && /^(?:\/[A-Za-z0-9._~!$&'()*+,;=:@-]+)+$/.test(path) &&
      !/\/\.{1,2}(?:\/|$)/.test(path));
  if (!isRight) {
    throw invalid(
      "path",
      `must be "/" or a path such as "/api/v1", without query, "%" or dot segments, got ${quote(text)}`,
    );
  }
  return path;
}

/** Whether `path` is `prefix` or lies below it: "/api" has "/api" and "/api/x", not "/apis". */
export function isBelow(path: string, prefix: string): boolean {
  return prefix === "/" ||
    (path.startsWith(prefix) && (path.length === prefix.length || path.charCodeAt(prefix.length) === 47));
}

/**
 * The path of a request's target as a backend may come to read it: without query, percent-encoded unreserved characters
 * decoded once, empty segments and dot segments taken out (RFC 3986 §6.2.2). Only for matching: what is passed on is
 * what the client sent. "*" stays.
 */
export function matchedPath(target: string): string {
  const query = target.indexOf("?");
  const path = query < 0 ? target : target.slice(0, query);
  if (!/%|\/\/|\/\./.test(path)) return path;
  const decoded = path.replace(/%([0-9a-fA-F]{2})/g, (whole, digits: string) => {
    const character = String.fromCharCode(parseInt(digits, 16));
    // "%2f" too: that a backend takes it for a slash is what would dodge a rule.
    return /[\w.~/-]/.test(character) ? character : whole;
  });
  return withoutDotSegments(decoded);
}
