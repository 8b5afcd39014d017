/**
 * RFC 9113 §5.2 and §6.9: windows, of both sides.
 * @module
 */
import { data, frame, headers, hex, rst, settings, windowUpdate } from "../raw_frames.ts";
import type { RawPeer } from "../raw_peer.ts";
import { get, getPath, post, type ServerCase } from "./server_case.ts";

const big = headers(1, getPath("/big"), { end: true });
const whole = headers(1, get, { end: true });
const hanging = [":method: POST", ":scheme: http", ":path: /hang", ":authority: a.example"];
const full = new Uint8Array(16_384);

/** Checks how much of a body has come once everything was handled. */
function received(id: number, octets: number): (peer: RawPeer) => Promise<void> {
  return async (peer) => {
    await peer.settle();
    const had = peer.bodies.get(id) ?? 0;
    if (had !== octets) throw new Error(`${had} octets of stream ${id} have come, not ${octets}`);
  };
}

export const flowControl: ServerCase[] = [
  {
    section: "6.9",
    title: "WINDOW_UPDATE of 3 octets",
    send: [frame(8, 0, 0, hex("000001"))],
    expect: { goAway: "FRAME_SIZE_ERROR" },
  },
  {
    section: "6.9",
    title: "WINDOW_UPDATE of 5 octets on a stream",
    send: [headers(1, post), frame(8, 0, 1, hex("0000000100"))],
    expect: { goAway: "FRAME_SIZE_ERROR" },
  },
  {
    section: "6.9",
    title: "an increment of 0 on the connection",
    send: [windowUpdate(0, 0)],
    expect: { goAway: "PROTOCOL_ERROR" },
  },
  {
    section: "6.9",
    title: "an increment of 0 on a stream",
    send: [headers(1, post), windowUpdate(1, 0)],
    expect: { reset: [1, "PROTOCOL_ERROR"] },
  },
  {
    section: "6.9.1",
    title: "the connection's window up to 2^31-1",
    send: [windowUpdate(0, 0x7fffffff - 65_535), whole],
    expect: { lines: ["DATA 1 5 END"] },
  },
  {
    section: "6.9.1",
    title: "the connection's window above 2^31-1",
    send: [windowUpdate(0, 0x7fffffff - 65_534)],
    expect: { goAway: "FLOW_CONTROL_ERROR" },
  },
  {
    section: "6.9.1",
    title: "the connection's window above 2^31-1 by many steps",
    send: [windowUpdate(0, 0x40000000), windowUpdate(0, 0x40000000)],
    expect: { goAway: "FLOW_CONTROL_ERROR" },
  },
  {
    section: "6.9.1",
    title: "a stream's window above 2^31-1",
    send: [headers(1, post), windowUpdate(1, 0x7fffffff)],
    expect: { reset: [1, "FLOW_CONTROL_ERROR"] },
  },
  {
    section: "6.9.1",
    title: "a stream's window above 2^31-1 while it is being answered",
    send: [big, windowUpdate(1, 0x7fffffff), windowUpdate(1, 1)],
    expect: { reset: [1, "FLOW_CONTROL_ERROR"] },
  },
  {
    section: "6.9.1",
    title: "no more than the connection's window is sent",
    send: [
      big,
      received(1, 65_535),
      windowUpdate(1, 100_000),
      received(1, 65_535),
      windowUpdate(0, 1),
      received(1, 65_536),
    ],
    expect: { lines: ["HEADERS 1 200"] },
  },
  {
    section: "6.9.1",
    title: "no more than the stream's window is sent",
    send: [
      settings([4, 10]),
      big,
      received(1, 10),
      windowUpdate(1, 5),
      received(1, 15),
      windowUpdate(0, 100_000),
      received(1, 15),
    ],
    expect: { lines: ["HEADERS 1 200", "DATA 1 10", "DATA 1 5"] },
  },
  {
    section: "6.9.1",
    title: "a stream without window doesn't hold up another",
    send: [
      settings([4, 0]),
      headers(1, get, { end: true }),
      headers(3, get, { end: true }),
      windowUpdate(3, 5),
      received(3, 5),
      received(1, 0),
    ],
    expect: { lines: ["DATA 3 5 END"] },
  },
  {
    section: "6.9.1",
    title: "HEADERS and an empty end need no window",
    send: [settings([4, 0]), headers(1, getPath("/trailers"), { end: true })],
    expect: { lines: ["HEADERS 1 200", "HEADERS 1 trailers END"] },
  },
  {
    section: "6.9.1",
    title: "DATA above the stream's window",
    limits: { initialWindowBytes: 70_000 },
    send: [headers(1, hanging), ...new Array(4).fill(data(1, full)), data(1, full.subarray(0, 4465))],
    expect: { reset: [1, "FLOW_CONTROL_ERROR"] },
  },
  {
    section: "6.9.1",
    title: "DATA up to the stream's window",
    limits: { initialWindowBytes: 70_000 },
    send: [headers(1, hanging), ...new Array(4).fill(data(1, full)), data(1, full.subarray(0, 4464)), rst(1)],
    expect: { lines: [] },
  },
  {
    section: "6.9.1",
    title: "padding counts against the stream's window",
    limits: { initialWindowBytes: 65_535 },
    send: [headers(1, hanging), ...new Array(3).fill(data(1, full)), data(1, full.subarray(0, 16_381), { pad: 2 })],
    expect: { reset: [1, "FLOW_CONTROL_ERROR"] },
  },
  {
    section: "6.9.1",
    title: "DATA above the connection's window",
    limits: { connectionWindowBytes: 65_535, initialWindowBytes: 65_535 },
    send: [
      headers(1, hanging),
      ...new Array(3).fill(data(1, full)),
      headers(3, hanging),
      data(3, full),
    ],
    expect: { goAway: "FLOW_CONTROL_ERROR" },
  },
  {
    section: "6.9.1",
    title: "what streams that were reset held goes back to the connection's window",
    limits: { connectionWindowBytes: 65_535, initialWindowBytes: 65_535 },
    send: [
      headers(1, hanging),
      ...new Array(3).fill(data(1, full)),
      rst(1),
      headers(3, hanging),
      ...new Array(3).fill(data(3, full)),
      rst(3),
      headers(5, post),
      data(5, full, { end: true }),
    ],
    expect: { lines: ["WINDOW_UPDATE 0 49152", "HEADERS 5 200", "DATA 5 12 END"] },
  },
  {
    section: "6.9.1",
    title: "padding is given back at once",
    limits: { connectionWindowBytes: 65_535, initialWindowBytes: 65_535 },
    send: [headers(1, hanging), ...new Array(200).fill(data(1, "", { pad: 255 })), headers(3, get, { end: true })],
    expect: { lines: ["WINDOW_UPDATE 0 32768", "WINDOW_UPDATE 1 32768", "DATA 3 5 END"] },
  },
  {
    section: "6.9.2",
    title: "a smaller initial window makes a stream's negative",
    send: [
      settings([4, 20]),
      big,
      received(1, 20),
      settings([4, 5]),
      windowUpdate(1, 15),
      received(1, 20),
      windowUpdate(1, 1),
      received(1, 21),
    ],
    expect: { lines: ["HEADERS 1 200", "DATA 1 20", "DATA 1 1"] },
  },
  {
    section: "6.9.2",
    title: "a larger initial window lets waiting streams go on",
    send: [
      settings([4, 0]),
      whole,
      received(1, 0),
      settings([4, 3]),
      received(1, 3),
      settings([4, 100]),
      received(1, 5),
    ],
    expect: { lines: ["DATA 1 3", "DATA 1 2 END"] },
  },
  {
    section: "6.9.2",
    title: "a larger initial window that lets a stream's overflow",
    send: [headers(1, hanging), windowUpdate(1, 0x7fffffff - 65_535), settings([4, 65_536])],
    expect: { goAway: "FLOW_CONTROL_ERROR" },
  },
  {
    section: "6.9.2",
    title: "SETTINGS don't change the connection's window",
    send: [settings([4, 0x7fffffff]), big, received(1, 65_535)],
    expect: { lines: ["HEADERS 1 200"] },
  },
  {
    section: "6.9.2",
    title: "until SETTINGS are acknowledged a stream may send by the RFC's window",
    bare: true,
    limits: { initialWindowBytes: 10 },
    send: [
      new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
      settings(),
      headers(1, hanging),
      data(1, full),
      frame(4, 1, 0, new Uint8Array(0)),
      headers(3, get, { end: true }),
    ],
    expect: { lines: ["DATA 3 5 END"] },
  },
  {
    section: "6.9.2",
    title: "once SETTINGS are acknowledged it may not",
    limits: { initialWindowBytes: 10 },
    send: [headers(1, hanging), data(1, "12345678901")],
    expect: { reset: [1, "FLOW_CONTROL_ERROR"] },
  },
];
