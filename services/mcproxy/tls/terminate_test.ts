import assert from "node:assert/strict";
import { createSecureContext } from "node:tls";
import { systemClock } from "@lib/clock/mod.ts";
import { throwawayCa } from "@lib/testing/mod.ts";
import { Deadlines } from "../stream/deadlines.ts";
import type { TlsStream } from "../stream/tls_stream.ts";
import { terminate } from "./terminate.ts";

const ca = await throwawayCa();
const { cert, key } = await ca.issue(["a.test"]);
const context = createSecureContext({ cert, key, minVersion: "TLSv1.3" });
const encoder = new TextEncoder();
const decoder = new TextDecoder();
/** Far above what two kernels' socket buffers hold on loopback (some 6 MB). */
const muchBytes = 24 * 1024 * 1024;

/**
 * A connection whose hello has been read, and the client that sent it. Behind a relay, `tcp` is the relay's end of the
 * server's connection, for what the client wouldn't send.
 */
async function accepted(
  relayed?: "behind a relay",
): Promise<{ conn: Deno.TcpConn; hello: Uint8Array; tls: Deno.TlsConn; tcp: Deno.TcpConn }> {
  const [conn, tcp] = await connected();
  let client = tcp;
  if (relayed !== undefined) {
    const [inner, outer] = await connected();
    client = outer;
    const ends = Promise.allSettled([pump(inner, tcp), pump(tcp, inner)]);
    ends.then(() => [inner, tcp].forEach((end) => end.close()));
  }
  const tls = await Deno.startTls(client, { hostname: "a.test", caCerts: [ca.root], alpnProtocols: ["http/1.1"] });
  tls.handshake().catch(() => {});
  const buffer = new Uint8Array(4096);
  return { conn, hello: buffer.slice(0, await conn.read(buffer) ?? 0), tls, tcp };
}

async function connected(): Promise<[Deno.TcpConn, Deno.TcpConn]> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return await Promise.all([
    listener.accept(),
    Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port }),
  ]);
}

async function pump(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(16 * 1024);
  for (let count = await from.read(buffer); count !== null; count = await from.read(buffer)) {
    for (let at = 0; at < count;) at += await to.write(buffer.subarray(at, count));
  }
  await to.closeWrite();
}

/** A connection that lingers closes in the next turn. */
const nextTurn = () => new Promise<void>((resolve) => setTimeout(resolve, 0));

async function withPair(test: (stream: TlsStream, tls: Deno.TlsConn) => Promise<void>): Promise<void> {
  const { conn, hello, tls } = await accepted();
  const stream = await terminate(conn, options(hello));
  try {
    await test(stream, tls);
  } finally {
    stream.destroy();
    try {
      tls.close();
    } catch {
      // The test did.
    }
    await nextTurn();
  }
}

function options(peeked: Uint8Array, handshakeMs = 5000) {
  return { context, question: null, peeked, deadlines: new Deadlines(systemClock), handshakeMs };
}

/** Reads until the end; the bytes are a count modulo 251 from `from` on. */
async function countFrom(stream: TlsStream): Promise<number> {
  let total = 0;
  for (;;) {
    const chunk = await stream.read();
    if (chunk === null) return total;
    for (let index = 0; index < chunk.length; index += 97) assert.equal(chunk[index], (total + index) % 251);
    total += chunk.length;
  }
}

const counting = new Uint8Array(251 * 1024).map((_, index) => index % 251);

Deno.test("terminate: bytes both ways, an end in one direction leaves the other open", () =>
  withPair(async (stream, tls) => {
    assert.equal(stream.alpnProtocol, "http/1.1");
    await tls.write(encoder.encode("question"));
    const question = await stream.read();
    assert.equal(decoder.decode(question!), "question");
    stream.unread(question!.subarray(5));
    assert.equal(decoder.decode((await stream.read())!), "ion");
    await stream.write(encoder.encode("answer"));
    const buffer = new Uint8Array(100);
    assert.equal(decoder.decode(buffer.subarray(0, await tls.read(buffer) ?? 0)), "answer");

    let ended = 0;
    stream.onEnded = () => ended++;
    const took = countFrom(stream);
    for (let round = 0; round < 20; round++) {
      for (let at = 0; at < counting.length;) at += await tls.write(counting.subarray(at));
    }
    await tls.closeWrite();
    assert.equal(await took, 20 * counting.length);
    assert.equal(ended, 1);
    assert.equal(await stream.read(), null);
    assert.equal(stream.closed, false);
    assert.equal(stream.bytesRead, 8 + 20 * counting.length);
    await stream.write(encoder.encode("last"));
    await stream.endWrite();
    assert.equal(decoder.decode(buffer.subarray(0, await tls.read(buffer) ?? 0)), "last");
    assert.equal(await tls.read(buffer), null);
  }));

