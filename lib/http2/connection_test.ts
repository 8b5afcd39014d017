/**
 * A connection's course: drain, close, time-outs; and what leaves together.
 * @module
 */
import { strict as assert } from "node:assert";
import { errorCodes } from "./errors.ts";
import { settings as settingIds } from "./frame.ts";
import { Http2ServerConnection } from "./server.ts";
import { StreamReset } from "./stream.ts";
import { MemoryTransport } from "./testing/memory_transport.ts";
import { RawPeer } from "./testing/raw_peer.ts";
import { data, goAway, headers, join, ping, preface, rst, settings, settingsAck, text } from "./testing/raw_frames.ts";
import { get, post, servedPeer } from "./testing/served_peer.ts";

Deno.test("Http2ServerConnection.run announces its limits first", async () => {
  await using served = await servedPeer({ limits: { maxConcurrentStreams: 7, maxFrameBytes: 20_000 } });
  assert.deepEqual(
    [...served.peer.settings],
    [
      [settingIds.maxConcurrentStreams, 7],
      [settingIds.initialWindowSize, 262_144],
      [settingIds.maxHeaderListSize, 32_768],
      [settingIds.noRfc7540Priorities, 1],
      [settingIds.maxFrameSize, 20_000],
    ],
  );
  assert.deepEqual(served.peer.seen, ["WINDOW_UPDATE 0 983041"]);
});

Deno.test("Http2ServerConnection.drain refuses nothing that is on its way, and closes after the last stream", async () => {
  await using served = await servedPeer();
  const { peer, connection, requests } = served;
  await peer.send(headers(1, get, { end: true }));
  await peer.settle();
  connection.drain();
  await peer.expect("GOAWAY 2147483647 NO_ERROR");
  assert.ok(await peer.expect("PING drain\0\0\0"));
  await peer.send(headers(3, get, { end: true }));
  await peer.settle();
  assert.equal(requests.length, 2);
  await peer.send(ping("drain\0\0\0", true));
  assert.ok(await peer.expect("GOAWAY 3 NO_ERROR"));
  // Above the last one named: as if it had never come.
  await peer.send(headers(5, post), data(5, "body", { end: true }));
  await peer.settle();
  assert.equal(requests.length, 2);
  for (const request of requests) request.respond(200, [], true);
  assert.ok(!await peer.read(() => false));
  assert.deepEqual(peer.seen.slice(-2), ["HEADERS 3 200 END", "GOAWAY 3 NO_ERROR"]);
  await peer.transport.endWrite();
  await served.running;
  assert.equal(connection.fault, null);
});

Deno.test("Http2ServerConnection.drain is no leave to open streams without end", async () => {
  await using served = await servedPeer();
  const { peer, connection } = served;
  await peer.send(headers(1, get, { end: true }));
  await peer.settle();
  connection.drain();
  await peer.send(ping("drain\0\0\0", true));
  await peer.settle();
  for (let id = 3; id < 5000; id += 2) await peer.send(headers(id, get, { end: true }));
  assert.ok(await peer.expect("GOAWAY 1 ENHANCE_YOUR_CALM"));
  assert.equal(connection.fault, "ignored_frame_flood");
});

Deno.test("Http2ServerConnection.drain doesn't wait long for its PING", async () => {
  await using served = await servedPeer();
  served.connection.drain();
  await served.peer.expect("GOAWAY 2147483647 NO_ERROR");
  served.later(1000);
  assert.ok(await served.peer.expect("GOAWAY 0 NO_ERROR"));
  assert.ok(!await served.peer.read(() => false));
});

