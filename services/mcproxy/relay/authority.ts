/**
 * The host that a request names.
 * @module
 */

/** RFC 3986 §3.2.2 host, RFC 9110 §7.2 with an optional port. */
const form = /^(\[[0-9a-fA-F:.]+\]|[\w.~!$&'()*+,;=%-]+)(?::\d{0,5})?$/;

/** The name in "name:port" in lower case; null when that isn't its form. */
export function hostnameOf(authority: string): string | null {
  const name = form.exec(authority)?.[1];
  return name === undefined ? null : name.toLowerCase();
}
