/**
 * The head that an HTTP/1.1 backend gets: end-to-end fields of the client, and our word
 * on who the client is. What a client says about that itself is dropped.
 * @module
 */
import type { Forwarded } from "../relay/backend_call.ts";
import { forwardedNode, passes } from "../relay/fields.ts";
import type { RequestHead } from "../relay/message.ts";

/**
 * @param webSocketKey the key to offer a WebSocket with when the client's fields have none (RFC 8441 §5); "" otherwise
 * @returns the whole head, Latin-1, with its empty line
 */
export function requestHead(
  request: RequestHead,
  { remote, clientCert, prefix }: Forwarded,
  webSocketKey: string,
): string {
  const { fields, host, length, connectionNames, visitor } = request;
  // RFC 8441 §5: the extended CONNECT of HTTP/2 is a GET here.
  const method = request.webSocket ? "GET" : request.method;
  let text = `${method} ${request.target} HTTP/1.1\r\nHost: ${host}\r\n`;
  let via = "";
  for (let index = 0; index < fields.names.length; index++) {
    const name = fields.names[index]!;
    const value = fields.values[index]!;
    if (name === "via") via += `${value}, `;
    if (!passes(name) || connectionNames.has(name)) continue;
    text += `${fields.shown[index]}: ${value}\r\n`;
  }
  if (length.kind === "length") text += `Content-Length: ${length.bytes}\r\n`;
  else if (length.kind === "stream") text += "Transfer-Encoding: chunked\r\n";
  else if (saysEmpty(request)) text += "Content-Length: 0\r\n";
  if (request.expectsContinue) text += "Expect: 100-continue\r\n";
  if (webSocketKey !== "") text += `Sec-WebSocket-Key: ${webSocketKey}\r\n`;
  if (request.webSocket) text += "Connection: Upgrade\r\nUpgrade: websocket\r\n";
  else if (request.takesTrailers) text += "TE: trailers\r\nConnection: TE\r\n";
  if (clientCert !== "") text += `Client-Cert: ${clientCert}\r\n`;
  if (prefix !== "") text += `X-Forwarded-Prefix: ${prefix}\r\n`;
  if (visitor !== null) text += `Remote-User: ${visitor.username}\r\nRemote-Groups: ${visitor.roles.join(",")}\r\n`;
  return text +
    `Forwarded: for=${forwardedNode(remote)};host="${host}";proto=https\r\n` +
    `X-Forwarded-For: ${remote}\r\nX-Forwarded-Host: ${host}\r\nX-Forwarded-Proto: https\r\n` +
    // RFC 9110 §7.6.3: a gateway must add itself to Via in requests.
    `Via: ${via}${request.version} mcproxy\r\n\r\n`;
}

/** RFC 9110 §8.6: an empty body of a method that is used with one is said, so that the backend doesn't answer 411. */
function saysEmpty(request: RequestHead): boolean {
  return request.fields.names.includes("content-length") || request.method === "POST" || request.method === "PUT";
}
