/**
 * The client's side: how many streams, how it closes, and both sides of ours together.
 * @module
 */
import { strict as assert } from "node:assert";
import { Http2ClientConnection } from "./client.ts";
import { errorCodes } from "./errors.ts";
import type { Http2Limits } from "./limits.ts";
import { Http2ServerConnection } from "./server.ts";
import type { ServerStream } from "./server_stream.ts";
import { StreamReset } from "./stream.ts";
import { MemoryTransport } from "./testing/memory_transport.ts";
import { goAway, headers, preface, rst, settings, settingsAck, text } from "./testing/raw_frames.ts";
import { RawPeer } from "./testing/raw_peer.ts";

const get = { method: "GET", scheme: "http", authority: "a.example", path: "/", fields: [] };
const post = { ...get, method: "POST" };

/** A client and a server that is played by the test. */
async function played(limits: Partial<Http2Limits> = {}) {
  const [ours, theirs] = MemoryTransport.pair();
  const client = new Http2ClientConnection(ours, { limits });
  const running = client.run();
  const peer = new RawPeer(theirs);
  assert.deepEqual(await peer.take(preface.length), preface);
  return {
    client,
    peer,
    running,
    async [Symbol.asyncDispose]() {
      theirs.destroy();
      await running;
    },
  };
}

/** Our client on our server. */
function joined(onRequest: (stream: ServerStream) => void, extendedConnect = false) {
  const [ours, theirs] = MemoryTransport.pair();
  const client = new Http2ClientConnection(ours);
  const server = new Http2ServerConnection(theirs, { onRequest, extendedConnect });
  const running = Promise.all([client.run(), server.run()]);
  return {
    client,
    server,
    async [Symbol.asyncDispose]() {
      client.destroy();
      await running;
    },
  };
}

Deno.test("Http2ClientConnection.available follows the server's SETTINGS and the open streams", async () => {
  await using session = await played();
  const { client, peer } = session;
  assert.equal(client.available, 100);
  let told = 0;
  client.onAvailable = () => told++;
  await peer.send(settings([3, 2]), settingsAck);
  await peer.settle();
  assert.equal(client.available, 2);
  assert.ok(client.settled);
  assert.equal(told, 1);
  client.request(get, true);
  const second = client.request(get, true);
  assert.equal(client.available, 0);
  assert.throws(() => client.request(get, true), /available/);
  await peer.send(headers(1, [":status: 204"], { end: true }));
  await peer.settle();
  assert.equal(client.available, 1);
  second.reset(errorCodes.cancel);
  assert.equal(client.available, 2);
  assert.ok(await peer.expect("RST_STREAM 3 CANCEL"));
});

Deno.test("Http2ClientConnection.request refuses an extended CONNECT that the server doesn't take", async () => {
  await using session = await played();
  await session.peer.send(settings(), settingsAck);
  await session.peer.settle();
  assert.throws(() => session.client.request({ ...get, method: "CONNECT", protocol: "websocket" }, false), /8441/);
});

Deno.test("Http2ClientConnection.close finishes what is open, then says GOAWAY", async () => {
  await using session = await played();
  const { client, peer, running } = session;
  await peer.send(settings(), settingsAck);
  const stream = client.request(get, true);
  client.close();
  assert.equal(client.available, 0);
  await peer.send(headers(1, [":status: 204"], { end: true }));
  assert.equal((await stream.response()).status, 204);
  assert.ok(!await peer.read(() => false));
  assert.deepEqual(peer.seen.at(-1), "GOAWAY 0 NO_ERROR");
  await peer.transport.endWrite();
  await running;
  assert.equal(client.fault, null);
});

Deno.test("Http2ClientConnection takes no more streams after GOAWAY, and closes after the last", async () => {
  await using session = await played();
  const { client, peer, running } = session;
  await peer.send(settings(), settingsAck);
  const streams = [client.request(post, false), client.request(post, false), client.request(post, false)];
  const codes: number[] = [];
  for (const stream of streams) stream.onReset = (code) => codes.push(code);
  await peer.send(goAway(3));
  await peer.settle();
  assert.equal(client.available, 0);
  assert.deepEqual(streams.map((stream) => stream.refused), [false, false, true]);
  assert.deepEqual(codes, [errorCodes.refusedStream]);
  for (const stream of streams.slice(0, 2)) stream.end();
  await peer.send(headers(1, [":status: 204"], { end: true }), headers(3, [":status: 204"], { end: true }));
  assert.ok(!await peer.read(() => false));
  await peer.transport.endWrite();
  await running;
});

