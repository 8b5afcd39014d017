/**
 * Fields between the relay and HTTP/2.
 * @module
 */
import type { FieldList } from "@lib/http2/mod.ts";
import type { Forwarded } from "../relay/backend_call.ts";
import { forwardedNode, passes, responsePasses } from "../relay/fields.ts";
import type { Fields, RequestHead, ResponseHead } from "../relay/message.ts";

/** HTTP/2 has names in lower case only, so they are shown so. */
export function fieldsOf(list: FieldList): Fields {
  const names: string[] = new Array(list.length >> 1);
  const values: string[] = new Array(list.length >> 1);
  for (let at = 0, index = 0; at < list.length; at += 2, index++) {
    names[index] = list[at]!;
    values[index] = list[at + 1]!;
  }
  return { names, shown: names, values };
}

/** Null for none, as the relay has it. */
export function trailersOf(list: FieldList | null): Fields | null {
  return list === null || list.length === 0 ? null : fieldsOf(list);
}

export function listOf({ names, values }: Fields): FieldList {
  const list: FieldList = [];
  for (let index = 0; index < names.length; index++) list.push(names[index]!, values[index]!);
  return list;
}

/** The regular fields that a client gets. `date` stands in when the backend sent none (RFC 9110 §6.6.1). */
export function responseList(response: ResponseHead, date: () => string): FieldList {
  const { status, fields, connectionNames } = response;
  const { names, values } = fields;
  const list: FieldList = [];
  let dated = false;
  for (let index = 0; index < names.length; index++) {
    const name = names[index]!;
    if (!responsePasses(name, status) || connectionNames.has(name)) continue;
    if (name === "date") dated = true;
    list.push(name, values[index]!);
  }
  if (!dated && status >= 200) list.push("date", date());
  return list;
}

/** The regular fields that a backend gets: end-to-end fields of the client, and our word on who the client is. */
export function requestList(request: RequestHead, { remote, clientCert, prefix }: Forwarded): FieldList {
  const { host, length, fields, connectionNames, visitor } = request;
  const { names, values } = fields;
  const list: FieldList = [];
  let via = "";
  for (let index = 0; index < names.length; index++) {
    const name = names[index]!;
    const value = values[index]!;
    if (name === "via") via += `${value}, `;
    if (!passes(name) || connectionNames.has(name)) continue;
    // RFC 8441 §5: HTTP/2 vouches for what HTTP/1.1 proves with a key.
    if (request.webSocket && name === "sec-websocket-key") continue;
    list.push(name, value);
  }
  if (length.kind === "length") list.push("content-length", String(length.bytes));
  if (request.expectsContinue) list.push("expect", "100-continue");
  // RFC 9113 §8.2.2: the one value that may stand; gRPC asks for it.
  if (request.takesTrailers) list.push("te", "trailers");
  if (clientCert !== "") list.push("client-cert", clientCert);
  if (prefix !== "") list.push("x-forwarded-prefix", prefix);
  if (visitor !== null) list.push("remote-user", visitor.username, "remote-groups", visitor.roles.join(","));
  list.push("forwarded", `for=${forwardedNode(remote)};host="${host}";proto=https`);
  list.push("x-forwarded-for", remote, "x-forwarded-host", host, "x-forwarded-proto", "https");
  // RFC 9110 §7.6.3: a gateway must add itself to Via in requests.
  list.push("via", `${via}${request.version} mcproxy`);
  return list;
}
