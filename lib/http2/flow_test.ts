/**
 * Flow control from reader to writer: what isn't read isn't credited, and who waits doesn't hold up who doesn't.
 * @module
 */
import { strict as assert } from "node:assert";
import { BodyQueue } from "./body_queue.ts";
import { errorCodes } from "./errors.ts";
import { ReceiveWindow } from "./receive_window.ts";
import { StreamReset } from "./stream.ts";
import { data, headers, rst, settings, text, windowUpdate } from "./testing/raw_frames.ts";
import { get, post, servedPeer } from "./testing/served_peer.ts";

const full = new Uint8Array(16_384);
const frames = (id: number, count: number) => new Array<Uint8Array>(count).fill(data(id, full));

Deno.test("ServerStream.read gives credit for what was taken at the next read, and not before", async () => {
  await using served = await servedPeer({ limits: { initialWindowBytes: 65_536 } });
  const { peer, requests } = served;
  await peer.send(headers(1, post), ...frames(1, 4));
  await peer.settle();
  assert.deepEqual(peer.seen, ["WINDOW_UPDATE 0 983041"]);
  const [request] = requests;
  assert.equal((await request!.read())!.length, 16_384);
  assert.equal((await request!.read())!.length, 16_384);
  await peer.settle();
  // The peer has nothing left on the stream, so every frame that is read is announced; the connection has enough.
  assert.deepEqual(peer.seen.slice(1), ["WINDOW_UPDATE 1 16384"]);
});

Deno.test("ServerStream.read answers without a promise when bytes are at hand", async () => {
  await using served = await servedPeer();
  await served.peer.send(headers(1, post), data(1, "abc"), data(1, "def", { end: true }));
  await served.peer.settle();
  const [request] = served.requests;
  // Small frames are packed together.
  const chunk = request!.read();
  assert.ok(chunk instanceof Uint8Array);
  assert.ok(["abc", "abcdef"].includes(String.fromCharCode(...chunk)));
});

Deno.test("Http2ServerConnection lets others go on while three streams aren't read", async () => {
  await using served = await servedPeer();
  const { peer, requests } = served;
  // Three full stream windows are three quarters of the connection's.
  for (const id of [1, 3, 5]) await peer.send(headers(id, post), ...frames(id, 16));
  await peer.send(headers(7, post));
  await peer.settle();
  let read = 0;
  const reading = (async () => {
    for (;;) {
      const chunk = await requests[3]!.read();
      if (chunk === null) return;
      read += chunk.length;
    }
  })();
  for (let round = 0; round < 40; round++) {
    await peer.send(...frames(7, 8));
    await peer.settle();
  }
  await peer.send(data(7, "", { end: true }));
  await reading;
  assert.equal(read, 40 * 8 * 16_384);
  assert.equal(served.connection.error, null);
});

Deno.test("Http2ServerConnection gives the connection's credit for what a reset or answered stream held", async () => {
  await using served = await servedPeer({ limits: { connectionWindowBytes: 131_072, initialWindowBytes: 131_072 } });
  const { peer, requests } = served;
  await peer.send(headers(1, post), ...frames(1, 4));
  await peer.settle();
  requests[0]!.reset(errorCodes.cancel);
  await peer.expect("WINDOW_UPDATE 0 65536");
  await peer.send(headers(3, post), ...frames(3, 3), data(3, full, { end: true }));
  await peer.settle();
  requests[1]!.respond(200, [], true);
  await peer.read(() => peer.seen.filter((line) => line === "WINDOW_UPDATE 0 65536").length === 2);
  // The body came whole, but what wasn't read is gone, and a reader must not take that for its end.
  await assert.rejects(async () => await requests[1]!.read(), new StreamReset(3, errorCodes.noError));
});

Deno.test("ServerStream.write settles under both windows, and fails with the stream", async () => {
  await using served = await servedPeer();
  const { peer, requests } = served;
  await peer.send(settings([4, 10]), headers(1, get, { end: true }));
  await peer.settle();
  const [request] = requests;
  request!.respond(200, [], false);
  assert.equal(request!.write(text("12345")), undefined);
  let settled = false;
  const writing = Promise.resolve(request!.write(text("6789012345"))).then(() => settled = true);
  assert.throws(() => request!.write(text("x")), /already/);
  await peer.settle();
  assert.ok(!settled);
  await peer.send(windowUpdate(1, 5));
  await writing;
  const last = request!.write(text("x"));
  await peer.send(rst(1));
  await assert.rejects(async () => await last, new StreamReset(1, errorCodes.cancel));
});

