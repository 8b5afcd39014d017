/**
 * RFC 9113 §5.1: which frames may come in which state; §5.1.1 and §5.1.2: identifiers and how many.
 * @module
 */
import { continuation, data, frame, headers, hex, priority, rst, text, uint32, windowUpdate } from "../raw_frames.ts";
import type { RawPeer } from "../raw_peer.ts";
import { get, getPath, post, type ServerCase } from "./server_case.ts";

const answered = ["HEADERS 1 200", "DATA 1 5 END"];
const ended = (peer: RawPeer) => peer.expect("DATA 1 5 END");
const whole = headers(1, get, { end: true });
const waiting = headers(1, getPath("/hang"), { end: true });

export const streamStates: ServerCase[] = [
  ...([
    ["DATA", data(1, "x")],
    ["RST_STREAM", rst(1)],
    ["WINDOW_UPDATE", windowUpdate(1, 100)],
    ["CONTINUATION", continuation(1, get)],
    ["DATA of an even identifier", data(2, "x")],
    ["RST_STREAM of an even identifier", rst(2)],
    ["WINDOW_UPDATE of an even identifier", windowUpdate(2, 1)],
  ] as const).map(([name, sent]): ServerCase => ({
    section: "5.1",
    title: `idle: ${name}`,
    send: [sent],
    expect: { goAway: "PROTOCOL_ERROR" },
  })),
  { section: "5.1", title: "idle: PRIORITY", send: [priority(5), whole], expect: { lines: answered } },
  {
    section: "5.1",
    title: "open: WINDOW_UPDATE, PRIORITY and DATA",
    send: [headers(1, post), windowUpdate(1, 5), priority(1), data(1, "x", { end: true })],
    expect: { lines: ["HEADERS 1 200", "DATA 1 8 END"] },
  },
  {
    section: "5.1",
    title: "half-closed (remote): DATA",
    send: [waiting, data(1, "x")],
    expect: { reset: [1, "STREAM_CLOSED"] },
  },
  {
    section: "5.1",
    title: "half-closed (remote): HEADERS",
    send: [waiting, headers(1, ["x: 1"], { end: true })],
    expect: { reset: [1, "STREAM_CLOSED"] },
  },
  {
    section: "5.1",
    title: "half-closed (remote): CONTINUATION",
    send: [waiting, continuation(1, ["x: 1"])],
    expect: { goAway: "PROTOCOL_ERROR" },
  },
  {
    section: "5.1",
    title: "half-closed (remote): WINDOW_UPDATE and PRIORITY",
    send: [headers(1, getPath("/big"), { end: true }), windowUpdate(1, 40_000), priority(1), windowUpdate(0, 40_000)],
    expect: { lines: ["HEADERS 1 200", "DATA 1 1697 END"] },
  },
  {
    section: "5.1",
    title: "half-closed (remote): RST_STREAM",
    send: [waiting, rst(1), headers(3, get, { end: true })],
    expect: { lines: ["HEADERS 3 200", "DATA 3 5 END"] },
  },
  {
    section: "5.1",
    title: "closed by both: DATA",
    send: [whole, ended, data(1, "x")],
    expect: { goAway: "STREAM_CLOSED" },
  },
  {
    section: "5.1",
    title: "closed by both: HEADERS",
    send: [whole, ended, headers(1, get, { end: true })],
    expect: { goAway: "STREAM_CLOSED" },
  },
  {
    section: "5.1",
    title: "closed by both: CONTINUATION",
    send: [whole, ended, continuation(1, get)],
    expect: { goAway: "PROTOCOL_ERROR" },
  },
  {
    section: "5.1",
    title: "closed by both: WINDOW_UPDATE, RST_STREAM and PRIORITY that were on their way",
    send: [whole, ended, windowUpdate(1, 1), rst(1), priority(1), headers(3, get, { end: true })],
    expect: { lines: ["HEADERS 3 200", "DATA 3 5 END"] },
  },
  {
    section: "5.1",
    title: "closed by the peer's RST_STREAM: DATA",
    send: [headers(1, post), rst(1), data(1, "x")],
    expect: { goAway: "STREAM_CLOSED" },
  },
  {
    section: "5.1",
    title: "closed by the peer's RST_STREAM: HEADERS",
    send: [headers(1, post), rst(1), headers(1, ["x: 1"], { end: true })],
    expect: { goAway: "STREAM_CLOSED" },
  },
  {
    section: "5.1",
    title: "closed by the peer's RST_STREAM: CONTINUATION",
    send: [headers(1, post), rst(1), continuation(1, ["x: 1"])],
    expect: { goAway: "PROTOCOL_ERROR" },
  },
  {
    section: "5.1",
    title: "closed by the peer's RST_STREAM: another",
    send: [headers(1, post), rst(1), rst(1), headers(3, get, { end: true })],
    expect: { lines: ["HEADERS 3 200"] },
  },
  {
    section: "5.1",
    title: "closed by our RST_STREAM: DATA, trailers, WINDOW_UPDATE and RST_STREAM are read and dropped",
    send: [
      headers(1, [...post, "content-length: 1"]),
      data(1, "xx"),
      data(1, "more"),
      windowUpdate(1, 5),
      headers(1, ["x: 1"], { end: true }),
      rst(1),
      headers(3, get, { end: true }),
    ],
    expect: { reset: [1, "PROTOCOL_ERROR"], and: ["HEADERS 3 200", "DATA 3 5 END"] },
  },
  {
    section: "5.1",
    title: "closed by our RST_STREAM: a field block goes on filling the table",
    // The trailers add an entry (index 62) that the next request uses as its :path.
    send: [
      headers(1, [...post, "content-length: 1"]),
      data(1, "xx"),
      headers(1, hex("44 03 2f 61 62"), { end: true }),
      headers(3, hex("82 86 be 00 0a 3a617574686f72697479 01 61"), { end: true }),
    ],
    expect: { reset: [1, "PROTOCOL_ERROR"], and: ["HEADERS 3 200", "DATA 3 5 END"] },
  },
  {
    section: "5.1",
    title: "closed by our RST_STREAM: no more DATA than its window allowed",
    limits: { initialWindowBytes: 65_535 },
    send: [
      headers(1, [...post, "content-length: 1"]),
      data(1, "xx"),
      ...new Array(4).fill(data(1, new Uint8Array(16_384))),
    ],
    expect: { goAway: "FLOW_CONTROL_ERROR" },
  },
  {
    section: "5.1.1",
    title: "an even identifier",
    send: [headers(2, get, { end: true })],
    expect: { goAway: "PROTOCOL_ERROR" },
  },
  {
    section: "5.1.1",
    title: "HEADERS on the connection",
    send: [headers(0, get, { end: true })],
    expect: { goAway: "PROTOCOL_ERROR" },
  },
  {
    section: "5.1.1",
    title: "an identifier below one that was used",
    send: [headers(5, getPath("/hang"), { end: true }), headers(3, get, { end: true })],
    expect: { goAway: "PROTOCOL_ERROR" },
  },
  {
    section: "5.1.1",
    title: "DATA on an identifier that was passed over",
    send: [headers(5, getPath("/hang"), { end: true }), data(3, "x")],
    expect: { goAway: "STREAM_CLOSED" },
  },
  {
    section: "5.1.1",
    title: "identifiers with gaps",
    send: [headers(5, get, { end: true }), headers(101, get, { end: true })],
    expect: { lines: ["HEADERS 5 200", "HEADERS 101 200"] },
  },
  {
    section: "5.1.1",
    title: "the largest identifier",
    send: [headers(0x7fffffff, get, { end: true })],
    expect: { lines: ["HEADERS 2147483647 200", "DATA 2147483647 5 END"] },
  },
  {
    section: "5.1.2",
    title: "one stream more than allowed",
    limits: { maxConcurrentStreams: 2 },
    send: [waiting, headers(3, getPath("/hang"), { end: true }), headers(5, get, { end: true })],
    expect: { reset: [5, "REFUSED_STREAM"] },
  },
  {
    section: "5.1.2",
    title: "a stream that was refused may still send",
    limits: { maxConcurrentStreams: 1 },
    send: [waiting, headers(3, post), data(3, "late", { end: true }), rst(1), headers(5, get, { end: true })],
    expect: { reset: [3, "REFUSED_STREAM"], and: ["HEADERS 5 200", "DATA 5 5 END"] },
  },
  {
    section: "5.1.2",
    title: "half-closed streams count",
    limits: { maxConcurrentStreams: 1 },
    send: [headers(1, getPath("/open"), { end: true }), headers(3, get, { end: true })],
    expect: { reset: [3, "REFUSED_STREAM"], and: ["HEADERS 1 200"] },
  },
  {
    section: "5.1.2",
    title: "closed streams don't",
    limits: { maxConcurrentStreams: 1 },
    send: [whole, ended, headers(3, get, { end: true })],
    expect: { lines: ["HEADERS 3 200", "DATA 3 5 END"] },
  },
  {
    section: "5.3",
    title: "priority that depends on itself says nothing",
    send: [priority(1, hex("00000001 10")), headers(1, get, { end: true, priority: true })],
    expect: { lines: answered },
  },
  {
    section: "5.5",
    title: "extension frames, PRIORITY_UPDATE and ALTSVC among them",
    send: [
      frame(0x10, 0, 0, frame(0, 0, 1, text("u=1"))),
      frame(0x0a, 0, 0, uint32(0)),
      frame(0x0c, 0, 0, uint32(0)),
      whole,
    ],
    expect: { lines: answered },
  },
];
