/**
 * Every flood ends within its burst, and honest traffic that looks like one lives.
 * @module
 */
import { strict as assert } from "node:assert";
import type { Http2Fault } from "./fault.ts";
import type { Http2Limits } from "./limits.ts";
import {
  continuation,
  data,
  frame,
  headers,
  hex,
  join,
  ping,
  priority,
  rst,
  settings,
  settingsAck,
  text,
  windowUpdate,
} from "./testing/raw_frames.ts";
import { get, post, servedPeer } from "./testing/served_peer.ts";

interface Flood {
  name: string;
  fault: Http2Fault;
  /** Sent before. */
  first?: Uint8Array[];
  /** The n-th piece of the flood, n from 0. */
  piece(n: number): Uint8Array;
  /** After this many pieces it must be over. */
  most: number;
  limits?: Partial<Http2Limits>;
  respond?: boolean;
}

const id = (n: number) => 2 * n + 1;

const floods: Flood[] = [
  {
    name: "rapid reset (CVE-2023-44487)",
    fault: "reset_flood",
    piece: (n) => join(headers(id(n), get, { end: true }), rst(id(n))),
    most: 1001,
  },
  {
    name: "rapid reset of answered streams",
    fault: "reset_flood",
    piece: (n) => join(headers(id(n), post), rst(id(n))),
    respond: true,
    most: 1001,
  },
  {
    name: "resets the peer provokes by WINDOW_UPDATE (CVE-2025-8671)",
    fault: "reset_flood",
    piece: (n) => join(headers(id(n), get, { end: true }), windowUpdate(id(n), 0)),
    most: 1001,
  },
  {
    name: "resets the peer provokes by DATA after the end",
    fault: "reset_flood",
    piece: (n) => join(headers(id(n), get, { end: true }), data(id(n), "x")),
    most: 1001,
  },
  {
    name: "malformed requests",
    fault: "reset_flood",
    piece: (n) => headers(id(n), ["x: 1"], { end: true }),
    most: 1001,
  },
  {
    name: "HEADERS of nothing but padding",
    fault: "reset_flood",
    piece: (n) => headers(id(n), new Uint8Array(0), { end: true, pad: 255 }),
    most: 1001,
  },
  {
    name: "streams above the limit",
    fault: "reset_flood",
    limits: { maxConcurrentStreams: 10 },
    piece: (n) => headers(id(n), get, { end: true }),
    most: 1011,
  },
  {
    name: "field lists above the limit",
    fault: "reset_flood",
    limits: { maxHeaderListBytes: 1000 },
    piece: (n) => headers(id(n), [...get, `x: ${"a".repeat(1000)}`], { end: true }),
    most: 1001,
  },
  {
    // Each of the fields is one octet that stands for 4000 of the table.
    name: "HPACK bombs",
    fault: "hpack_bomb",
    piece: (n) =>
      headers(
        id(n),
        n === 0 ? join(hex("40 01 78 7f a1 1e"), new Uint8Array(4000).fill(97)) : hex("be".repeat(16_000)),
        { end: true },
      ),
    most: 2,
  },
  {
    name: "CONTINUATION (CVE-2024-27316)",
    fault: "continuation_flood",
    first: [headers(1, get, { more: true })],
    piece: () => continuation(1, ["x: 1"], { more: true }),
    most: 9,
  },
  {
    name: "CONTINUATION of nothing",
    fault: "continuation_flood",
    first: [headers(1, get, { more: true })],
    piece: () => continuation(1, [], { more: true }),
    most: 9,
  },
  {
    name: "CONTINUATION of much",
    fault: "continuation_flood",
    first: [headers(1, get, { more: true })],
    piece: () => continuation(1, new Uint8Array(16_384), { more: true }),
    most: 3,
  },
  { name: "PING", fault: "ping_flood", piece: () => ping(), most: 2001 },
  { name: "PING with ACK", fault: "ignored_frame_flood", piece: () => ping("whatever", true), most: 2001 },
  { name: "SETTINGS (CVE-2019-9515)", fault: "settings_flood", piece: () => settings([4, 65_535]), most: 100 },
  {
    name: "SETTINGS with many settings",
    fault: "settings_flood",
    piece: () => settings(...new Array<[number, number]>(2000).fill([0xaaaa, 1])),
    most: 3,
  },
  { name: "acknowledgements of SETTINGS", fault: "ignored_frame_flood", piece: () => settingsAck, most: 2001 },
  { name: "PRIORITY (CVE-2019-9513)", fault: "ignored_frame_flood", piece: (n) => priority(id(n)), most: 2001 },
  { name: "unknown frames", fault: "ignored_frame_flood", piece: () => frame(0xbb, 0, 0, text("?")), most: 2001 },
  {
    name: "empty DATA (CVE-2019-9518)",
    fault: "empty_data_flood",
    first: [headers(1, post)],
    piece: () => data(1, ""),
    most: 201,
  },
  {
    name: "DATA of nothing but padding",
    fault: "empty_data_flood",
    first: [headers(1, post)],
    piece: () => data(1, "", { pad: 255 }),
    most: 201,
  },
  { name: "WINDOW_UPDATE", fault: "window_update_flood", piece: () => windowUpdate(0, 1), most: 5001 },
  {
    name: "WINDOW_UPDATE of a stream that is over",
    fault: "window_update_flood",
    first: [headers(1, get, { end: true }), rst(1)],
    piece: () => windowUpdate(1, 1),
    most: 5001,
  },
  {
    name: "windows opened by crumbs (CVE-2019-9511)",
    fault: "window_crumbs",
    first: [settings([4, 0]), headers(1, get, { end: true })],
    respond: true,
    piece: () => windowUpdate(1, 1),
    most: 1001,
  },
  {
    name: "DATA for a stream that was reset",
    fault: "ignored_frame_flood",
    first: [headers(1, [...post, "content-length: 0"]), data(1, "x")],
    piece: () => data(1, ""),
    most: 2001,
  },
  {
    name: "RST_STREAM of a stream that is over",
    fault: "ignored_frame_flood",
    first: [headers(1, get, { end: true }), rst(1)],
    piece: () => rst(1),
    most: 2001,
  },
];

