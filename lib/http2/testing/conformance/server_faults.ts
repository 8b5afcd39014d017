/**
 * RFC 9113 from the client's side: what a server may send, rightly and wrongly, in answer to one request.
 * @module
 */
import {
  block,
  continuation,
  data,
  frame,
  goAway,
  headers,
  hex,
  join,
  ping,
  rst,
  settings,
  settingsAck,
  uint32,
  windowUpdate,
} from "../raw_frames.ts";
import type { ClientCase } from "./client_case.ts";

const ok = headers(1, [":status: 200"]);
const hello = data(1, "hello", { end: true });

/** The stream is reset as malformed, before or after the head. */
function malformed(section: string, title: string, ...send: Uint8Array[]): ClientCase {
  return { section, title, send, sees: "reset PROTOCOL_ERROR", hears: "PROTOCOL_ERROR" };
}

/** The connection ends. */
function fatal(section: string, title: string, hears: ClientCase["hears"] & string, ...send: Uint8Array[]): ClientCase {
  return { section, title, send, sees: `reset ${hears}`, hears, goAway: true };
}

export const serverFaults: ClientCase[] = [
  { section: "8.1", title: "a response", send: [ok, hello], sees: "200 hello" },
  {
    section: "8.1",
    title: "a response without a body",
    send: [headers(1, [":status: 204"], { end: true })],
    sees: "204",
  },
  {
    section: "8.1",
    title: "a response with trailers",
    send: [ok, data(1, "hello"), headers(1, ["x-sum: 1"], { end: true })],
    sees: "200 hello x-sum: 1",
  },
  {
    section: "8.1",
    title: "trailers alone, as gRPC sends them",
    send: [headers(1, [":status: 200", "grpc-status: 5"], { end: true })],
    sees: "200",
  },
  {
    section: "8.1",
    title: "interim responses",
    send: [headers(1, [":status: 100"]), headers(1, [":status: 103", "link: <x>"]), ok, hello],
    sees: "100, 103, 200 hello",
  },
  malformed("8.1", "an interim response with END_STREAM", headers(1, [":status: 103"], { end: true })),
  malformed("8.6", "101", headers(1, [":status: 101"])),
  malformed("8.1", "DATA before the head", data(1, "x")),
  {
    section: "8.1",
    title: "DATA after an interim head",
    send: [headers(1, [":status: 100"]), data(1, "x")],
    sees: "100, reset PROTOCOL_ERROR",
    hears: "PROTOCOL_ERROR",
  },
  {
    section: "8.1",
    title: "a second final head",
    send: [ok, headers(1, [":status: 200"])],
    sees: "200 reset PROTOCOL_ERROR",
    hears: "PROTOCOL_ERROR",
  },
  {
    section: "8.1",
    title: "trailers without END_STREAM",
    send: [ok, headers(1, ["x-sum: 1"])],
    sees: "200 reset PROTOCOL_ERROR",
    hears: "PROTOCOL_ERROR",
  },
  {
    section: "8.1",
    title: "a whole response and RST_STREAM NO_ERROR, while we upload",
    method: "POST",
    send: [ok, hello, rst(1, 0)],
    sees: "200 hello",
  },
  {
    section: "8.1",
    title: "half a response and RST_STREAM NO_ERROR",
    send: [ok, data(1, "hel"), rst(1, 0)],
    sees: "200 reset NO_ERROR",
  },
  malformed("8.3.2", "no :status", headers(1, ["server: x"])),
  malformed("8.3.2", ":status twice", headers(1, [":status: 200", ":status: 200"])),
  malformed("8.3.2", ":status of four digits", headers(1, [":status: 2000"])),
  malformed("8.3.2", ":status that is no number", headers(1, [":status: abc"])),
  malformed("8.3.2", ":status 600", headers(1, [":status: 600"])),
  malformed("8.3", "a pseudo field of requests", headers(1, [":status: 200", ":path: /"])),
  malformed("8.3", ":status after a field", headers(1, ["server: x", ":status: 200"])),
  malformed("8.2.1", "an upper-case name", headers(1, [":status: 200", "Server: x"])),
  malformed("8.2.1", "a value with LF", headers(1, [":status: 200", "x: a\nset-cookie: b"])),
  malformed("8.2.2", "connection", headers(1, [":status: 200", "connection: close"])),
  malformed("8.2.2", "transfer-encoding", headers(1, [":status: 200", "transfer-encoding: chunked"])),
  {
    section: "8.1.1",
    title: "content-length above the DATA",
    send: [headers(1, [":status: 200", "content-length: 9"]), data(1, "", { end: true })],
    sees: "200 reset PROTOCOL_ERROR",
    hears: "PROTOCOL_ERROR",
  },
  {
    section: "8.1.1",
    title: "content-length below the DATA",
    send: [headers(1, [":status: 200", "content-length: 2"]), hello],
    sees: "200 reset PROTOCOL_ERROR",
    hears: "PROTOCOL_ERROR",
  },
  malformed("8.1.1", "content-length and END_STREAM", headers(1, [":status: 200", "content-length: 9"], { end: true })),
  {
    section: "8.1.1",
    title: "content-length of a response to HEAD",
    method: "HEAD",
    send: [headers(1, [":status: 200", "content-length: 9"], { end: true })],
    sees: "200",
  },
  {
    section: "8.1.1",
    title: "DATA in a response to HEAD",
    method: "HEAD",
    send: [ok, hello],
    sees: "200 reset PROTOCOL_ERROR",
    hears: "PROTOCOL_ERROR",
  },
  {
    section: "8.1.1",
    title: "content-length of 304",
    send: [headers(1, [":status: 304", "content-length: 9"], { end: true })],
    sees: "304",
  },
  {
    section: "8.5",
    title: "a tunnel",
    method: "CONNECT",
    send: [ok, data(1, "octets"), data(1, "", { end: true })],
    sees: "200 octets",
  },
  { section: "8.7", title: "REFUSED_STREAM", send: [rst(1, 7)], sees: "reset REFUSED_STREAM refused" },
  { section: "8.7", title: "another reset", send: [rst(1, 2)], sees: "reset INTERNAL_ERROR" },
  { section: "8.7", title: "REFUSED_STREAM after the head", send: [ok, rst(1, 7)], sees: "200 reset REFUSED_STREAM" },
  { section: "6.8", title: "GOAWAY below the request", send: [goAway(0)], sees: "reset REFUSED_STREAM refused" },
  { section: "6.8", title: "GOAWAY at the request", send: [goAway(1), ok, hello], sees: "200 hello" },
  {
    section: "6.8",
    title: "GOAWAY mid-way, first for all and then for none",
    send: [goAway(0x7fffffff), goAway(0)],
    sees: "reset REFUSED_STREAM refused",
  },
  { section: "6.8", title: "GOAWAY that grows again", send: [goAway(1), goAway(5), ok, hello], sees: "200 hello" },
  fatal(
    "3.4",
    "a server that speaks HTTP/1.1",
    "FRAME_SIZE_ERROR",
    new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n"),
  ),
  { ...fatal("3.4", "no SETTINGS first", "PROTOCOL_ERROR", ping()), bare: true },
  { ...fatal("3.4", "an acknowledgement first", "PROTOCOL_ERROR", settingsAck), bare: true },
  fatal("8.4", "PUSH_PROMISE", "PROTOCOL_ERROR", frame(5, 4, 1, join(uint32(2), block(":method: GET")))),
  fatal("8.4", "PUSH_PROMISE on the connection", "PROTOCOL_ERROR", frame(5, 4, 0, uint32(2))),
  fatal("6.5.2", "ENABLE_PUSH 1", "PROTOCOL_ERROR", settings([2, 1])),
  { section: "6.5.2", title: "ENABLE_PUSH 0", send: [settings([2, 0]), ok, hello], sees: "200 hello" },
  fatal("6.5.2", "MAX_FRAME_SIZE 0", "PROTOCOL_ERROR", settings([5, 0])),
  fatal("6.5.2", "INITIAL_WINDOW_SIZE 2^31", "FLOW_CONTROL_ERROR", settings([4, 0x80000000])),
  fatal("5.1.1", "HEADERS on a stream of the server's", "PROTOCOL_ERROR", headers(2, [":status: 200"])),
  fatal("5.1.1", "HEADERS on a stream that wasn't opened", "PROTOCOL_ERROR", headers(3, [":status: 200"])),
  fatal("5.1.1", "HEADERS on the connection", "PROTOCOL_ERROR", headers(0, [":status: 200"])),
  fatal("5.1", "DATA on a stream that wasn't opened", "PROTOCOL_ERROR", data(3, "x")),
  fatal("5.1", "DATA on the connection", "PROTOCOL_ERROR", data(0, "x")),
  fatal("5.1", "RST_STREAM on a stream that wasn't opened", "PROTOCOL_ERROR", rst(3)),
  fatal("5.1", "WINDOW_UPDATE on a stream that wasn't opened", "PROTOCOL_ERROR", windowUpdate(3, 1)),
  fatal("6.10", "CONTINUATION without HEADERS", "PROTOCOL_ERROR", continuation(1, [":status: 200"])),
  fatal("4.3", "a block that can't be decoded", "COMPRESSION_ERROR", headers(1, hex("80"))),
  fatal("4.2", "a frame above the largest size", "FRAME_SIZE_ERROR", data(1, new Uint8Array(16_385))),
  fatal("6.9", "an increment of 0", "PROTOCOL_ERROR", windowUpdate(0, 0)),
  fatal("6.9.1", "a window above 2^31-1", "FLOW_CONTROL_ERROR", windowUpdate(0, 0x7fffffff)),
  {
    section: "6.9",
    title: "a stream's increment of 0",
    send: [windowUpdate(1, 0)],
    sees: "reset PROTOCOL_ERROR",
    hears: "PROTOCOL_ERROR",
  },
  {
    section: "5.1",
    title: "DATA after END_STREAM, while we upload",
    method: "POST",
    send: [ok, hello, data(1, "x")],
    sees: "200 hello",
    hears: "STREAM_CLOSED",
  },
  {
    section: "6.9.1",
    title: "DATA above the stream's window",
    limits: { initialWindowBytes: 4 },
    send: [ok, hello],
    sees: "200 reset FLOW_CONTROL_ERROR",
    hears: "FLOW_CONTROL_ERROR",
  },
  {
    section: "6.5.2",
    title: "a field list above the limit",
    limits: { maxHeaderListBytes: 100 },
    send: [headers(1, [":status: 200", `x: ${"a".repeat(100)}`])],
    sees: "reset ENHANCE_YOUR_CALM",
    hears: "ENHANCE_YOUR_CALM",
  },
  {
    section: "10.5",
    title: "a CONTINUATION flood",
    send: [
      headers(1, [":status: 200"], { more: true }),
      ...new Array(20).fill(continuation(1, ["x: 1"], { more: true })),
    ],
    sees: "reset ENHANCE_YOUR_CALM",
    hears: "ENHANCE_YOUR_CALM",
    goAway: true,
  },
];
