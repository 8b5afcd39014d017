import { deepEqual, equal, throws } from "node:assert/strict";
import { errorCodes, MalformedMessage } from "./errors.ts";
import { parseRequestFields, parseResponseFields, parseTrailers } from "./message.ts";

/** "name: value" lines; a value is what follows the first ": ", blanks and all. */
function list(...lines: string[]): string[] {
  return lines.flatMap((line) => {
    const at = line.indexOf(": ", line.startsWith(":") && !line.startsWith(": ") ? 1 : 0);
    return [line.slice(0, at), line.slice(at + 2)];
  });
}

const get = [":method: GET", ":scheme: https", ":authority: a.test", ":path: /"];

/** Whole list, reason. */
const refusedRequests: readonly [rule: string, lines: string[], reason: string][] = [
  // RFC 9113 §8.2.1, field names
  ["§8.2.1 upper case", [...get, "X-Up: 1"], "field name in upper case"],
  ["§8.2.1 empty name", [...get, ": v"], "empty field name"],
  ["§8.2.1 blank in a name", [...get, "a b: 1"], "field name is not a token"],
  ["§8.2.1 control in a name", [...get, "a\x01: 1"], "field name is not a token"],
  ["§8.2.1 DEL in a name", [...get, "a\x7f: 1"], "field name is not a token"],
  ["§8.2.1 octet above 0x7f in a name", [...get, "a\xe4: 1"], "field name is not a token"],
  ["§8.2.1 colon in a name", [...get, "a:b: 1"], "field name is not a token"],
  ["RFC 9110 §5.1 delimiter in a name", [...get, "a(b): 1"], "field name is not a token"],
  // §8.2.1, field values
  ["§8.2.1 NUL", [...get, "a: x\0y"], "NUL, CR or LF in the value of a"],
  ["§8.2.1 CR", [...get, "a: x\ry"], "NUL, CR or LF in the value of a"],
  ["§8.2.1 LF", [...get, "a: x\ny"], "NUL, CR or LF in the value of a"],
  ["§8.2.1 LF at the end", [...get, "a: x\n"], "NUL, CR or LF in the value of a"],
  ["§8.2.1 leading space", [...get, "a:  x"], "blank at an end of the value of a"],
  ["§8.2.1 trailing space", [...get, "a: x "], "blank at an end of the value of a"],
  ["§8.2.1 leading tab", [...get, "a: \tx"], "blank at an end of the value of a"],
  ["§8.2.1 trailing tab", [...get, "a: x\t"], "blank at an end of the value of a"],
  ["§8.2.1 only a blank", [...get, "a:  "], "blank at an end of the value of a"],
  ["RFC 9110 §5.5 control", [...get, "a: x\x01y"], "control character in the value of a"],
  ["RFC 9110 §5.5 DEL", [...get, "a: x\x7f"], "control character in the value of a"],
  // §8.2.2
  ["§8.2.2 connection", [...get, "connection: close"], "connection-specific field connection"],
  ["§8.2.2 proxy-connection", [...get, "proxy-connection: close"], "connection-specific field proxy-connection"],
  ["§8.2.2 keep-alive", [...get, "keep-alive: 1"], "connection-specific field keep-alive"],
  ["§8.2.2 transfer-encoding", [...get, "transfer-encoding: chunked"], "connection-specific field transfer-encoding"],
  ["§8.2.2 upgrade", [...get, "upgrade: h2c"], "connection-specific field upgrade"],
  ["§8.2.2 te", [...get, "te: gzip"], "te with a value other than trailers"],
  ["§8.2.2 te with more", [...get, "te: trailers, gzip"], "te with a value other than trailers"],
  ["§8.2.2 second te", [...get, "te: trailers", "te: gzip"], "te with a value other than trailers"],
  // §8.3
  ["§8.3 unknown pseudo-header", [...get, ":foo: 1"], "pseudo-header field that requests don't have"],
  ["§8.3 response's pseudo-header", [...get, ":status: 200"], "pseudo-header field that requests don't have"],
  ["§8.3 pseudo-header in upper case", [...get, ":Path: /"], "pseudo-header field that requests don't have"],
  ["§8.3 order", [...get.slice(0, 3), "a: 1", ":path: /"], "pseudo-header field after a regular field"],
  ["§8.3 order, unknown", [...get, "a: 1", ":foo: 1"], "pseudo-header field after a regular field"],
  ["§8.3.1 :method twice", [...get, ":method: GET"], "more than one :method"],
  ["§8.3.1 :scheme twice", [...get, ":scheme: https"], "more than one :scheme"],
  ["§8.3.1 :path twice", [...get, ":path: /"], "more than one :path"],
  ["§8.3 :authority twice", [...get, ":authority: a.test"], "more than one :authority"],
  // §8.3.1
  ["§8.3.1 nothing", [], "no :method"],
  ["§8.3.1 no :method", get.slice(1), "no :method"],
  ["§8.3.1 no :scheme", [get[0]!, get[2]!, get[3]!], "no :scheme"],
  ["§8.3.1 no :path", get.slice(0, 3), "no :path"],
  ["§8.3.1 empty :path", [...get.slice(0, 3), ":path: "], "empty :path"],
  ["§8.3.1 * for GET", [...get.slice(0, 3), ":path: *"], ":path * of a method other than OPTIONS"],
  ["§8.3.1 path without /", [...get.slice(0, 3), ":path: a"], ":path is not an absolute path in visible ASCII"],
  ["absolute form", [...get.slice(0, 3), ":path: http://b/"], ":path is not an absolute path in visible ASCII"],
  ["blank in :path", [...get.slice(0, 3), ":path: /a b"], ":path is not an absolute path in visible ASCII"],
  ["CRLF in :path", [...get.slice(0, 3), ":path: /\r\n"], ":path is not an absolute path in visible ASCII"],
  ["8 bits in :path", [...get.slice(0, 3), ":path: /\xe4"], ":path is not an absolute path in visible ASCII"],
  ["fragment", [...get.slice(0, 3), ":path: /#a"], ":path is not an absolute path in visible ASCII"],
  ["RFC 9110 §9.1 method", [":method: G T", ...get.slice(1)], ":method is not a token"],
  ["RFC 9110 §9.1 empty method", [":method: ", ...get.slice(1)], ":method is not a token"],
  ["CRLF in :method", [":method: GET / HTTP/1.1\r\n", ...get.slice(1)], ":method is not a token"],
  ["RFC 3986 §3.1 scheme", [get[0]!, ":scheme: 1x", get[2]!, get[3]!], "malformed :scheme"],
  ["CRLF in :scheme", [get[0]!, ":scheme: a\r\n", get[2]!, get[3]!], "malformed :scheme"],
  ["RFC 9110 §4.2.1 no host", [get[0]!, get[1]!, get[3]!], "neither :authority nor host"],
  ["§8.3.1 user information", [get[0]!, get[1]!, ":authority: u@a.test", get[3]!], "malformed :authority"],
  ["empty :authority", [get[0]!, get[1]!, ":authority: ", get[3]!], "malformed :authority"],
  ["CRLF in :authority", [get[0]!, get[1]!, ":authority: a\r\nb: c", get[3]!], "malformed :authority"],
  ["path in :authority", [get[0]!, get[1]!, ":authority: a/b", get[3]!], "malformed :authority"],
  ["RFC 9110 §7.2 host", [get[0]!, get[1]!, get[3]!, "host: a/b"], "malformed host"],
  ["RFC 9110 §7.2 two hosts", [...get, "host: a.test", "host: a.test"], "more than one host"],
  ["§8.3.1 host differs", [...get, "host: b.test"], ":authority and host differ"],
  ["§8.3.1 port differs", [...get, "host: a.test:444"], ":authority and host differ"],
  // RFC 9110 §8.6
  ["RFC 9110 §8.6 not a number", [...get, "content-length: 1a"], "content-length that is not a number"],
  ["RFC 9110 §8.6 sign", [...get, "content-length: +1"], "content-length that is not a number"],
  ["RFC 9110 §8.6 empty", [...get, "content-length: "], "content-length that is not a number"],
  ["RFC 9110 §8.6 list", [...get, "content-length: 1, 1"], "content-length that is not a number"],
  ["beyond exact numbers", [...get, "content-length: 9007199254740993"], "content-length that is not a number"],
  ["RFC 9110 §8.6 twice", [...get, "content-length: 1", "content-length: 1"], "more than one content-length"],
  // §8.5
  ["§8.5 :scheme", [":method: CONNECT", ":scheme: https", ":authority: a:1"], "CONNECT with :scheme or :path"],
  ["§8.5 :path", [":method: CONNECT", ":path: /", ":authority: a:1"], "CONNECT with :scheme or :path"],
  ["§8.5 no :authority", [":method: CONNECT", "host: a:1"], "CONNECT without :authority"],
  ["§8.5 no port", [":method: CONNECT", ":authority: a"], "CONNECT to an :authority without a port"],
  // RFC 8441 §4
  ["RFC 8441 §4 method", [...get, ":protocol: websocket"], ":protocol without CONNECT"],
  ["RFC 8441 §4 twice", [...get, ":protocol: a", ":protocol: a"], "more than one :protocol"],
  ["RFC 8441 §4 token", [":method: CONNECT", ...get.slice(1), ":protocol: a b"], ":protocol is not a token"],
  [
    "RFC 8441 §4 :authority",
    [":method: CONNECT", ":protocol: a", ":scheme: https", ":path: /", "host: a"],
    "CONNECT without :authority",
  ],
  ["RFC 8441 §4 :scheme", [":method: CONNECT", ":protocol: a", ":authority: a", ":path: /"], "no :scheme"],
  ["RFC 8441 §4 :path", [":method: CONNECT", ":protocol: a", ":authority: a", ":scheme: https"], "no :path"],
];

