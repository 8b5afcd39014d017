/**
 * Responses: those of HTTP/1.1 backends checked, those for HTTP/1.1 clients written anew.
 * @module
 */
import { HttpFault } from "../relay/fault.ts";
import { responsePasses } from "../relay/fields.ts";
import { noNames, type ResponseHead } from "../relay/message.ts";
import type { Coding } from "./body_sink.ts";
import { connectionNames } from "./connection_names.ts";
import { type Framing, lengthOf, responseFraming } from "./framing.ts";
import type { Head } from "./head.ts";
import type { Request } from "./request.ts";

/** A backend's response head. */
export interface Response extends ResponseHead {
  readonly framing: Framing;
  /** The backend will take another request on this connection. */
  readonly keepAlive: boolean;
  /** How long the backend says it keeps an idle connection, ms; null when it says nothing. */
  readonly keepAliveMs: number | null;
}

const statusLine = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: (.*))?$/;

/** @throws HttpFault when a client could misread it; its status is of no meaning here, the answer is 502 */
export function parseResponse(head: Head, method: string): Response {
  const match = statusLine.exec(head.line);
  if (match === null) throw new HttpFault(400, "malformed status line");
  const minor = Number(match[1]);
  const status = Number(match[2]);
  let keepAliveMs: number | null = null;
  let connection = noNames;
  for (let index = 0; index < head.names.length; index++) {
    const name = head.names[index];
    if (name === "connection") {
      connection = connectionNames(head.values[index]!, connection);
    } else if (name === "keep-alive") {
      const seconds = /(?:^|[,\s])timeout=(\d{1,6})/i.exec(head.values[index]!)?.[1];
      if (seconds !== undefined) keepAliveMs = Number(seconds) * 1000;
    }
  }
  const framing = responseFraming(head, minor, status, method);
  const persistent = minor === 1 ? !connection.has("close") : connection.has("keep-alive");
  return {
    status,
    reason: match[3] ?? "",
    framing,
    length: lengthOf(framing),
    keepAlive: persistent && framing.kind !== "until_close",
    keepAliveMs,
    connectionNames: connection,
    fields: head,
    neverIndexed: null,
  };
}

/** How the response's body is written to the client. */
export function outgoingCoding({ length }: ResponseHead, request: Request): Coding {
  if (length.kind !== "stream") return "as_is";
  // RFC 9112 §6.1: no chunks for a client that speaks HTTP/1.0.
  return request.minor === 1 ? "chunked" : "until_close";
}

/** The head that the client gets. `date` stands in when the backend sent none (RFC 9110 §6.6.1). */
export function responseHead(response: ResponseHead, request: Request, keepAlive: boolean, date: () => string): string {
  const { fields, status, connectionNames } = response;
  let text = `HTTP/1.1 ${status} ${response.reason}\r\n`;
  let dated = false;
  let sized = false;
  for (let index = 0; index < fields.names.length; index++) {
    const name = fields.names[index]!;
    if (!responsePasses(name, status) || connectionNames.has(name)) continue;
    if (name === "date") dated = true;
    else if (name === "content-length") sized = true;
    text += `${fields.shown[index]}: ${fields.values[index]}\r\n`;
  }
  if (status === 101) return `${text}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;
  if (status < 200) return `${text}\r\n`;
  if (!dated) text += `Date: ${date()}\r\n`;
  // Without a length the client would read until the connection ends, and take the next response for this one's body.
  if (!sized && response.length.kind === "length") text += `Content-Length: ${response.length.bytes}\r\n`;
  // HTTP/2 ends a message without saying its length.
  if (!sized && response.length.kind === "none" && request.method !== "HEAD" && status !== 204 && status !== 304) {
    text += "Content-Length: 0\r\n";
  }
  if (outgoingCoding(response, request) === "chunked") text += "Transfer-Encoding: chunked\r\n";
  if (!keepAlive) text += "Connection: close\r\n";
  else if (request.minor === 0) text += "Connection: keep-alive\r\n";
  return `${text}\r\n`;
}

/** True when a 101 (Switching Protocols) agrees to what was offered. */
export function agreesToWebSocket({ fields, connectionNames }: ResponseHead): boolean {
  const index = fields.names.indexOf("upgrade");
  return index >= 0 && fields.values[index]!.toLowerCase() === "websocket" && connectionNames.has("upgrade");
}
