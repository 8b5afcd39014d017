/**
 * What field lists say as messages (RFC 9113 §8.1–8.5, RFC 8441 §4), read strictly.
 *
 * A message that two readers could understand differently is refused, above all
 * one that would become another message when written as HTTP/1.1: that
 * difference is what request smuggling is made of.
 * @module
 */
import { MalformedMessage } from "./errors.ts";
import { checkField, FieldKind } from "./field.ts";
import type { FieldList } from "./hpack/decoder.ts";

/** A request that is well formed. */
export interface RequestHead {
  readonly method: string;
  /** Empty for CONNECT. */
  readonly scheme: string;
  /** `:authority`, or Host where a request has only that; "host:port" for CONNECT. */
  readonly authority: string;
  /** Origin form ("/a?b") or "*"; empty for CONNECT. */
  readonly path: string;
  /** RFC 8441: what an extended CONNECT asks for; whether that was offered is the connection's to check. */
  readonly protocol: string | null;
  /** Regular fields without Host; cookie crumbs are one field. */
  readonly fields: FieldList;
  readonly contentLength: number | null;
}

/** A response that is well formed. */
export interface ResponseHead {
  /** 100–599, never 101. */
  readonly status: number;
  readonly fields: FieldList;
  /** What the content must come to; null for 1xx, 204 and 304, which have none. For HEAD the caller must not count. */
  readonly contentLength: number | null;
}

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** RFC 3986 §3.1. */
const schemeForm = /^[A-Za-z][A-Za-z0-9+.-]*$/;
/** RFC 3986 §3.2.2 host, RFC 9110 §7.2 with an optional port; §4.2.4: no user information. */
const authorityForm = /^(?:\[[0-9a-fA-F:.]+\]|[\w.~!$&'()*+,;=%-]+)(?::\d{0,5})?$/;
const withPort = /:\d{1,5}$/;
/** Visible ASCII without "#": all else must be percent-encoded, and a fragment isn't sent (RFC 3986 §2.1, RFC 9110 §7.1). */
const pathForm = /^\/[\x21\x22\x24-\x7e]*$/;
const statusForm = /^[1-5]\d\d$/;
/** 15 digits: any real length, and exact as a number. */
const lengthForm = /^\d{1,15}$/;

/** What the regular fields of a message come to. */
interface Regular {
  readonly fields: FieldList;
  readonly host: string | null;
  readonly contentLength: number | null;
}

/**
 * Reads a request's fields.
 * @throws MalformedMessage naming the rule
 */
export function parseRequestFields(list: FieldList): RequestHead {
  let method: string | null = null;
  let scheme: string | null = null;
  let path: string | null = null;
  let authority: string | null = null;
  let protocol: string | null = null;
  let at = 0;
  for (; at < list.length && list[at]!.charCodeAt(0) === colon; at += 2) {
    const value = list[at + 1]!;
    switch (list[at]) {
      case ":method":
        method = once(method, value, ":method");
        break;
      case ":scheme":
        scheme = once(scheme, value, ":scheme");
        break;
      case ":path":
        path = once(path, value, ":path");
        break;
      case ":authority":
        authority = once(authority, value, ":authority");
        break;
      case ":protocol":
        protocol = once(protocol, value, ":protocol");
        break;
      default:
        throw new MalformedMessage("pseudo-header field that requests don't have");
    }
  }
  const { fields, host, contentLength } = readRegular(list, at, true);
  if (method === null) throw new MalformedMessage("no :method");
  if (!token.test(method)) throw new MalformedMessage(":method is not a token");
  if (authority !== null && !authorityForm.test(authority)) throw new MalformedMessage("malformed :authority");
  if (host !== null && !authorityForm.test(host)) throw new MalformedMessage("malformed host");
  const named = authority ?? host;
  if (authority !== null && host !== null && normal(authority, scheme) !== normal(host, scheme)) {
    // RFC 9113 §8.3.1 lets a server refuse it; a client whose two names differ is not one to serve.
    throw new MalformedMessage(":authority and host differ");
  }
  if (method === "CONNECT" && protocol === null) {
    // RFC 9113 §8.5.
    if (scheme !== null || path !== null) throw new MalformedMessage("CONNECT with :scheme or :path");
    if (authority === null) throw new MalformedMessage("CONNECT without :authority");
    if (!withPort.test(authority)) throw new MalformedMessage("CONNECT to an :authority without a port");
    return { method, scheme: "", authority, path: "", protocol, fields, contentLength };
  }
  if (protocol !== null) {
    // RFC 8441 §4.
    if (method !== "CONNECT") throw new MalformedMessage(":protocol without CONNECT");
    if (!token.test(protocol)) throw new MalformedMessage(":protocol is not a token");
    if (authority === null) throw new MalformedMessage("CONNECT without :authority");
  }
  if (scheme === null) throw new MalformedMessage("no :scheme");
  if (!schemeForm.test(scheme)) throw new MalformedMessage("malformed :scheme");
  // RFC 9110 §4.2.1: http and https have no URI without a host.
  if (named === null) throw new MalformedMessage("neither :authority nor host");
  checkPath(path, method);
  return { method, scheme, authority: named, path: path!, protocol, fields, contentLength };
}

/**
 * Reads a response's fields, final or interim.
 * @throws MalformedMessage naming the rule
 */
export function parseResponseFields(list: FieldList): ResponseHead {
  let status: string | null = null;
  let at = 0;
  for (; at < list.length && list[at]!.charCodeAt(0) === colon; at += 2) {
    if (list[at] !== ":status") throw new MalformedMessage("pseudo-header field that responses don't have");
    status = once(status, list[at + 1]!, ":status");
  }
  const { fields, contentLength } = readRegular(list, at, false);
  if (status === null) throw new MalformedMessage("no :status");
  // RFC 9110 §15: three digits, 100 to 599.
  if (!statusForm.test(status)) throw new MalformedMessage(":status is not 100 to 599");
  const code = Number(status);
  // RFC 9113 §8.6: there is nothing to switch to.
  if (code === 101) throw new MalformedMessage(":status 101");
  const empty = code < 200 || code === 204 || code === 304;
  return { status: code, fields, contentLength: empty ? null : contentLength };
}

/**
 * Reads trailers, of a request or a response; which of them are of use is the caller's to say (RFC 9110 §6.5).
 * @throws MalformedMessage naming the rule
 */
export function parseTrailers(list: FieldList): FieldList {
  for (let at = 0; at < list.length; at += 2) {
    // RFC 9113 §8.1.
    if (list[at]!.charCodeAt(0) === colon) throw new MalformedMessage("pseudo-header field in trailers");
    checkField(list[at]!, list[at + 1]!);
  }
  return list;
}

const colon = 0x3a;

function once(before: string | null, value: string, name: string): string {
  if (before !== null) throw new MalformedMessage(`more than one ${name}`);
  return value;
}

function checkPath(path: string | null, method: string): void {
  if (path === null) throw new MalformedMessage("no :path");
  // RFC 9113 §8.3.1.
  if (path === "") throw new MalformedMessage("empty :path");
  if (path === "*") {
    if (method !== "OPTIONS") throw new MalformedMessage(":path * of a method other than OPTIONS");
  } else if (!pathForm.test(path)) {
    throw new MalformedMessage(":path is not an absolute path in visible ASCII");
  }
}

/** RFC 9113 §8.3.1, RFC 3986 §6.2: names compare without case, a scheme's own port may be left out. */
function normal(authority: string, scheme: string | null): string {
  const text = authority.toLowerCase();
  const port = scheme?.toLowerCase() === "http" ? ":80" : ":443";
  if (text.endsWith(port)) return text.slice(0, -port.length);
  return text.endsWith(":") ? text.slice(0, -1) : text;
}

/** Reads the fields from `start` on; a pseudo-header field among them is refused. */
function readRegular(list: FieldList, start: number, isRequest: boolean): Regular {
  const fields: FieldList = [];
  let host: string | null = null;
  let contentLength: number | null = null;
  let cookieAt = -1;
  for (let at = start; at < list.length; at += 2) {
    const name = list[at]!;
    const value = list[at + 1]!;
    // RFC 9113 §8.3.
    if (name.charCodeAt(0) === colon) throw new MalformedMessage("pseudo-header field after a regular field");
    switch (checkField(name, value)) {
      case FieldKind.host:
        if (!isRequest) break;
        if (host !== null) throw new MalformedMessage("more than one host");
        host = value;
        continue;
      case FieldKind.contentLength:
        // RFC 9110 §8.6 lets a recipient keep one of several equal values; refusing is the safer choice it also lets.
        if (contentLength !== null) throw new MalformedMessage("more than one content-length");
        if (!lengthForm.test(value)) throw new MalformedMessage("content-length that is not a number");
        contentLength = Number(value);
        break;
      case FieldKind.cookie:
        if (!isRequest) break;
        // RFC 9113 §8.2.3: one field again before anything but HTTP/2 sees it.
        if (cookieAt >= 0) {
          fields[cookieAt] += `; ${value}`;
          continue;
        }
        cookieAt = fields.length + 1;
        break;
    }
    fields.push(name, value);
  }
  return { fields, host, contentLength };
}