const refusedResponses: typeof refusedRequests = [
  ["§8.3.2 no :status", ["a: 1"], "no :status"],
  ["§8.3.2 twice", [":status: 200", ":status: 200"], "more than one :status"],
  ["§8.3 request's pseudo-header", [":status: 200", ":path: /"], "pseudo-header field that responses don't have"],
  ["§8.3 order", ["a: 1", ":status: 200"], "pseudo-header field after a regular field"],
  ["RFC 9110 §15 two digits", [":status: 20"], ":status is not 100 to 599"],
  ["RFC 9110 §15 four digits", [":status: 2000"], ":status is not 100 to 599"],
  ["RFC 9110 §15 above 599", [":status: 600"], ":status is not 100 to 599"],
  ["RFC 9110 §15 below 100", [":status: 099"], ":status is not 100 to 599"],
  ["RFC 9110 §15 a reason", [":status: 200 OK"], ":status is not 100 to 599"],
  ["§8.6 switching", [":status: 101"], ":status 101"],
  ["§8.2.1 upper case", [":status: 200", "A: 1"], "field name in upper case"],
  ["§8.2.1 LF", [":status: 200", "a: x\ny"], "NUL, CR or LF in the value of a"],
  ["§8.2.2", [":status: 200", "connection: close"], "connection-specific field connection"],
  ["RFC 9110 §8.6", [":status: 200", "content-length: -1"], "content-length that is not a number"],
  ["RFC 9110 §8.6", [":status: 204", "content-length: x"], "content-length that is not a number"],
];