Deno.test("Http2ServerConnection.drain before run sends SETTINGS first, and no GOAWAY before they are acknowledged", async () => {
  const [ours, theirs] = MemoryTransport.pair();
  const connection = new Http2ServerConnection(theirs, { onRequest: () => {} });
  connection.drain();
  const running = connection.run();
  const peer = new RawPeer(ours);
  await peer.send(preface, settings());
  await peer.settle();
  assert.ok(peer.settings.size > 0);
  assert.ok(!peer.seen.some((line) => line.startsWith("GOAWAY")));
  await peer.send(settingsAck);
  assert.ok(await peer.expect("GOAWAY 2147483647 NO_ERROR"));
  ours.destroy();
  await running;
});

Deno.test("Http2ServerConnection closes the transport when the peer lingers after GOAWAY", async () => {
  await using served = await servedPeer();
  await served.peer.send(data(0, "x"));
  await served.peer.settle();
  served.later(999);
  assert.ok(!served.transport.closed);
  served.later(1);
  await served.running;
  assert.ok(served.transport.closed);
});

Deno.test("Http2ServerConnection.drain leaves a slow client the time to take its last response", async () => {
  await using served = await servedPeer();
  const { peer, connection, requests, transport } = served;
  await peer.send(headers(1, get, { end: true }));
  await peer.settle();
  connection.drain();
  await peer.send(ping("drain\0\0\0", true));
  await peer.settle();
  peer.transport.stuffed = true;
  const [request] = requests;
  request!.respond(200, [], false);
  await peer.expect("HEADERS 1 200");
  await request!.write(new Uint8Array(30_000), true);
  for (let seconds = 0; seconds < 30; seconds++) served.later(1000);
  assert.ok(!transport.closed);
  peer.transport.unstuff();
  await peer.read(() => false);
  assert.equal(peer.bodies.get(1), 30_000);
  // From here on it has a second to close.
  served.later(900);
  assert.ok(!transport.closed);
  served.later(200);
  assert.ok(transport.closed);
  assert.equal(connection.fault, null);
});

Deno.test("Http2ServerConnection.destroy tells the code, and every stream", async () => {
  await using served = await servedPeer();
  const { peer, connection, requests } = served;
  await peer.send(headers(1, post));
  await peer.settle();
  const codes: number[] = [];
  const [request] = requests;
  request!.onReset = (code) => codes.push(code);
  const reading = request!.read();
  connection.destroy(errorCodes.internalError);
  await assert.rejects(async () => await reading, StreamReset);
  assert.deepEqual(codes, [errorCodes.internalError]);
  await peer.expect("GOAWAY 1 INTERNAL_ERROR");
  assert.ok(!await peer.read(() => false));
  await assert.rejects(async () => await request!.write(text("x")), StreamReset);
});

Deno.test("Http2ServerConnection tells streams when the connection goes", async () => {
  await using served = await servedPeer();
  await served.peer.send(headers(1, post));
  await served.peer.settle();
  const [request] = served.requests;
  const reading = request!.read();
  served.peer.transport.destroy();
  await served.running;
  await assert.rejects(async () => await reading, new StreamReset(1, errorCodes.cancel));
  assert.equal(served.connection.fault, "transport");
});

Deno.test("Http2ServerConnection: an error in onRequest ends the connection as internal", async () => {
  await using served = await servedPeer({
    onRequest: () => {
      throw new Error("a fault of ours");
    },
  });
  await served.peer.send(headers(1, get, { end: true }));
  assert.ok(await served.peer.expect("GOAWAY 1 INTERNAL_ERROR"));
  assert.equal(served.connection.fault, "internal");
  assert.equal((served.connection.error!.cause as Error).message, "a fault of ours");
});

interface TimeOut {
  name: string;
  fault: string | null;
  /** Brings the connection into the state. */
  arrange(served: Awaited<ReturnType<typeof servedPeer>>): Promise<void>;
  ms: number;
  /** What the peer sees then. */
  line: string;
  bare?: boolean;
}