Deno.test("terminate: a client that nobody reads from is stopped, and nothing is lost", () =>
  withPair(async (stream, tls) => {
    let sent = 0;
    let stalled: () => void = () => {};
    const stall = new Promise<void>((resolve) => stalled = resolve);
    const sending = (async () => {
      while (sent < 2 * muchBytes) {
        const timer = setTimeout(stalled, 300);
        sent += await tls.write(counting.subarray(sent % counting.length));
        clearTimeout(timer);
      }
      await tls.closeWrite();
    })();
    await stall;
    assert.ok(sent < muchBytes, `${sent} bytes were taken`);
    const took = countFrom(stream);
    await sending;
    assert.equal(await took, sent);
  }));

Deno.test("terminate: write waits for a client that doesn't read, and fails when the stream is destroyed", () =>
  withPair(async (stream, tls) => {
    let written = 0;
    let failed: Error | null = null;
    const writing = (async () => {
      while (written < muchBytes) {
        await stream.write(counting);
        written += counting.length;
      }
    })().catch((error) => failed = error);
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.ok(written < muchBytes, `${written} bytes were taken`);
    let ended = 0;
    stream.onEnded = () => ended++;
    stream.destroy();
    await writing;
    assert.ok(failed !== null);
    assert.deepEqual([stream.closed, ended], [true, 1]);
    await assert.rejects(async () => await stream.write(counting));
    await assert.rejects(async () => await stream.read());
    // A cut looks like one.
    const buffer = new Uint8Array(1024 * 1024);
    await assert.rejects(async () => {
      while (await tls.read(buffer) !== null);
    });
  }));

Deno.test("terminate: a reader learns that the client is gone", () =>
  withPair(async (stream, tls) => {
    await tls.handshake();
    const reading = Promise.resolve(stream.read());
    const closed = new Promise<void>((resolve) => stream.onEnded = resolve);
    tls.close();
    await closed;
    assert.equal(await reading.catch(() => null), null);
  }));

Deno.test("terminate: a reader learns that the client's records are broken, and the client is told", async () => {
  const { conn, hello, tls, tcp } = await accepted("behind a relay");
  const stream = await terminate(conn, options(hello));
  await tls.handshake();
  const reading = Promise.resolve(stream.read());
  const said = tls.read(new Uint8Array(1));
  // A record of the right form that nobody has encrypted.
  await Promise.all([tcp.write(Uint8Array.of(23, 3, 3, 0, 20, ...new Uint8Array(20))), assert.rejects(reading)]);
  assert.equal(stream.closed, true);
  await assert.rejects(said, /BadRecordMac/);
  tls.close();
  await nextTurn();
});

Deno.test("terminate: a handshake that stops is given up in time, and the connection closed", async () => {
  const [conn, tcp] = await connected();
  const whole = await accepted();
  whole.conn.close();
  whole.tls.close();
  await assert.rejects(terminate(conn, options(whole.hello, 200)), /no handshake within 200 ms/);
  const buffer = new Uint8Array(16 * 1024);
  // The server's flight, and then the end.
  assert.ok(await tcp.read(buffer) ?? 0 > 0);
  assert.equal(await tcp.read(buffer).catch(() => null), null);
  tcp.close();
  await nextTurn();
});

Deno.test("terminate: a client that leaves or breaks the handshake is an error, with its alert first", async () => {
  for (const [bytes, answer] of [[null, ""], [Uint8Array.of(23, 3, 3, 0, 1, 0), "alert"]] as const) {
    const whole = await accepted();
    const { hello } = whole;
    whole.conn.close();
    whole.tls.close();
    const [conn, tcp] = await connected();
    const terminated = terminate(conn, options(hello));
    terminated.catch(() => {});
    const buffer = new Uint8Array(16 * 1024);
    assert.ok(await tcp.read(buffer) ?? 0 > 0);
    if (bytes === null) await tcp.closeWrite();
    else await tcp.write(bytes);
    await assert.rejects(terminated);
    let rest = 0;
    for (let count: number | null = 0; count !== null; rest += count) {
      count = await tcp.read(buffer).catch(() => null);
      if (count === null) break;
    }
    assert.equal(rest > 0, answer !== "", `${rest} bytes after the flight`);
    tcp.close();
    await nextTurn();
  }
});