const refusedTrailers: typeof refusedRequests = [
  ["§8.1 pseudo-header", [":path: /"], "pseudo-header field in trailers"],
  ["§8.1 pseudo-header later", ["a: 1", ":status: 200"], "pseudo-header field in trailers"],
  ["§8.2.1 upper case", ["A: 1"], "field name in upper case"],
  ["§8.2.1 CR", ["a: x\ry"], "NUL, CR or LF in the value of a"],
  ["§8.2.2", ["transfer-encoding: chunked"], "connection-specific field transfer-encoding"],
];

for (
  const [what, table, parse] of [
    ["parseRequestFields", refusedRequests, parseRequestFields],
    ["parseResponseFields", refusedResponses, parseResponseFields],
    ["parseTrailers", refusedTrailers, parseTrailers],
  ] as const
) {
  Deno.test(`${what} refuses each of ${table.length} malformed lists with its reason`, () => {
    for (const [rule, lines, reason] of table) {
      throws(() => parse(list(...lines)), (error) => {
        equal(error instanceof MalformedMessage, true, rule);
        equal((error as MalformedMessage).message, reason, rule);
        equal((error as MalformedMessage).code, errorCodes.protocolError);
        return true;
      }, rule);
    }
  });
}

Deno.test("parseRequestFields reads a request", () => {
  deepEqual(parseRequestFields(list(...get, "a: 1", "te: trailers", "content-length: 12", "b: \xe4 x", "c: ")), {
    method: "GET",
    scheme: "https",
    authority: "a.test",
    path: "/",
    protocol: null,
    fields: list("a: 1", "te: trailers", "content-length: 12", "b: \xe4 x", "c: "),
    contentLength: 12,
  });
});