const timeOuts: TimeOut[] = [
  {
    name: "a peer that sends nothing",
    bare: true,
    fault: "settings_timeout",
    arrange: () => Promise.resolve(),
    ms: 10_000,
    line: "GOAWAY 0 SETTINGS_TIMEOUT",
  },
  {
    name: "a peer that doesn't acknowledge SETTINGS",
    bare: true,
    fault: "settings_timeout",
    arrange: ({ peer }) => peer.send(join(preface, settings())),
    ms: 10_000,
    line: "GOAWAY 0 SETTINGS_TIMEOUT",
  },
  {
    name: "a field block that doesn't end",
    fault: "header_block_timeout",
    arrange: ({ peer }) => peer.send(headers(1, get, { more: true })),
    ms: 10_000,
    line: "GOAWAY 0 ENHANCE_YOUR_CALM",
  },
  {
    name: "a peer that opens no window",
    fault: null,
    arrange: async ({ peer, requests }) => {
      await peer.send(settings([4, 0]), headers(1, get, { end: true }));
      await peer.settle();
      requests[0]!.respond(200, [], false);
      Promise.resolve(requests[0]!.write(text("x"))).catch(() => {});
    },
    ms: 60_000,
    line: "RST_STREAM 1 CANCEL",
  },
];

for (const { name, fault, arrange, ms, line, bare } of timeOuts) {
  Deno.test(`Http2ServerConnection gives ${name} ${ms} ms`, async () => {
    await using served = await servedPeer({ bare: bare ?? false });
    await arrange(served);
    await new Promise((resolve) => setTimeout(resolve, 0));
    served.later(ms - 1);
    assert.equal(served.connection.error, null);
    served.later(1);
    assert.ok(await served.peer.expect(line));
    assert.equal(served.connection.fault, fault);
  });
}

Deno.test("Http2ServerConnection cuts a peer that takes nothing off the transport for 60 s", async () => {
  await using served = await servedPeer();
  served.peer.transport.stuffed = true;
  await served.peer.send(ping());
  await served.peer.expect("PING pingping ACK");
  served.later(0);
  served.later(59_999);
  assert.ok(!served.transport.closed);
  served.later(1);
  assert.ok(served.transport.closed);
  assert.equal(served.connection.fault, "stalled_transport");
});

Deno.test("Http2ServerConnection closes in good order after idleMs without a stream", async () => {
  await using served = await servedPeer({ limits: { idleMs: 5000 } });
  const { peer } = served;
  served.later(4000);
  await peer.send(headers(1, get, { end: true }));
  await peer.settle();
  served.later(4000);
  served.requests[0]!.respond(200, [], true);
  served.later(4999);
  await peer.settle();
  assert.ok(!peer.seen.some((line) => line.startsWith("GOAWAY")));
  served.later(1);
  assert.ok(await peer.expect("GOAWAY 2147483647 NO_ERROR"));
});

Deno.test("Http2ServerConnection asks a silent peer for a sign of life after keepAliveMs, and cuts one that gives none", async () => {
  await using served = await servedPeer({ limits: { keepAliveMs: 5000, keepAliveTimeoutMs: 1000 } });
  const { peer, connection } = served;
  const asked = "PING alive\0\0\0";
  served.later(4999);
  await peer.settle();
  assert.ok(!peer.seen.includes(asked));
  served.later(5000);
  assert.ok(await peer.expect(asked));
  // Any frame is a sign; the PING that comes back late counts as no flood.
  await peer.settle();
  served.later(1000);
  await peer.send(ping("alive\0\0\0", true));
  await peer.settle();
  assert.equal(connection.fault, null);
  let reset = 0;
  await peer.send(headers(1, get, { end: true }));
  await peer.settle();
  served.requests[0]!.onReset = () => reset++;
  served.later(5000);
  served.later(999);
  assert.equal(connection.fault, null);
  served.later(1);
  await served.running;
  assert.deepEqual([connection.fault, reset], ["silent_peer", 1]);
});

