/**
 * The static table (RFC 7541 Appendix A).
 * @module
 */

/** Name and value of each entry, in order: entry `i` of the RFC stands at `2 * (i - 1)`. */
export const staticFields: readonly string[] = (
  ":authority|;:method|GET;:method|POST;:path|/;:path|/index.html;:scheme|http;:scheme|https;" +
  ":status|200;:status|204;:status|206;:status|304;:status|400;:status|404;:status|500;" +
  "accept-charset|;accept-encoding|gzip, deflate;accept-language|;accept-ranges|;accept|;" +
  "access-control-allow-origin|;age|;allow|;authorization|;cache-control|;content-disposition|;content-encoding|;" +
  "content-language|;content-length|;content-location|;content-range|;content-type|;cookie|;date|;etag|;expect|;" +
  "expires|;from|;host|;if-match|;if-modified-since|;if-none-match|;if-range|;if-unmodified-since|;last-modified|;" +
  "link|;location|;max-forwards|;proxy-authenticate|;proxy-authorization|;range|;referer|;refresh|;retry-after|;" +
  "server|;set-cookie|;strict-transport-security|;transfer-encoding|;user-agent|;vary|;via|;www-authenticate|"
).split(/[;|]/);

/** Entries of the static table; dynamic entries are numbered from the next (RFC 7541 §2.3.3). */
export const staticLength = staticFields.length / 2;

/** What an entry of either table weighs beyond its octets (RFC 7541 §4.1, RFC 9113 §6.5.2). */
export const entryOverheadBytes = 32;
