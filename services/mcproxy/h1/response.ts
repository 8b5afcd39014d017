/**
 * Responses of backends: checked, and written anew for the client.
 * @module
 */
import { HttpFault } from "./fault.ts";
import { type Framing, responseFraming } from "./framing.ts";
import type { Head } from "./head.ts";
import type { Request } from "./request.ts";

/** A backend's response head. */
export interface Response {
  readonly status: number;
  readonly reason: string;
  readonly framing: Framing;
  /** The backend will take another request on this connection. */
  readonly keepAlive: boolean;
  /** How long the backend says it keeps an idle connection, ms; null when it says nothing. */
  readonly keepAliveMs: number | null;
  readonly connectionNames: ReadonlySet<string>;
  readonly head: Head;
}

const statusLine = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: (.*))?$/;

/** Fields that belong to one hop (RFC 9110 §7.6.1); the framing is written anew. */
const hopByHop = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "te",
  "transfer-encoding",
  "upgrade",
]);

/** @throws HttpFault when a client could misread it; its status is of no meaning here, the answer is 502 */
export function parseResponse(head: Head, method: string): Response {
  const match = statusLine.exec(head.line);
  if (match === null) throw new HttpFault(400, "malformed status line");
  const minor = Number(match[1]);
  const status = Number(match[2]);
  let keepAliveMs: number | null = null;
  const connectionNames = new Set<string>();
  for (let index = 0; index < head.names.length; index++) {
    const name = head.names[index];
    if (name === "connection") {
      for (const one of head.values[index]!.toLowerCase().split(",")) connectionNames.add(one.trim());
    } else if (name === "keep-alive") {
      const seconds = /(?:^|[,\s])timeout=(\d{1,6})/i.exec(head.values[index]!)?.[1];
      if (seconds !== undefined) keepAliveMs = Number(seconds) * 1000;
    }
  }
  const framing = responseFraming(head, minor, status, method);
  const persistent = minor === 1 ? !connectionNames.has("close") : connectionNames.has("keep-alive");
  return {
    status,
    reason: match[3] ?? "",
    framing,
    keepAlive: persistent && framing.kind !== "until_close",
    keepAliveMs,
    connectionNames,
    head,
  };
}

/** How the response's body is written to the client. */
export function outgoingCoding(response: Response, request: Request): "as_is" | "chunked" | "until_close" {
  const { kind } = response.framing;
  if (kind === "none" || kind === "length") return "as_is";
  // RFC 9112 §6.1: no chunks for a client that speaks HTTP/1.0.
  return request.minor === 1 ? "chunked" : "until_close";
}

/** The head that the client gets. `date` stands in when the backend sent none (RFC 9110 §6.6.1). */
export function responseHead(response: Response, request: Request, keepAlive: boolean, date: () => string): string {
  const { head, status } = response;
  let text = `HTTP/1.1 ${status} ${response.reason}\r\n`;
  let dated = false;
  for (let index = 0; index < head.names.length; index++) {
    const name = head.names[index]!;
    if (hopByHop.has(name) || response.connectionNames.has(name)) continue;
    // RFC 9110 §8.6: none in 1xx and 204; there it would only confuse.
    if (name === "content-length" && (status < 200 || status === 204)) continue;
    if (name === "date") dated = true;
    text += `${head.shown[index]}: ${head.values[index]}\r\n`;
  }
  if (status === 101) return `${text}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;
  if (status < 200) return `${text}\r\n`;
  if (!dated) text += `Date: ${date()}\r\n`;
  if (outgoingCoding(response, request) === "chunked") text += "Transfer-Encoding: chunked\r\n";
  if (!keepAlive) text += "Connection: close\r\n";
  else if (request.minor === 0) text += "Connection: keep-alive\r\n";
  return `${text}\r\n`;
}

/** True when a 101 (Switching Protocols) agrees to what was offered. */
export function agreesToWebSocket(response: Response): boolean {
  const index = response.head.names.indexOf("upgrade");
  return index >= 0 && response.head.values[index]!.toLowerCase() === "websocket" &&
    response.connectionNames.has("upgrade");
}