Deno.test("Http2ServerConnection answers all requests of a chunk in one write", async () => {
  await using served = await servedPeer({
    onRequest: (stream) => {
      stream.respond(200, [], false);
      void stream.write(text("hello"), true);
    },
  });
  const { peer, transport } = served;
  const before = transport.writes.length;
  await peer.send(join(...[1, 3, 5, 7, 9].map((id) => headers(id, get, { end: true }))));
  await peer.expect("DATA 9 5 END");
  assert.equal(transport.writes.length - before, 1);
});

Deno.test("Http2ServerConnection sends what handlers write in one turn in one write", async () => {
  await using served = await servedPeer();
  const { peer, transport, requests } = served;
  await peer.send(headers(1, get, { end: true }), headers(3, get, { end: true }));
  await peer.settle();
  const before = transport.writes.length;
  for (const request of requests) {
    request.respond(200, [], false);
    void request.write(text("hello"));
    request.end(["x-sum", "1"]);
  }
  await peer.expect("HEADERS 3 trailers END");
  assert.equal(transport.writes.length - before, 1);
});

Deno.test("Http2ServerConnection leaves a client that says GOAWAY its open streams", async () => {
  await using served = await servedPeer();
  const { peer, requests } = served;
  await peer.send(headers(1, get, { end: true }), goAway(0, errorCodes.internalError));
  await peer.settle();
  requests[0]!.respond(200, [], true);
  assert.ok(await peer.expect("HEADERS 1 200 END"));
  assert.equal(served.connection.fault, "peer");
});

Deno.test("ServerStream.onReset hears of the peer's reset once, and nothing is sent for it", async () => {
  await using served = await servedPeer();
  const { peer, requests } = served;
  await peer.send(headers(1, post));
  await peer.settle();
  const codes: number[] = [];
  requests[0]!.onReset = (code) => codes.push(code);
  await peer.send(rst(1, errorCodes.cancel));
  await peer.settle();
  assert.deepEqual(codes, [errorCodes.cancel]);
  assert.ok(requests[0]!.closed);
  requests[0]!.respond(200, [], true);
  requests[0]!.end();
  requests[0]!.reset(errorCodes.cancel);
  await peer.settle();
  assert.deepEqual(peer.seen.slice(1), []);
});

Deno.test("ServerStream.respond refuses a second head and an end with an interim one", async () => {
  await using served = await servedPeer();
  await served.peer.send(headers(1, post));
  await served.peer.settle();
  const [request] = served.requests;
  assert.throws(() => request!.respond(103, [], true), /interim/);
  request!.respond(103, ["link", "<x>"], false);
  request!.respond(200, [], false);
  assert.throws(() => request!.respond(200, [], false), /already/);
  await served.peer.settle();
  assert.deepEqual(served.peer.seen.slice(1), ["HEADERS 1 103", "HEADERS 1 200"]);
});

Deno.test("ServerStream.respond ends the connection for a field that can't be sent", async () => {
  await using served = await servedPeer();
  await served.peer.send(headers(1, post));
  await served.peer.settle();
  assert.throws(() => served.requests[0]!.respond(200, ["x", "\u20ac"], false), RangeError);
  assert.ok(await served.peer.expect("GOAWAY 1 INTERNAL_ERROR"));
});

Deno.test("ServerStream.end ends the connection for a trailer that can't be sent, also when nobody is there to catch", async () => {
  await using served = await servedPeer();
  const { peer, requests } = served;
  await peer.send(headers(1, get, { end: true }));
  await peer.settle();
  peer.transport.stuffed = true;
  requests[0]!.respond(200, [], false);
  await peer.expect("HEADERS 1 200");
  // More than is queued behind a write that is under way: the trailers follow once that is done.
  const written = requests[0]!.write(new Uint8Array(64_000));
  requests[0]!.end(["x", "\u20ac"]);
  peer.transport.unstuff();
  await written;
  assert.ok(await peer.expect("GOAWAY 1 INTERNAL_ERROR"));
});
