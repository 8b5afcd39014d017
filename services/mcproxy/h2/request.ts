/**
 * Requests of HTTP/2 clients, checked against the connection they came in on. What RFC 9113 §8 asks of a message,
 * lib/http2 has checked.
 * @module
 */
import type { ServerStream } from "@lib/http2/mod.ts";
import { hostnameOf } from "../relay/authority.ts";
import { HttpFault } from "../relay/fault.ts";
import { fieldValue } from "../relay/fields.ts";
import { type BodyLength, noBody, noNames, type RequestHead, streamedBody } from "../relay/message.ts";
import { fieldsOf } from "./field_lists.ts";

export interface RequestRules {
  /** The route's: the name in SNI, which the certificate covers. */
  hostname: string;
  maxFields: number;
}

/** @throws HttpFault with the status to answer */
export function requestOf(stream: ServerStream, { hostname, maxFields }: RequestRules): RequestHead {
  const { method, scheme, authority, path, protocol, contentLength, hasBody } = stream;
  if (stream.fields.length > 2 * maxFields) throw new HttpFault(431, `more than ${maxFields} fields`);
  const webSocket = protocol === "websocket";
  // A tunnel to anywhere and an echo of credentials: neither has a place at an ingress.
  if (method === "TRACE" || (method === "CONNECT" && !webSocket)) throw new HttpFault(501, `method ${method}`);
  if (scheme.toLowerCase() !== "https") throw new HttpFault(421, "a plain http target on a TLS connection");
  const name = hostnameOf(authority);
  if (name === null) throw new HttpFault(400, "malformed :authority");
  // RFC 9110 §7.4: the connection was made, and its certificate chosen, for another name.
  if (name !== hostname && name !== `${hostname}.`) {
    throw new HttpFault(421, ":authority is not the name of this connection");
  }
  const fields = fieldsOf(stream.fields);
  // As in HTTP/1.1 (h1/framing.ts): CGI-like servers read "_" as "-" (RFC 3875 §4.1.18).
  for (const name of fields.names) {
    if (name === "content_length" || name === "transfer_encoding") throw new HttpFault(400, `field name ${name}`);
  }
  const expect = fieldValue(fields, "expect");
  if (expect !== null && expect.toLowerCase() !== "100-continue") throw new HttpFault(417, "unknown expectation");
  const length: BodyLength = !hasBody || contentLength === 0 || webSocket
    ? noBody
    : contentLength === null
    ? streamedBody
    : { kind: "length", bytes: contentLength };
  return {
    method,
    target: path,
    host: authority,
    version: "2.0",
    length,
    expectsContinue: expect !== null && length.kind !== "none",
    takesTrailers: fields.names.includes("te"),
    webSocket,
    connectionNames: noNames,
    fields,
    neverIndexed: stream.neverIndexed,
    visitor: null,
  };
}
