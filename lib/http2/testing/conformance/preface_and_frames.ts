/**
 * RFC 9113 §3.4 and §4: the preface, and what holds for every frame.
 * @module
 */
import {
  block,
  continuation,
  data,
  frame,
  headers,
  hex,
  join,
  ping,
  preface,
  priority,
  rst,
  settings,
  settingsAck,
  text,
  windowUpdate,
} from "../raw_frames.ts";
import { get, post, type ServerCase } from "./server_case.ts";

const request = headers(1, get, { end: true });
const answered = ["HEADERS 1 200", "DATA 1 5 END"];
const long = new Uint8Array(16_385);
const whole = join(preface, settings(), settingsAck, request);

export const prefaceAndFrames: ServerCase[] = [
  {
    section: "3.4",
    title: "preface and SETTINGS in one chunk",
    bare: true,
    send: [whole],
    expect: { lines: answered },
  },
  {
    section: "3.4",
    title: "preface and frames octet by octet",
    bare: true,
    send: Array.from(whole, (octet) => Uint8Array.of(octet)),
    expect: { lines: answered },
  },
  {
    section: "3.4",
    title: "a request of HTTP/1.1",
    bare: true,
    send: [text("GET / HTTP/1.1\r\nhost: a.example\r\n\r\n")],
    expect: { goAway: "PROTOCOL_ERROR" },
  },
  {
    section: "3.4",
    title: "a preface that is wrong in its last octet",
    bare: true,
    send: [preface.with(23, 0x20), settings()],
    expect: { goAway: "PROTOCOL_ERROR" },
  },
  {
    section: "3.4",
    title: "frames without the preface",
    bare: true,
    send: [settings(), request],
    expect: { goAway: "PROTOCOL_ERROR" },
  },
  {
    section: "3.4",
    title: "the preface twice",
    send: [preface],
    expect: { goAway: "FRAME_SIZE_ERROR" },
  },
  ...([
    ["HEADERS", request],
    ["PING", ping()],
    ["WINDOW_UPDATE", windowUpdate(0, 1)],
    ["an acknowledgement of SETTINGS", settingsAck],
    ["an unknown frame", frame(0x42, 0, 0, text("?"))],
  ] as const).map(([name, first]): ServerCase => ({
    section: "3.4",
    title: `${name} before SETTINGS`,
    bare: true,
    send: [join(preface, first)],
    expect: { goAway: "PROTOCOL_ERROR" },
  })),
  {
    section: "4.1",
    title: "an unknown frame on the connection",
    send: [frame(0x16, 0xff, 0, text("grease")), request],
    expect: { lines: answered },
  },
  {
    section: "4.1",
    title: "an unknown frame on an idle stream",
    send: [frame(0xfa, 0xff, 7, text("grease")), request],
    expect: { lines: answered },
  },
  {
    section: "4.1",
    title: "an unknown frame on an open stream",
    send: [headers(1, post), frame(0x4a, 0xff, 1, new Uint8Array(100)), data(1, "abc", { end: true })],
    expect: { lines: ["HEADERS 1 200", "DATA 1 8 END"] },
  },
  {
    section: "4.1",
    title: "undefined flags",
    send: [headers(1, get, { end: true, flags: 0x40 | 0x80 | 0x10 | 0x02 })],
    expect: { lines: answered },
  },
  {
    section: "4.1",
    title: "undefined flags of PING",
    send: [frame(6, 0xfe, 0, text("12345678"))],
    expect: { lines: ["PING 12345678 ACK"] },
  },
  {
    section: "4.1",
    title: "the reserved bit of the stream identifier",
    send: [headers(0x80000001, get, { end: true })],
    expect: { lines: answered },
  },
  {
    section: "4.1",
    title: "the reserved bit of the increment",
    send: [headers(1, post), windowUpdate(1, 0x80000001), data(1, "", { end: true })],
    expect: { lines: ["HEADERS 1 200"] },
  },
  {
    section: "4.2",
    title: "DATA of exactly the largest size",
    send: [headers(1, post), data(1, long.subarray(1), { end: true })],
    expect: { lines: ["HEADERS 1 200", "DATA 1 12 END"] },
  },
  {
    section: "4.2",
    title: "DATA above the largest size",
    send: [headers(1, post), data(1, long, { end: true })],
    expect: { goAway: "FRAME_SIZE_ERROR" },
  },
  {
    section: "4.2",
    title: "DATA above the largest size, of which only the header has come",
    send: [headers(1, post), frame(0, 0, 1, new Uint8Array(0), 16_385)],
    expect: { goAway: "FRAME_SIZE_ERROR" },
  },
  {
    section: "4.2",
    title: "HEADERS above the largest size",
    send: [headers(1, long)],
    expect: { goAway: "FRAME_SIZE_ERROR" },
  },
  {
    section: "4.2",
    title: "SETTINGS above the largest size",
    send: [frame(4, 0, 0, new Uint8Array(16_386))],
    expect: { goAway: "FRAME_SIZE_ERROR" },
  },
  {
    section: "4.2",
    title: "an unknown frame above the largest size",
    send: [frame(0x77, 0, 0, long)],
    expect: { goAway: "FRAME_SIZE_ERROR" },
  },
  {
    section: "4.2",
    title: "a larger size that was announced",
    limits: { maxFrameBytes: 20_000 },
    send: [headers(1, post), data(1, long, { end: true })],
    expect: { lines: ["HEADERS 1 200", "DATA 1 12 END"] },
  },
  {
    section: "4.3",
    title: "a block that can't be decoded",
    send: [headers(1, hex("80"), { end: true })],
    expect: { goAway: "COMPRESSION_ERROR" },
  },
  {
    section: "4.3",
    title: "a block that ends within a field",
    send: [headers(1, block(...get).subarray(0, -3), { end: true })],
    expect: { goAway: "COMPRESSION_ERROR" },
  },
  {
    section: "4.3",
    title: "a block that can't be decoded on a stream that was reset",
    limits: {},
    send: [headers(1, [...post, "Bad: 1"]), headers(1, hex("80"), { end: true })],
    expect: { goAway: "COMPRESSION_ERROR" },
  },
  {
    section: "4.3",
    title: "a block in pieces",
    send: [headers(1, get.slice(0, 1), { end: true, more: true }), continuation(1, get.slice(1))],
    expect: { lines: answered },
  },
  ...([
    ["DATA", data(1, "x")],
    ["HEADERS of another stream", headers(3, get, { end: true })],
    ["HEADERS of the same stream", headers(1, get, { end: true })],
    ["PRIORITY", priority(1)],
    ["RST_STREAM", rst(1)],
    ["SETTINGS", settings()],
    ["PING", ping()],
    ["WINDOW_UPDATE", windowUpdate(0, 1)],
    ["CONTINUATION of another stream", continuation(3, [])],
    ["an unknown frame", frame(0x99, 0, 1, text("?"))],
  ] as const).map(([name, between]): ServerCase => ({
    section: "4.3",
    title: `${name} within a field block`,
    send: [headers(1, get, { end: true, more: true }), between, continuation(1, [])],
    expect: { goAway: "PROTOCOL_ERROR" },
  })),
];