Deno.test("ServerStream.end follows what is being written", async () => {
  await using served = await servedPeer();
  const { peer, requests } = served;
  await peer.send(settings([4, 3]), headers(1, get, { end: true }));
  await peer.settle();
  requests[0]!.respond(200, [], false);
  void requests[0]!.write(text("hello"));
  requests[0]!.end(["x-sum", "1"]);
  await peer.send(windowUpdate(1, 10));
  assert.ok(await peer.expect("HEADERS 1 trailers END"));
  assert.deepEqual(peer.seen.slice(1), ["HEADERS 1 200", "DATA 1 3", "DATA 1 2", "HEADERS 1 trailers END"]);
});

Deno.test("Http2ServerConnection lets streams send in turn", async () => {
  await using served = await servedPeer();
  const { peer, requests } = served;
  await peer.send(settings([4, 1 << 20]));
  for (const id of [1, 3, 5]) await peer.send(headers(id, get, { end: true }));
  await peer.settle();
  for (const request of requests) {
    request.respond(200, [], false);
    void request.write(new Uint8Array(160_000), true);
  }
  await peer.send(windowUpdate(0, 1 << 20));
  await peer.read(() => [1, 3, 5].every((id) => peer.bodies.get(id) === 160_000));
  const turns = peer.seen.filter((line) => line.startsWith("DATA")).map((line) => line.split(" ")[1]);
  // The first filled the queue while it was alone; then each has its frame, until the first has no more.
  const rest = turns.slice(turns.indexOf("3"));
  for (let at = 0; at + 3 <= 18; at += 3) {
    assert.equal(new Set(rest.slice(at, at + 3)).size, 3, `turns ${rest.join(" ")}`);
  }
});

Deno.test("Http2ServerConnection queues no more DATA than it may for a peer that doesn't read", async () => {
  await using served = await servedPeer();
  const { peer, requests, transport } = served;
  await peer.send(settings([4, 1 << 30]), windowUpdate(0, 1 << 30), headers(1, get, { end: true }));
  await peer.settle();
  peer.transport.stuffed = true;
  const before = transport.writes.length;
  requests[0]!.respond(200, [], false);
  const writing = requests[0]!.write(new Uint8Array(10_000_000));
  assert.ok(writing instanceof Promise);
  writing.catch(() => {});
  await peer.read(() => peer.bodies.size > 0);
  await new Promise((resolve) => setTimeout(resolve, 10));
  assert.deepEqual(transport.writes.slice(before).length, 1);
  assert.ok(transport.writes.at(-1)! < 64 * 1024 + 100);
});

Deno.test("BodyQueue packs frames of one octet together", () => {
  const queue = new BodyQueue();
  for (let n = 0; n < 40_000; n++) queue.push(Uint8Array.of(n));
  assert.equal(queue.length, 40_000);
  const sizes: number[] = [];
  let n = 0;
  for (let view = queue.take(); view !== null; view = queue.take()) {
    sizes.push(view.length);
    for (const octet of view) assert.equal(octet, n++ & 255);
  }
  assert.deepEqual(sizes, [1, 16_384, 16_384, 7231]);
  assert.equal(queue.length, 0);
});

Deno.test("BodyQueue.clear says what it dropped and is of use again", () => {
  const queue = new BodyQueue();
  queue.push(new Uint8Array(5000));
  queue.push(new Uint8Array(20_000));
  queue.take();
  assert.equal(queue.clear(), 25_000 - 16_384);
  queue.push(text("abc"));
  assert.deepEqual(queue.take(), text("abc"));
});

Deno.test("ReceiveWindow announces what is as much as is left, and refuses more than it has", () => {
  const window = new ReceiveWindow(100);
  assert.ok(window.receive(60));
  assert.ok(!window.receive(41));
  assert.equal(window.release(39), 0);
  assert.equal(window.release(1), 40);
  assert.equal(window.left, 80);
  assert.ok(window.receive(80));
  assert.equal(window.release(1), 1);
  window.shift(-80);
  assert.equal(window.left, -79);
  assert.ok(!window.receive(1));
  assert.ok(window.receive(0));
});
