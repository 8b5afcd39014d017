/**
 * Frames in any order, with any flags and lengths: whatever comes, the connection answers or ends by the rules, and no
 * window is lost.
 * @module
 */
import { strict as assert } from "node:assert";
import { seeded } from "@lib/testing/mod.ts";
import { Http2ClientConnection } from "./client.ts";
import { errorCodes } from "./errors.ts";
import { Http2ServerConnection } from "./server.ts";
import type { ServerStream } from "./server_stream.ts";
import type { Http2Stream } from "./stream.ts";
import { MemoryTransport } from "./testing/memory_transport.ts";
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
  preface,
  priority,
  rst,
  settings,
  settingsAck,
  windowUpdate,
} from "./testing/raw_frames.ts";
import { RawPeer } from "./testing/raw_peer.ts";
import { get, post } from "./testing/served_peer.ts";

const sessions = 1500;
const connectionWindowBytes = 70_000;

/** A whole number from 0 to before `below`. */
type Random = (below: number) => number;

/** A frame that could come, mostly well formed. */
function anyFrame(random: Random, head: string[]): Uint8Array {
  const pick = <T>(choices: readonly T[]) => choices[random(choices.length)]!;
  const id = random(30) === 0 ? pick([0, 2, 9]) : pick([1, 3, 5]);
  const end = random(10) < 4;
  const pad = random(10) < 2 ? { pad: random(256) } : {};
  switch (random(16)) {
    case 0:
    case 1:
    case 2:
      return headers(id, pick([head, post, get, [...head, "content-length: 5"], ["x: 1"]]), { end, ...pad });
    case 3:
    case 4:
    case 5:
      return data(id, new Uint8Array(pick([0, 1, 5, 300, 16_384])), { end, ...pad });
    case 6:
      return rst(id, random(20));
    case 7:
      return windowUpdate(id, pick([0, 1, 100, 70_000, 0x7fffffff]));
    case 8:
      return settings([pick([1, 2, 3, 4, 5, 6, 8, 99]), pick([0, 1, 100, 16_384, 65_535, 0x7fffffff, 0xffffffff])]);
    case 9:
      return pick([ping(), ping("someping", true), settingsAck]);
    case 10:
      return priority(id, hex(pick(["0000000010", "00000000", "0000000110"])));
    case 11:
      return join(headers(id, head.slice(0, 2), { end, more: true }), continuation(id, head.slice(2)));
    case 12:
      return goAway(random(10), random(14));
    case 13:
      return headers(id, join(block(...head), hex(pick(["be", "40 01 78 01 61", "20", "ff"]))), { end });
    default: {
      const payload = Uint8Array.from({ length: random(40) }, () => random(256));
      return frame(random(12), random(256), id, payload);
    }
  }
}

/** Reads, writes, ends and resets by chance. */
async function use(stream: Http2Stream, random: Random, ended = false): Promise<void> {
  try {
    for (let left = random(6); left > 0; left--) {
      const chunk = await stream.read();
      if (chunk === null) break;
    }
    if (random(10) < 5 && !ended) await stream.write(new Uint8Array(random(40_000)));
    if (random(10) < 2) stream.reset(errorCodes.cancel);
    else stream.end(random(10) < 3 ? ["x-sum", "1"] : []);
  } catch (error) {
    assert.equal((error as Error).name, "StreamReset");
  }
}

/** Octets of frames that are DATA. */
function dataOctets(bytes: Uint8Array): number {
  let octets = 0;
  for (let at = 0; at < bytes.length;) {
    const length = bytes[at]! << 16 | bytes[at + 1]! << 8 | bytes[at + 2]!;
    if (bytes[at + 3] === 0) octets += length;
    at += 9 + length;
  }
  return octets;
}

/** The connection's window by what was announced. */
function windowLeft(seen: readonly string[]): number {
  return seen.reduce((sum, line) => sum + (line.startsWith("WINDOW_UPDATE 0 ") ? Number(line.slice(16)) : 0), 65_535);
}

Deno.test(`Http2ServerConnection keeps the rules for ${sessions} sessions of any frames`, async () => {
  let ended = 0;
  for (let seed = 1; seed <= sessions; seed++) {
    const random = seeded(seed);
    const [ours, theirs] = MemoryTransport.pair();
    const uses: Promise<void>[] = [];
    const streams: ServerStream[] = [];
    let sent = 0;
    const server = new Http2ServerConnection(theirs, {
      limits: { initialWindowBytes: 20_000, connectionWindowBytes, maxConcurrentStreams: 3 },
      onRequest: (stream: ServerStream) => {
        streams.push(stream);
        if (random(10) < 8) stream.respond(200, ["x", "1"], random(10) < 3);
        if (!stream.closed) uses.push(use(stream, random));
      },
    });
    const running = server.run();
    const peer = new RawPeer(ours);
    await peer.send(preface, settings(), settingsAck);
    for (let left = 1 + random(20); left > 0; left--) {
      const bytes = anyFrame(random, get);
      sent += dataOctets(bytes);
      await peer.send(bytes);
    }
    await peer.settle();
    const { error } = server;
    if (error === null) {
      for (const stream of streams) stream.reset(errorCodes.cancel);
      await peer.settle();
      // Nothing is unread now: the peer has more than half of the connection's window.
      assert.ok(windowLeft(peer.seen) - sent > connectionWindowBytes / 2, `seed ${seed}: ${peer.seen}`);
    }
    if (error !== null) {
      ended++;
      assert.notEqual(error.code, errorCodes.internalError, `seed ${seed}: ${error.cause}`);
      assert.ok(peer.seen.some((line) => line.startsWith("GOAWAY")), `seed ${seed}`);
    }
    ours.destroy();
    await running;
    await Promise.all(uses);
    assert.equal(server.streams, 0);
  }
  // Enough of both: sessions that end by a rule, and sessions that live.
  assert.ok(ended > sessions / 10 && ended < sessions * 0.95, `${ended} sessions ended`);
});

Deno.test(`Http2ClientConnection keeps the rules for ${sessions} sessions of any frames`, async () => {
  for (let seed = 1; seed <= sessions; seed++) {
    const random = seeded(seed);
    const [ours, theirs] = MemoryTransport.pair();
    const client = new Http2ClientConnection(ours, { limits: { initialWindowBytes: 20_000 } });
    const running = client.run();
    const peer = new RawPeer(theirs);
    await peer.take(preface.length);
    const head = { scheme: "http", authority: "a.example", path: "/", fields: [] };
    const uses = ["GET", "POST", "HEAD", "POST"].map((method) => {
      const stream = client.request({ ...head, method }, method !== "POST");
      stream.response().catch(() => {});
      return use(stream, random, method !== "POST");
    });
    await peer.send(settings(), settingsAck);
    for (let left = 1 + random(20); left > 0; left--) await peer.send(anyFrame(random, [":status: 200"]));
    await peer.settle();
    assert.notEqual(client.error?.code, errorCodes.internalError, `seed ${seed}: ${client.error?.cause}`);
    theirs.destroy();
    await running;
    await Promise.all(uses);
    assert.equal(client.streams, 0);
    assert.equal(client.available, 0);
  }
});