Deno.test("parseRequestFields joins cookie crumbs where the first stood", () => {
  const { fields } = parseRequestFields(list(...get, "cookie: a=1", "x: y", "cookie: b=2", "cookie: c=3"));
  deepEqual(fields, list("cookie: a=1; b=2; c=3", "x: y"));
});

Deno.test("parseRequestFields takes Host for :authority, and both when they name the same", () => {
  for (
    const [lines, authority] of [
      [[get[0]!, get[1]!, get[3]!, "host: b.test:8443"], "b.test:8443"],
      [[...get, "host: A.TEST"], "a.test"],
      [[...get, "host: a.test:443"], "a.test"],
      [[...get, "host: a.test:"], "a.test"],
      [[get[0]!, ":scheme: http", ":authority: a.test:80", get[3]!, "host: a.test"], "a.test:80"],
      [[get[0]!, get[1]!, ":authority: [::1]:8443", get[3]!], "[::1]:8443"],
    ] as const
  ) {
    const read = parseRequestFields(list(...lines));
    equal(read.authority, authority);
    deepEqual(read.fields, []);
  }
});

Deno.test("parseRequestFields reads OPTIONS *, CONNECT and extended CONNECT", () => {
  equal(parseRequestFields(list(":method: OPTIONS", get[1]!, get[2]!, ":path: *")).path, "*");
  const connect = parseRequestFields(list(":method: CONNECT", ":authority: a.test:443"));
  deepEqual([connect.scheme, connect.authority, connect.path, connect.protocol], ["", "a.test:443", "", null]);
  const extended = parseRequestFields(list(":method: CONNECT", ":protocol: websocket", ...get.slice(1)));
  deepEqual([extended.authority, extended.path, extended.protocol], ["a.test", "/", "websocket"]);
});

Deno.test("parseResponseFields reads a response; 1xx, 204 and 304 have no content to count", () => {
  deepEqual(parseResponseFields(list(":status: 200", "content-length: 3", "host: x", "cookie: a", "cookie: b")), {
    status: 200,
    fields: list("content-length: 3", "host: x", "cookie: a", "cookie: b"),
    contentLength: 3,
  });
  for (const status of [103, 204, 304]) {
    deepEqual(parseResponseFields(list(`:status: ${status}`, "content-length: 3")), {
      status,
      fields: list("content-length: 3"),
      contentLength: null,
    });
  }
});

Deno.test("parseTrailers gives the list back", () => {
  deepEqual(parseTrailers(list("grpc-status: 0", "x: ")), list("grpc-status: 0", "x: "));
});
