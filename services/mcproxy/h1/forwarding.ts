/**
 * The head that a backend gets: end-to-end fields of the client, and our word
 * on who the client is. What a client says about that itself is dropped.
 * @module
 */
import type { Request } from "./request.ts";

/** Dropped: hop by hop (RFC 9110 §7.6.1), written anew (framing, Host, Via), or a claim about who the client is. */
const dropped = new Set([
  "connection",
  "content-length",
  "expect",
  "forwarded",
  "host",
  "http2-settings",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "transfer-encoding",
  "upgrade",
  "via",
  "x-real-ip",
]);

/** Trailers that would change what the head said (RFC 9110 §6.5.1: routing, framing, authentication, content). */
const droppedTrailers = new Set([
  "authorization",
  "cache-control",
  "content-encoding",
  "content-range",
  "content-type",
  "cookie",
  "expect",
  "max-forwards",
  "range",
  "set-cookie",
  "trailer",
]);

/** Whether a client's field is passed on. Names with "_" are read as with "-", as CGI-like backends do. */
export function passes(name: string): boolean {
  const plain = name.includes("_") ? name.replaceAll("_", "-") : name;
  return !dropped.has(plain) && !plain.startsWith("x-forwarded-");
}

/** Whether a trailer is passed on, in either direction. */
export function trailerPasses(name: string): boolean {
  return passes(name) && !droppedTrailers.has(name);
}

/**
 * @param remote the client's address without a port
 * @returns the whole head, Latin-1, with its empty line
 */
export function requestHead(request: Request, remote: string): string {
  const { head, host, framing, connectionNames } = request;
  let text = `${request.method} ${request.target} HTTP/1.1\r\nHost: ${host}\r\n`;
  let via = "";
  for (let index = 0; index < head.names.length; index++) {
    const name = head.names[index]!;
    const value = head.values[index]!;
    if (name === "via") via += `${value}, `;
    if (!passes(name) || connectionNames.has(name)) continue;
    text += `${head.shown[index]}: ${value}\r\n`;
  }
  if (framing.kind === "length") text += `Content-Length: ${framing.bytes}\r\n`;
  else if (framing.kind === "chunked") text += "Transfer-Encoding: chunked\r\n";
  else if (saysEmpty(request)) text += "Content-Length: 0\r\n";
  if (request.expectsContinue) text += "Expect: 100-continue\r\n";
  if (request.webSocket) text += "Connection: Upgrade\r\nUpgrade: websocket\r\n";
  else if (request.takesTrailers) text += "TE: trailers\r\nConnection: TE\r\n";
  const node = remote.includes(":") ? `"[${remote}]"` : remote;
  return text +
    `Forwarded: for=${node};host="${host}";proto=https\r\n` +
    `X-Forwarded-For: ${remote}\r\nX-Forwarded-Host: ${host}\r\nX-Forwarded-Proto: https\r\n` +
    // RFC 9110 §7.6.3: a gateway must add itself to Via in requests.
    `Via: ${via}1.${request.minor} mcproxy\r\n\r\n`;
}

/** RFC 9110 §8.6: an empty body of a method that is used with one is said, so that the backend doesn't answer 411. */
function saysEmpty(request: Request): boolean {
  return request.head.names.includes("content-length") || request.method === "POST" || request.method === "PUT";
}
