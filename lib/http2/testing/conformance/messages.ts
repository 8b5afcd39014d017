/**
 * RFC 9113 §8: what a request may look like, and how its parts must follow each other.
 * @module
 */
import { block, continuation, data, headers, hex, join } from "../raw_frames.ts";
import { get, getPath, post, type ServerCase } from "./server_case.ts";

const answered = ["HEADERS 1 200", "DATA 1 5 END"];
const [method, scheme, path, authority] = get as [string, string, string, string];

/** A request that is refused with a stream error, as malformed. */
function malformed(section: string, title: string, fields: string[], options: Partial<ServerCase> = {}): ServerCase {
  return {
    section,
    title,
    send: [headers(1, fields, { end: true }), headers(3, get, { end: true })],
    expect: { reset: [1, "PROTOCOL_ERROR"], and: ["DATA 3 5 END"] },
    ...options,
  };
}

/** A request that is answered. */
function served(section: string, title: string, fields: string[], options: Partial<ServerCase> = {}): ServerCase {
  return { section, title, send: [headers(1, fields, { end: true })], expect: { lines: answered }, ...options };
}

export const messages: ServerCase[] = [
  {
    section: "8.1",
    title: "a body and trailers",
    send: [headers(1, post), data(1, "abc"), headers(1, ["x-sum: 1"], { end: true })],
    expect: { lines: ["HEADERS 1 200", "DATA 1 8 END"] },
  },
  {
    section: "8.1",
    title: "a second HEADERS without END_STREAM",
    send: [headers(1, post), headers(1, ["x-sum: 1"])],
    expect: { reset: [1, "PROTOCOL_ERROR"] },
  },
  {
    section: "8.1",
    title: "trailers without END_STREAM after DATA",
    send: [headers(1, post), data(1, "abc"), headers(1, ["x-sum: 1"])],
    expect: { reset: [1, "PROTOCOL_ERROR"] },
  },
  {
    section: "8.1",
    title: "DATA after trailers",
    send: [
      headers(1, [":method: POST", ":scheme: http", ":path: /hang", ":authority: a.example"]),
      headers(1, ["x-sum: 1"], { end: true }),
      data(1, "x"),
    ],
    expect: { reset: [1, "STREAM_CLOSED"] },
  },
  {
    section: "8.1",
    title: "trailers with a pseudo field",
    send: [headers(1, post), headers(1, [":method: GET"], { end: true })],
    expect: { reset: [1, "PROTOCOL_ERROR"] },
  },
  {
    section: "8.1",
    title: "trailers with an upper-case name",
    send: [headers(1, post), headers(1, ["X-Sum: 1"], { end: true })],
    expect: { reset: [1, "PROTOCOL_ERROR"] },
  },
  {
    section: "8.1",
    title: "a response that is whole before the request: the rest is refused without error",
    send: [
      headers(1, [":method: POST", ":scheme: http", ":path: /early", ":authority: a.example"]),
      data(1, "abc"),
      data(1, "more", { end: true }),
    ],
    expect: { reset: [1, "NO_ERROR"], and: ["HEADERS 1 200"] },
  },
  {
    section: "8.1.1",
    title: "content-length that is right",
    send: [headers(1, [...post, "content-length: 6"]), data(1, "abc"), data(1, "def", { end: true })],
    expect: { lines: ["HEADERS 1 200", "DATA 1 8 END"] },
  },
  {
    section: "8.1.1",
    title: "content-length that is right, padding aside",
    send: [
      headers(1, [...post, "content-length: 6"]),
      data(1, "abc", { pad: 7 }),
      data(1, "def", { pad: 0, end: true }),
    ],
    expect: { lines: ["HEADERS 1 200", "DATA 1 8 END"] },
  },
  {
    section: "8.1.1",
    title: "content-length that is right, with trailers",
    send: [headers(1, [...post, "content-length: 3"]), data(1, "abc"), headers(1, ["x: 1"], { end: true })],
    expect: { lines: ["HEADERS 1 200", "DATA 1 8 END"] },
  },
  {
    section: "8.1.1",
    title: "more DATA than content-length",
    send: [headers(1, [...post, "content-length: 2"]), data(1, "abc", { end: true })],
    expect: { reset: [1, "PROTOCOL_ERROR"] },
  },
  {
    section: "8.1.1",
    title: "more DATA than content-length by several frames",
    send: [headers(1, [...post, "content-length: 4"]), data(1, "abc"), data(1, "def")],
    expect: { reset: [1, "PROTOCOL_ERROR"] },
  },
  {
    section: "8.1.1",
    title: "less DATA than content-length",
    send: [headers(1, [...post, "content-length: 4"]), data(1, "abc", { end: true })],
    expect: { reset: [1, "PROTOCOL_ERROR"] },
  },
  {
    section: "8.1.1",
    title: "less DATA than content-length, padded up to it",
    send: [headers(1, [...post, "content-length: 4"]), data(1, "abc", { pad: 1, end: true })],
    expect: { reset: [1, "PROTOCOL_ERROR"] },
  },
  {
    section: "8.1.1",
    title: "less DATA than content-length, ended by trailers",
    send: [headers(1, [...post, "content-length: 4"]), data(1, "abc"), headers(1, ["x: 1"], { end: true })],
    expect: { reset: [1, "PROTOCOL_ERROR"] },
  },
  malformed("8.1.1", "content-length and no DATA", [...post, "content-length: 4"]),
  malformed("8.1.1", "content-length twice", [...post, "content-length: 0", "content-length: 0"]),
  malformed("8.1.1", "content-length with a sign", [...post, "content-length: +0"]),
  malformed("8.1.1", "content-length as a list", [...post, "content-length: 0, 0"]),
  malformed("8.1.1", "content-length that is too long", [...post, "content-length: 99999999999999999999"]),
  malformed("8.1.1", "content-length that is empty", [...post, "content-length: "]),
  malformed("8.2", "an upper-case field name", [...get, "X-Test: 1"]),
  malformed("8.2.1", "a field name with a blank", [...get, "x test: 1"]),
  malformed("8.2.1", "a field name with a control character", [...get, "x\x01: 1"]),
  malformed("8.2.1", "a field name above ASCII", [...get, "x\xe9: 1"]),
  malformed("8.2.1", "an empty field name", [], {
    send: [headers(1, join(block(...get), hex("00 00 01 31")), { end: true })],
    expect: { reset: [1, "PROTOCOL_ERROR"] },
  }),
  malformed("8.2.1", "a field name with a colon inside", [], {
    send: [headers(1, join(block(...get), hex("00 03 783a79 01 31")), { end: true })],
    expect: { reset: [1, "PROTOCOL_ERROR"] },
  }),
  malformed("8.2.1", "a value with NUL", [...get, "x: a\0b"]),
  malformed("8.2.1", "a value with CR", [...get, "x: a\rb"]),
  malformed("8.2.1", "a value with LF", [...get, "x: a\nb"]),
  malformed("8.2.1", "a value with CR LF and a field of HTTP/1.1", [...get, "x: a\r\ntransfer-encoding: chunked"]),
  malformed("8.2.1", "a value that begins with a blank", [...get, "x:  a"]),
  malformed("8.2.1", "a value that ends with a tab", [...get, "x: a\t"]),
  served("8.2.1", "an empty value", [...get, "x: "]),
  malformed("8.2.2", "connection", [...get, "connection: close"]),
  malformed("8.2.2", "keep-alive", [...get, "keep-alive: timeout=5"]),
  malformed("8.2.2", "proxy-connection", [...get, "proxy-connection: keep-alive"]),
  malformed("8.2.2", "transfer-encoding", [...get, "transfer-encoding: chunked"]),
  malformed("8.2.2", "upgrade", [...get, "upgrade: websocket"]),
  malformed("8.2.2", "te other than trailers", [...get, "te: trailers, deflate"]),
  served("8.2.2", "te: trailers", [...get, "te: trailers"]),
  served("8.2.3", "cookies in crumbs", [...get, "cookie: a=1", "cookie: b=2"]),
  malformed("8.3", "a pseudo field after a regular one", [method, scheme, "x: 1", path, authority]),
  malformed("8.3", "an unknown pseudo field", [...get, ":unknown: 1"]),
  malformed("8.3", "a pseudo field of responses", [...get, ":status: 200"]),
  malformed("8.3.1", "no :method", [scheme, path, authority]),
  malformed("8.3.1", "no :scheme", [method, path, authority]),
  malformed("8.3.1", "no :path", [method, scheme, authority]),
  malformed("8.3.1", ":method twice", [method, ...get]),
  malformed("8.3.1", ":scheme twice", [scheme, ...get]),
  malformed("8.3.1", ":path twice", [path, ...get]),
  malformed("8.3.1", ":authority twice", [authority, ...get]),
  malformed("8.3.1", "an empty :path", [method, scheme, ":path: ", authority]),
  malformed("8.3.1", "a :path without its slash", [method, scheme, ":path: index", authority]),
  malformed("8.3.1", "a :path with a blank", [method, scheme, ":path: /a b", authority]),
  malformed("8.3.1", "a :path with CR LF", [method, scheme, ":path: / HTTP/1.1\r\nx: y", authority]),
  malformed("8.3.1", ":path * for GET", [method, scheme, ":path: *", authority]),
  served("8.3.1", ":path * for OPTIONS", [":method: OPTIONS", scheme, ":path: *", authority]),
  malformed("8.3.1", "a :method that is no token", [":method: GE T", scheme, path, authority]),
  malformed("8.3.1", "an empty :method", [":method: ", scheme, path, authority]),
  malformed("8.3.1", "an :authority with user information", [method, scheme, path, ":authority: me@a.example"]),
  malformed("8.3.1", "an :authority with a path", [method, scheme, path, ":authority: a.example/x"]),
  malformed("8.3.1", ":authority and host that differ", [...get, "host: b.example"]),
  served("8.3.1", ":authority and host that are the same", [...get, "host: A.example"]),
  served("8.3.1", "host without :authority", [method, scheme, path, "host: a.example"]),
  malformed("8.3.1", "neither :authority nor host", [method, scheme, path]),
  malformed("8.3.1", "host twice", [...get, "host: a.example", "host: a.example"]),
  served("8.5", "CONNECT", [":method: CONNECT", ":authority: a.example:443"]),
  malformed("8.5", "CONNECT with :path", [":method: CONNECT", path, ":authority: a.example:443"]),
  malformed("8.5", "CONNECT with :scheme", [":method: CONNECT", scheme, ":authority: a.example:443"]),
  malformed("8.5", "CONNECT without :authority", [":method: CONNECT"]),
  malformed("RFC 8441 §4", ":protocol that wasn't offered", [
    ":method: CONNECT",
    ":protocol: websocket",
    scheme,
    path,
    authority,
  ]),
  served("RFC 8441 §4", "extended CONNECT", [":method: CONNECT", ":protocol: websocket", scheme, path, authority], {
    extendedConnect: true,
  }),
  malformed("RFC 8441 §4", ":protocol of another method", [method, ":protocol: websocket", scheme, path, authority], {
    extendedConnect: true,
  }),
  {
    section: "6.5.2",
    title: "a field list above the limit is answered with 431",
    limits: { maxHeaderListBytes: 1000 },
    send: [headers(1, [...get, `x: ${"a".repeat(1000)}`], { end: true }), headers(3, get, { end: true })],
    expect: { lines: ["HEADERS 1 431 END", "DATA 3 5 END"] },
  },
  {
    section: "6.5.2",
    title: "a field list above the limit whose body is to come",
    limits: { maxHeaderListBytes: 1000 },
    send: [headers(1, [...post, `x: ${"a".repeat(1000)}`]), data(1, "late"), headers(3, get, { end: true })],
    expect: { reset: [1, "NO_ERROR"], and: ["HEADERS 1 431 END", "DATA 3 5 END"] },
  },
  {
    section: "6.5.2",
    title: "trailers above the limit",
    limits: { maxHeaderListBytes: 1000 },
    send: [headers(1, post), headers(1, [`x: ${"a".repeat(1000)}`], { end: true })],
    expect: { reset: [1, "ENHANCE_YOUR_CALM"] },
  },
  {
    section: "8.1",
    title: "a request in as many frames as it may have",
    send: [headers(1, get, { more: true }), continuation(1, []), data(1, ""), data(1, "", { end: true })],
    expect: { lines: ["HEADERS 1 200", "DATA 1 8 END"] },
  },
  {
    section: "8.1",
    title: "a path of its own",
    send: [headers(1, getPath("/trailers"), { end: true })],
    expect: { lines: ["HEADERS 1 trailers END"] },
  },
];