Deno.test("Http2ClientConnection.ping settles with its answer, and fails with the connection", async () => {
  await using session = await played();
  const { client, peer } = session;
  await peer.send(settings(), settingsAck);
  const first = client.ping();
  await peer.expect("PING \0\0\0\0\0\0\0\x01");
  await peer.send(Uint8Array.of(0, 0, 8, 6, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1));
  await first;
  const second = client.ping();
  client.destroy();
  await assert.rejects(second, StreamReset);
});

Deno.test("ClientStream.write fails with NO_ERROR when the response is whole and no more is wanted", async () => {
  await using session = await played();
  const { client, peer } = session;
  await peer.send(settings([4, 3]), settingsAck);
  const stream = client.request(post, false);
  const codes: number[] = [];
  stream.onReset = (code) => codes.push(code);
  await peer.settle();
  const writing = stream.write(text("hello"));
  await peer.send(headers(1, [":status: 413"], { end: true }), rst(1, 0));
  await assert.rejects(async () => await writing, new StreamReset(1, 0));
  assert.equal((await stream.response()).status, 413);
  assert.equal(await stream.read(), null);
  await assert.rejects(async () => await stream.write(text("x")), new StreamReset(1, 0));
  assert.deepEqual(codes, []);
});

Deno.test("Http2ClientConnection and Http2ServerConnection carry 20 MB both ways at once, with trailers", async () => {
  const length = 20_000_000;
  await using session = joined((stream) => {
    void (async () => {
      stream.respond(103, ["link", "<x>"], false);
      stream.respond(200, ["x-echo", "1"], false);
      for (let chunk = await stream.read(); chunk !== null; chunk = await stream.read()) await stream.write(chunk);
      stream.end(["x-request-trailers", stream.trailers!.join(": ")]);
    })();
  });
  const stream = session.client.request(post, false);
  const interim: number[] = [];
  stream.onInterim = (status) => interim.push(status);
  const upload = (async () => {
    const chunk = new Uint8Array(100_000);
    for (let sent = 0; sent < length; sent += chunk.length) {
      chunk.fill(sent / chunk.length);
      await stream.write(chunk);
    }
    stream.end(["x-sum", "1"]);
  })();
  const response = await stream.response();
  assert.deepEqual([response.status, response.fields], [200, ["x-echo", "1"]]);
  let received = 0;
  for (let chunk = await stream.read(); chunk !== null; chunk = await stream.read()) {
    for (let at = 0; at < chunk.length; at += 997) {
      assert.equal(chunk[at], Math.floor((received + at) / 100_000) & 255);
    }
    received += chunk.length;
  }
  await upload;
  assert.equal(received, length);
  assert.deepEqual(stream.trailers, ["x-request-trailers", "x-sum: 1"]);
  assert.deepEqual(interim, [103]);
});

Deno.test("Http2ClientConnection opens a WebSocket's tunnel (RFC 8441)", async () => {
  await using session = joined((stream) => {
    assert.equal(stream.protocol, "websocket");
    stream.respond(200, [], false);
    void (async () => {
      for (let chunk = await stream.read(); chunk !== null; chunk = await stream.read()) await stream.write(chunk);
      stream.end();
    })();
  }, true);
  await new Promise<void>((resolve) => session.client.onAvailable = resolve);
  const stream = session.client.request({ ...get, method: "CONNECT", protocol: "websocket" }, false);
  assert.equal((await stream.response()).status, 200);
  await stream.write(text("hello"));
  assert.deepEqual(await stream.read(), text("hello"));
  stream.end();
  assert.equal(await stream.read(), null);
});

Deno.test("Http2ClientConnection passes a drain of the server without a lost request", async () => {
  await using session = joined((stream) => stream.respond(204, [], true));
  const { client, server } = session;
  let answered = 0;
  while (client.available > 0) {
    const stream = client.request(get, true);
    if (answered === 5) server.drain();
    assert.equal((await stream.response()).status, 204);
    answered++;
  }
  assert.ok(answered >= 6);
});

Deno.test("A field that came as never indexed is passed on as such (RFC 7541 §6.2.3)", async () => {
  const secret = new Set(["x-secret"]);
  const came: (string[] | null)[] = [];
  await using session = joined((stream) => {
    came.push(stream.neverIndexed === null ? null : [...stream.neverIndexed]);
    stream.respond(200, ["x-secret", "b"], true, stream.neverIndexed);
  });
  for (const neverIndexed of [secret, null]) {
    const stream = session.client.request({ ...get, fields: ["x-secret", "a"], neverIndexed }, true);
    const response = await stream.response();
    came.push(response.neverIndexed === null ? null : [...response.neverIndexed]);
  }
  assert.deepEqual(came, [["x-secret"], ["x-secret"], null, null]);
});
