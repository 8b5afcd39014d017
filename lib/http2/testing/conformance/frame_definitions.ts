/**
 * RFC 9113 §6: each frame's stream, length, flags and padding. WINDOW_UPDATE and windows are in `flow_control.ts`.
 * @module
 */
import {
  continuation,
  data,
  frame,
  goAway,
  headers,
  hex,
  ping,
  priority,
  rst,
  settings,
  settingsAck,
  text,
  uint32,
} from "../raw_frames.ts";
import type { RawPeer } from "../raw_peer.ts";
import { get, getPath, post, type ServerCase } from "./server_case.ts";

const none = new Uint8Array(0);
const whole = headers(1, get, { end: true });
const answered = ["HEADERS 1 200", "DATA 1 5 END"];
const nextAnswered = ["HEADERS 3 200", "DATA 3 5 END"];
const next = headers(3, get, { end: true });

/** A SETTINGS value that must or mustn't be taken. */
function setting(
  title: string,
  pairs: [number, number][],
  goAway?: "PROTOCOL_ERROR" | "FLOW_CONTROL_ERROR",
): ServerCase {
  return {
    section: "6.5.2",
    title,
    send: [settings(...pairs), whole],
    expect: goAway === undefined ? { lines: answered } : { goAway },
  };
}

export const frameDefinitions: ServerCase[] = [
  { section: "6.1", title: "DATA on the connection", send: [data(0, "x")], expect: { goAway: "PROTOCOL_ERROR" } },
  {
    section: "6.1",
    title: "DATA with padding",
    send: [headers(1, post), data(1, "abc", { pad: 20, end: true })],
    expect: { lines: ["HEADERS 1 200", "DATA 1 8 END"] },
  },
  {
    section: "6.1",
    title: "DATA with 255 octets of padding and nothing else",
    send: [headers(1, post), data(1, "", { pad: 255 }), data(1, "x", { pad: 0, end: true })],
    expect: { lines: ["HEADERS 1 200", "DATA 1 8 END"] },
  },
  {
    section: "6.1",
    title: "padding longer than the payload",
    send: [headers(1, post), frame(0, 8, 1, hex("06 0000000000"))],
    expect: { goAway: "PROTOCOL_ERROR" },
  },
  {
    section: "6.1",
    title: "padding as long as the payload with its length octet",
    send: [headers(1, post), frame(0, 8, 1, hex("05 00000000"))],
    expect: { goAway: "PROTOCOL_ERROR" },
  },
  {
    section: "6.1",
    title: "DATA that is padded and has no octet for its length",
    send: [headers(1, post), frame(0, 8, 1, none)],
    expect: { goAway: "FRAME_SIZE_ERROR" },
  },
  {
    section: "6.2",
    title: "HEADERS with padding and priority",
    send: [headers(1, get, { end: true, pad: 9, priority: true })],
    expect: { lines: answered },
  },
  {
    section: "6.2",
    title: "padding longer than the block",
    send: [frame(1, 8 | 4 | 1, 1, hex("10 82"))],
    expect: { goAway: "PROTOCOL_ERROR" },
  },
  {
    section: "6.2",
    title: "HEADERS too short for priority",
    send: [frame(1, 0x20 | 4 | 1, 1, hex("00000000"))],
    expect: { goAway: "FRAME_SIZE_ERROR" },
  },
  {
    section: "6.2",
    title: "HEADERS that are padded and empty",
    send: [frame(1, 8 | 4 | 1, 1, none)],
    expect: { goAway: "FRAME_SIZE_ERROR" },
  },
  {
    section: "6.2",
    title: "padding that reaches into the priority fields",
    send: [frame(1, 8 | 0x20 | 4 | 1, 1, hex("03 00000000 10 82"))],
    expect: { goAway: "PROTOCOL_ERROR" },
  },
  {
    section: "6.2",
    title: "an empty block",
    send: [headers(1, none, { end: true })],
    expect: { reset: [1, "PROTOCOL_ERROR"] },
  },
  { section: "6.3", title: "PRIORITY on the connection", send: [priority(0)], expect: { goAway: "PROTOCOL_ERROR" } },
  {
    section: "6.3",
    title: "PRIORITY of 4 octets on an open stream",
    send: [headers(1, post), priority(1, hex("00000000"))],
    expect: { reset: [1, "FRAME_SIZE_ERROR"] },
  },
  {
    section: "6.3",
    title: "PRIORITY of 6 octets on an open stream",
    send: [headers(1, post), priority(1, hex("000000000000"))],
    expect: { reset: [1, "FRAME_SIZE_ERROR"] },
  },
  {
    section: "6.3",
    title: "PRIORITY of 4 octets on an idle stream, which can't be reset",
    send: [priority(1, hex("00000000"))],
    expect: { goAway: "FRAME_SIZE_ERROR" },
  },
  { section: "6.4", title: "RST_STREAM on the connection", send: [rst(0)], expect: { goAway: "PROTOCOL_ERROR" } },
  {
    section: "6.4",
    title: "RST_STREAM of 3 octets",
    send: [headers(1, post), frame(3, 0, 1, hex("000000"))],
    expect: { goAway: "FRAME_SIZE_ERROR" },
  },
  {
    section: "6.4",
    title: "RST_STREAM of 5 octets",
    send: [headers(1, post), frame(3, 0, 1, hex("0000000000"))],
    expect: { goAway: "FRAME_SIZE_ERROR" },
  },
  {
    section: "6.4",
    title: "RST_STREAM with a code nobody knows",
    send: [headers(1, post), rst(1, 0xdeadbeef), next],
    expect: { lines: nextAnswered },
  },
  { section: "6.5", title: "SETTINGS on a stream", send: [frame(4, 0, 1, none)], expect: { goAway: "PROTOCOL_ERROR" } },
  {
    section: "6.5",
    title: "SETTINGS of 5 octets",
    send: [frame(4, 0, 0, hex("0003000000"))],
    expect: { goAway: "FRAME_SIZE_ERROR" },
  },
  {
    section: "6.5",
    title: "SETTINGS of 7 octets",
    send: [frame(4, 0, 0, hex("00030000000100"))],
    expect: { goAway: "FRAME_SIZE_ERROR" },
  },
  {
    section: "6.5",
    title: "an acknowledgement with a payload",
    send: [frame(4, 1, 0, hex("000300000001"))],
    expect: { goAway: "FRAME_SIZE_ERROR" },
  },
  {
    section: "6.5",
    title: "an acknowledgement on a stream",
    send: [frame(4, 1, 1, none)],
    expect: { goAway: "PROTOCOL_ERROR" },
  },
  { section: "6.5", title: "an acknowledgement of nothing", send: [settingsAck, whole], expect: { lines: answered } },
  setting("ENABLE_PUSH 0", [[2, 0]]),
  setting("ENABLE_PUSH 1", [[2, 1]]),
  setting("ENABLE_PUSH 2", [[2, 2]], "PROTOCOL_ERROR"),
  setting("INITIAL_WINDOW_SIZE 2^31-1", [[4, 0x7fffffff]]),
  setting("INITIAL_WINDOW_SIZE 2^31", [[4, 0x80000000]], "FLOW_CONTROL_ERROR"),
  setting("INITIAL_WINDOW_SIZE 2^32-1", [[4, 0xffffffff]], "FLOW_CONTROL_ERROR"),
  setting("MAX_FRAME_SIZE 16383", [[5, 16_383]], "PROTOCOL_ERROR"),
  setting("MAX_FRAME_SIZE 16384", [[5, 16_384]]),
  setting("MAX_FRAME_SIZE 2^24-1", [[5, 16_777_215]]),
  setting("MAX_FRAME_SIZE 2^24", [[5, 16_777_216]], "PROTOCOL_ERROR"),
  setting("HEADER_TABLE_SIZE 0", [[1, 0]]),
  setting("HEADER_TABLE_SIZE 2^32-1", [[1, 0xffffffff]]),
  setting("MAX_CONCURRENT_STREAMS 0 and MAX_HEADER_LIST_SIZE 0", [[3, 0], [6, 0]]),
  setting("settings nobody knows (RFC 8701)", [[0x0a0a, 1], [0xfafa, 0xffffffff], [0, 0], [0xffff, 7]]),
  setting("a setting twice, the last counts", [[4, 0x7fffffff], [4, 65_535]]),
  setting("a setting twice, the first was wrong", [[5, 1], [5, 16_384]], "PROTOCOL_ERROR"),
  setting("ENABLE_CONNECT_PROTOCOL 2 (RFC 8441 §3)", [[8, 2]], "PROTOCOL_ERROR"),
  setting("ENABLE_CONNECT_PROTOCOL back to 0 (RFC 8441 §3)", [[8, 1], [8, 0]], "PROTOCOL_ERROR"),
  {
    section: "6.5.3",
    title: "SETTINGS are acknowledged each",
    send: [
      settings(),
      settings([4, 1000]),
      async (peer: RawPeer) => {
        await peer.settle();
        if (peer.settingsAcks !== 3) throw new Error(`${peer.settingsAcks} acknowledgements of 3 SETTINGS`);
      },
      whole,
    ],
    expect: { lines: answered },
  },
  {
    section: "6.6",
    title: "PUSH_PROMISE of a client",
    send: [headers(1, getPath("/hang"), { end: true }), frame(5, 4, 1, uint32(2))],
    expect: { goAway: "PROTOCOL_ERROR" },
  },
  {
    section: "6.6",
    title: "PUSH_PROMISE on the connection",
    send: [frame(5, 4, 0, uint32(2))],
    expect: { goAway: "PROTOCOL_ERROR" },
  },
  { section: "6.7", title: "PING", send: [ping("12345678")], expect: { lines: ["PING 12345678 ACK"] } },
  {
    section: "6.7",
    title: "PING with ACK is not answered",
    send: [ping("12345678", true), whole],
    expect: { lines: answered },
  },
  {
    section: "6.7",
    title: "PING on a stream",
    send: [frame(6, 0, 1, text("12345678"))],
    expect: { goAway: "PROTOCOL_ERROR" },
  },
  {
    section: "6.7",
    title: "PING of 7 octets",
    send: [frame(6, 0, 0, text("1234567"))],
    expect: { goAway: "FRAME_SIZE_ERROR" },
  },
  {
    section: "6.7",
    title: "PING of 9 octets",
    send: [frame(6, 0, 0, text("123456789"))],
    expect: { goAway: "FRAME_SIZE_ERROR" },
  },
  {
    section: "6.7",
    title: "PING with ACK of 0 octets",
    send: [frame(6, 1, 0, none)],
    expect: { goAway: "FRAME_SIZE_ERROR" },
  },
  {
    section: "6.8",
    title: "GOAWAY on a stream",
    send: [frame(7, 0, 1, hex("00000000 00000000"))],
    expect: { goAway: "PROTOCOL_ERROR" },
  },
  {
    section: "6.8",
    title: "GOAWAY of 7 octets",
    send: [frame(7, 0, 0, hex("00000000 000000"))],
    expect: { goAway: "FRAME_SIZE_ERROR" },
  },
  {
    section: "6.8",
    title: "GOAWAY of a client lets it finish its requests",
    send: [headers(1, post), goAway(0, 0, "bye"), data(1, "x", { end: true })],
    expect: { lines: ["HEADERS 1 200", "DATA 1 8 END"] },
  },
  {
    section: "6.10",
    title: "CONTINUATION on the connection",
    send: [continuation(0, get)],
    expect: { goAway: "PROTOCOL_ERROR" },
  },
  {
    section: "6.10",
    title: "CONTINUATION after a block that was whole",
    send: [headers(1, post), continuation(1, ["x: 1"])],
    expect: { goAway: "PROTOCOL_ERROR" },
  },
  {
    section: "6.10",
    title: "CONTINUATION after DATA",
    send: [headers(1, post), data(1, "x"), continuation(1, ["x: 1"])],
    expect: { goAway: "PROTOCOL_ERROR" },
  },
  {
    section: "6.10",
    title: "eight CONTINUATION frames, some of them empty",
    send: [
      headers(1, none, { end: true, more: true }),
      ...get.map((line) => continuation(1, [line], { more: true })),
      ...new Array(3).fill(continuation(1, none, { more: true })),
      continuation(1, none),
    ],
    expect: { lines: answered },
  },
  {
    section: "6.10",
    title: "trailers in pieces",
    send: [headers(1, post), headers(1, ["x-a: 1"], { end: true, more: true }), continuation(1, ["x-b: 2"])],
    expect: { lines: ["HEADERS 1 200", "DATA 1 8 END"] },
  },
];
