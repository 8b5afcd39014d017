/** Lower-case letters, digits and hyphens; a letter first, no hyphen last; at most 63 (RFC 1035 §2.3.1, one label). */
export function isServiceName(text: string): boolean {
  return /^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(text);
}

/** An absolute host name without the final dot: at least two labels, lower case, at most 253 characters (RFC 1123 §2.1). */
export function isHostname(text: string): boolean {
  return text.length <= 253 &&
    /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(text);
}
