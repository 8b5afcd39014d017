/**
 * Requests: what a head asks for, checked against the route it came in on.
 * @module
 */
import { HttpFault } from "../relay/fault.ts";
import { hostnameOf } from "../relay/authority.ts";
import { noNames, type RequestHead } from "../relay/message.ts";
import { connectionNames } from "./connection_names.ts";
import { type Framing, lengthOf, requestFraming } from "./framing.ts";
import { type Head, isToken } from "./head.ts";

/** A request that may be passed on. Its host is the route's name where HTTP/1.0 sent none. */
export interface Request extends RequestHead {
  /** 1 for HTTP/1.1 and later minors, 0 for HTTP/1.0. */
  readonly minor: 0 | 1;
  readonly framing: Framing;
  /** The client will use the connection again. */
  readonly keepAlive: boolean;
}

const requestLine = /^([^ ]+) ([^ ]+) HTTP\/(\d)\.(\d)$/;
const absoluteForm = /^(https?):\/\/([^/?#]+)([/?].*)?$/i;

/**
 * @param hostname the route's: the name in SNI, which the certificate covers
 * @throws HttpFault with the status to answer
 */
export function parseRequest(head: Head, hostname: string): Request {
  const match = requestLine.exec(head.line);
  if (match === null || !isToken(match[1]!)) throw new HttpFault(400, "malformed request line");
  const method = match[1]!;
  if (match[3] !== "1") throw new HttpFault(505, "HTTP version other than 1.0 and 1.1");
  const minor = match[4] === "0" ? 0 : 1;
  // A tunnel to anywhere and an echo of credentials: neither has a place at an ingress.
  if (method === "CONNECT" || method === "TRACE") throw new HttpFault(501, `method ${method}`);
  const framing = requestFraming(head, minor);
  const fields = readFields(head);
  const { target, authority } = parseTarget(match[2]!, method);
  const host = checkHost(fields.host, authority, minor, hostname);
  const connection = fields.connection;
  const keepAlive = minor === 1 ? !connection.has("close") : connection.has("keep-alive") && !connection.has("close");
  if (fields.expect !== null && fields.expect !== "100-continue") throw new HttpFault(417, "unknown expectation");
  return {
    method,
    target,
    minor,
    host,
    version: minor === 1 ? "1.1" : "1.0",
    framing,
    length: lengthOf(framing),
    keepAlive,
    webSocket: minor === 1 && method === "GET" && framing.kind === "none" && connection.has("upgrade") &&
      fields.upgrade === "websocket",
    // RFC 9110 §10.1.1: from an HTTP/1.0 client the expectation is ignored.
    expectsContinue: minor === 1 && fields.expect !== null && framing.kind !== "none",
    takesTrailers: fields.takesTrailers,
    connectionNames: connection,
    fields: head,
    neverIndexed: null,
    visitor: null,
  };
}

function readFields(head: Head) {
  let host: string | null = null;
  let expect: string | null = null;
  let upgrade: string | null = null;
  let takesTrailers = false;
  let connection = noNames;
  for (let index = 0; index < head.names.length; index++) {
    const value = head.values[index]!;
    switch (head.names[index]) {
      case "host":
        // RFC 9112 §3.2: more than one Host is answered with 400, equal or not.
        if (host !== null) throw new HttpFault(400, "more than one Host");
        host = value;
        break;
      case "connection":
        connection = connectionNames(value, connection);
        break;
      case "upgrade":
        upgrade = value.toLowerCase();
        break;
      case "expect":
        expect = value.toLowerCase();
        break;
      case "te":
        takesTrailers = value.toLowerCase().split(",").some((one) => one.trim() === "trailers");
    }
  }
  return { host, expect, upgrade, takesTrailers, connection };
}

/** RFC 9112 §3.2: origin form, absolute form (turned into origin form), or "*" for OPTIONS. */
function parseTarget(text: string, method: string): { target: string; authority: string | null } {
  // The head has no control characters; what is left outside ASCII must be percent-encoded (RFC 3986 §2.1).
  if (/[^\x21-\x7e]/.test(text)) throw new HttpFault(400, "request target with characters outside ASCII");
  if (text.includes("#")) throw new HttpFault(400, "request target with a fragment");
  if (text.startsWith("/")) return { target: text, authority: null };
  if (text === "*" && method === "OPTIONS") return { target: text, authority: null };
  const match = absoluteForm.exec(text);
  if (match === null) throw new HttpFault(400, "malformed request target");
  if (match[1]!.toLowerCase() !== "https") throw new HttpFault(421, "a plain http target on a TLS connection");
  const path = match[3] ?? "";
  const target = path === "" ? (method === "OPTIONS" ? "*" : "/") : path.startsWith("?") ? `/${path}` : path;
  return { target, authority: match[2]! };
}

function checkHost(field: string | null, authority: string | null, minor: number, hostname: string): string {
  if (field === null && minor === 1) throw new HttpFault(400, "no Host");
  const host = field ?? authority ?? hostname;
  const name = hostnameOf(host);
  if (name === null) throw new HttpFault(400, "malformed Host");
  // RFC 9112 §3.2.2 lets the target win; a client whose two names differ is not one to pass on.
  if (authority !== null && authority.toLowerCase() !== host.toLowerCase()) {
    throw new HttpFault(400, "Host and request target name different hosts");
  }
  // RFC 9110 §7.4: the connection was made, and its certificate chosen, for another name.
  if (name !== hostname && name !== `${hostname}.`) throw new HttpFault(421, "Host is not the name of this connection");
  return host;
}
