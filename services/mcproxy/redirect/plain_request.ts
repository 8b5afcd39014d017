/**
 * What a request over plain HTTP is answered with: a challenge's answer, or the same over HTTPS.
 * @module
 */
import type { Head } from "../h1/head.ts";
import { parseRequest, type Request } from "../h1/request.ts";
import { hostnameOf } from "../relay/authority.ts";
import { HttpFault } from "../relay/fault.ts";
import { type Page, page } from "../relay/pages.ts";

export interface PlainRequest {
  readonly request: Request;
  /** From Host, lower case, without port and trailing dot. */
  readonly hostname: string;
}

const plainTarget = /^([^ ]+) http:\/\/([^/?#\s]+)/i;
const challengePath = "/.well-known/acme-challenge/";

/**
 * Reads a head as the TLS side does, with the name from the request in place of a connection's name.
 * @throws HttpFault with the status to answer
 */
export function parsePlainRequest(head: Head): PlainRequest {
  const absolute = plainTarget.exec(head.line);
  const at = head.names.indexOf("host");
  const authority = at >= 0 ? head.values[at]! : absolute?.[2];
  if (authority === undefined) throw new HttpFault(400, "no Host");
  const name = hostnameOf(authority);
  if (name === null) throw new HttpFault(400, "malformed Host");
  const hostname = name.endsWith(".") ? name.slice(0, -1) : name;
  // RFC 9112 §3.2.2: the absolute form is taken from every client; what it names is checked as on the TLS side.
  const line = absolute === null ? head.line : head.line.replace(/ http:/i, " https:");
  return { request: parseRequest({ ...head, line }, hostname), hostname };
}

/** The token when a challenge's answer is asked for. */
export function challengeToken({ method, target }: Request): string | null {
  if ((method !== "GET" && method !== "HEAD") || !target.startsWith(challengePath)) return null;
  return target.slice(challengePath.length);
}

/** RFC 8555 §8.3: the key authorization and nothing else. */
export function challengeAnswer(keyAuthorization: string): Page {
  return { status: 200, body: keyAuthorization, fields: [], closes: false };
}

/**
 * To the same over HTTPS. 301 is what every client knows; for other methods than GET and HEAD only 308 keeps method and
 * body (RFC 9110 §15.4.9). No HSTS here: over plain HTTP it means nothing (RFC 6797 §7.2).
 * @param port of HTTPS; null when the name isn't served
 */
export function redirectAnswer({ request, hostname }: PlainRequest, port: number | null): Page {
  if (port === null) return page(421, "this name is not served here");
  if (request.target === "*") return page(400, "this port redirects to HTTPS, and has nothing else");
  const location = `https://${hostname}${port === 443 ? "" : `:${port}`}${request.target}`;
  const status = request.method === "GET" || request.method === "HEAD" ? 301 : 308;
  return { ...page(status, "this name is served over HTTPS"), fields: [["location", location]] };
}