for (const flood of floods) {
  Deno.test(`Http2ServerConnection ends a flood of ${flood.name}`, async () => {
    await using served = await servedPeer({
      limits: flood.limits ?? {},
      onRequest: (stream) => {
        if (!flood.respond) return;
        stream.respond(200, [], false);
        // What doesn't fit the windows fails with the stream.
        Promise.resolve(stream.write(new Uint8Array(50_000))).catch(() => {});
      },
    });
    const { peer, connection } = served;
    await peer.send(...flood.first ?? []);
    for (let n = 0; n < flood.most; n++) await peer.send(flood.piece(n));
    await peer.settle();
    assert.equal(connection.fault, flood.fault, connection.error?.message ?? "no error");
    assert.equal(peer.seen.at(-1)?.split(" ")[2], "ENHANCE_YOUR_CALM");
    assert.ok(!await peer.read(() => false), "the connection must end");
    assert.equal(connection.streams, 0);
  });
}

Deno.test("Http2ServerConnection lives through 10 000 cancelled calls in two minutes", async () => {
  await using served = await servedPeer();
  const { peer, connection } = served;
  for (let n = 0; n < 10_000; n++) {
    await peer.send(headers(id(n), get, { end: true }), rst(id(n)));
    if (n % 100 === 99) served.later(1200);
  }
  await peer.settle();
  assert.equal(connection.fault, null);
  assert.equal(served.requests.length, 10_000);
});

Deno.test("Http2ServerConnection lives through a WINDOW_UPDATE for each DATA frame, twice", async () => {
  await using served = await servedPeer({
    onRequest: (stream) => {
      stream.respond(200, [], false);
      void stream.write(new Uint8Array(100_000_000), true);
    },
  });
  const { peer, connection } = served;
  await peer.send(headers(1, get, { end: true }));
  for (let had = 0; had < 100_000_000;) {
    await peer.read(() => (peer.bodies.get(1) ?? 0) > had);
    const more = (peer.bodies.get(1) ?? 0) - had;
    had += more;
    for (let left = more; left > 0; left -= 16_384) {
      await peer.send(windowUpdate(0, Math.min(left, 16_384)), windowUpdate(1, Math.min(left, 16_384)));
    }
  }
  assert.equal(connection.fault, null);
});

Deno.test("Http2ServerConnection stops queueing answers for a peer that doesn't read", async () => {
  await using served = await servedPeer({ limits: { pings: { perSecond: 1e6, burst: 1e6 } } });
  const { peer, connection } = served;
  peer.transport.stuffed = true;
  for (let n = 0; n < 5000; n++) await peer.send(ping());
  // 64 KiB of answers are 3855 PINGs.
  await peer.read(() => connection.fault !== null);
  assert.equal(connection.fault, "control_queue");
});

Deno.test("Http2ServerConnection doesn't read from a peer that doesn't take its responses", async () => {
  await using served = await servedPeer({
    limits: { maxConcurrentStreams: 1000 },
    onRequest: (stream) => stream.respond(200, ["x-large", "a".repeat(10_000)], true),
  });
  const { peer, connection, requests } = served;
  peer.transport.stuffed = true;
  for (let n = 0; n < 500; n++) await peer.send(headers(id(n), get, { end: true }));
  // What is written is at most what may be queued, one answer more, and what was being taken.
  await peer.read(() => requests.length > 25);
  assert.ok(requests.length < 60, `${requests.length} requests were answered`);
  peer.transport.unstuff();
  await peer.settle();
  assert.equal(requests.length, 500);
  assert.equal(connection.fault, null);
});

Deno.test("Http2ServerConnection is over in time though it waits for a peer that takes nothing", async () => {
  for (const end of ["transport", "code"]) {
    await using served = await servedPeer({
      onRequest: (stream) => stream.respond(200, ["x-large", "a".repeat(10_000)], true),
    });
    const { peer, connection, transport, running } = served;
    peer.transport.stuffed = true;
    for (let n = 0; n < 100; n++) await peer.send(headers(id(n), get, { end: true }));
    await peer.read(() => transport.writes.length > 2);
    served.later(0);
    if (end === "transport") served.later(60_000);
    else {
      connection.destroy(0);
      served.later(1000);
    }
    await running;
    assert.ok(transport.closed);
  }
});
