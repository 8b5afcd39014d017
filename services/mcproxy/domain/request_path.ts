/**
 * Paths of requests in the one spelling that rules are compared with.
 *
 * Every octet gets one spelling first: percent-encoded where it may stand plainly in a path (RFC 3986 §3.3 pchar, but `*`)
 * it is decoded, once; anything else is encoded, with capitals. `/%61dmin` is `/admin`, `/%2561dmin` stays `/%2561dmin`.
 *
 * Backends differ in what they make of dot segments, doubled slashes, encoded slashes, backslashes and path parameters.
 * A path that has any of these therefore has several readings, one for each kind of backend:
 *
 * 1. as it stands: `/x/../admin`
 * 2. slashes merged and dot segments removed (RFC 3986 §5.2.4): `/admin`
 * 3. `%2F`, `\` and `%5C` taken for slashes first: `/x/..%2Fadmin` is `/admin`
 * 4. path parameters (`;` to the next slash) cut away before that: `/..;/admin;a=b` is `/admin`
 *
 * Who blocks must match any of them, who allows all of them; so no spelling dodges a block or borrows an allow.
 * @module
 */
import { invalid, quote } from "@lib/errors/mod.ts";
import { withoutDotSegments } from "./dot_segments.ts";

/** Longer paths and user agents than this, characters, aren't compared: see `Firewall`. */
export const maxComparedLength = 8192;
/** Longest pattern, characters. */
export const maxPatternLength = 256;

const percent = 37;
const slash = 47;

/** 1 where an octet stands plainly in a path. */
const plain = new Uint8Array(256);
for (const char of "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()+,;=:@/") {
  plain[char.charCodeAt(0)] = 1;
}

/**
 * All readings of a request's path, each once, at least one.
 * @param target the request's target: its path with or without the query, "*", or the absolute form
 */
export function pathReadings(target: string): readonly string[] {
  const written = pathOf(target);
  if (isSimple(written)) return [written];
  const spelled = spell(written);
  const readings = [spelled];
  const add = (reading: string) => {
    if (!readings.includes(reading)) readings.push(reading);
  };
  add(resolved(spelled));
  add(resolved(withSlashes(spelled)));
  if (spelled.includes(";")) add(resolved(withSlashes(spelled.replaceAll(/;[^/]*/g, ""))));
  return readings;
}

/**
 * Checks a pattern for paths, and gives it the spelling that paths have.
 * @throws PlatformError `invalid` on `field`
 */
export function parsePathPattern(text: string, field = "paths"): string {
  if (!/^[/*]/.test(text)) {
    throw invalid(field, `must begin with "/" or "*", got ${quote(text)}`, {
      hint: 'Write "/admin*" for what begins with /admin, "*.php" for what ends in .php, "*" for every path',
    });
  }
  if (text.length > maxPatternLength) {
    throw invalid(field, `takes patterns of at most ${maxPatternLength} characters, got ${text.length}`);
  }
  if (text.includes("#")) throw invalid(field, `must have no "#", which no request's path has, got ${quote(text)}`);
  // A text that isn't well formed has no UTF-8 octets, and encodeURIComponent would throw.
  const octets = text.toWellFormed().replaceAll(/[^\0-\x7f]+/g, encodeURIComponent);
  const pattern = octets.split(/([*?])/).map((part, i) => i % 2 === 1 ? part : spell(part)).join("");
  if (/\/(\.{0,2})\//.test(pattern) || /\/\.{1,2}$/.test(pattern)) {
    throw invalid(field, `must have no empty, "." or ".." segment, got ${quote(text)}`, {
      hint: "Paths are compared after these are resolved: write the path that is meant",
    });
  }
  return pattern;
}

/** Without query, and without scheme and authority (RFC 9112 §3.2). */
function pathOf(target: string): string {
  let from = 0;
  if (target.charCodeAt(0) !== slash) {
    const authority = target.indexOf("://");
    if (authority > 0) from = target.indexOf("/", authority + 3);
    // "http://example.org" and "http://example.org?q" have the path "/".
    const query = target.indexOf("?");
    if (from < 0 || (query >= 0 && query < from)) return "/";
  }
  let end = target.indexOf("?", from);
  const fragment = target.indexOf("#", from);
  if (end < 0 || (fragment >= 0 && fragment < end)) end = fragment;
  if (from === 0 && end < 0) return target;
  return target.slice(from, end < 0 ? undefined : end);
}

/** Nothing to spell otherwise, and one reading: what nearly all paths are. */
function isSimple(path: string): boolean {
  let before = 0;
  for (let i = 0; i < path.length; i++) {
    const code = path.charCodeAt(i);
    if (code > 255 || plain[code] === 0 || code === 59) return false;
    // "//" and "/." are looked at closely.
    if (before === slash && (code === slash || code === 46)) return false;
    before = code;
  }
  return true;
}

const hex = "0123456789ABCDEF";

/** One spelling per octet; see the module. */
function spell(path: string): string {
  let spelled = "";
  for (let i = 0; i < path.length; i++) {
    let code = path.charCodeAt(i);
    let isEncoded = false;
    if (code === percent) {
      const octet = octetAt(path, i + 1);
      if (octet >= 0) {
        code = octet;
        isEncoded = true;
        i += 2;
      }
    }
    // Octets only: callers hand text over with one character per octet, and what isn't can't come from a client.
    if (code > 255) spelled += encodeURIComponent(path[i]!.toWellFormed());
    else if (plain[code] === 1 && !(isEncoded && code === slash)) spelled += String.fromCharCode(code);
    else spelled += `%${hex[code >>> 4]}${hex[code & 15]}`;
  }
  return spelled;
}

function octetAt(path: string, at: number): number {
  const pair = path.slice(at, at + 2);
  return /^[0-9a-f]{2}$/i.test(pair) ? parseInt(pair, 16) : -1;
}

function withSlashes(path: string): string {
  return path.replaceAll(/%2F|%5C/g, "/");
}

/** Slashes merged, dot segments removed. A path that isn't rooted ("*") stays. */
function resolved(path: string): string {
  return path.charCodeAt(0) === slash ? withoutDotSegments(path) : path;
}
