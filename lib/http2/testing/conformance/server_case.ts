/**
 * Rows of the table of what a client may do wrong, and the server they are tried on.
 * @module
 */
import { strict as assert } from "node:assert";
import { type ErrorName } from "./error_name.ts";
import type { Http2Limits } from "../../limits.ts";
import { Http2ServerConnection } from "../../server.ts";
import type { ServerStream } from "../../server_stream.ts";
import { StreamReset } from "../../stream.ts";
import { MemoryTransport } from "../memory_transport.ts";
import { preface, settings, settingsAck, text } from "../raw_frames.ts";
import { RawPeer } from "../raw_peer.ts";

/** What must come of it. `and` lists further lines that must be seen. */
export type Expected =
  /** GOAWAY with this code, then the end. */
  | { goAway: ErrorName; and?: string[] }
  /** RST_STREAM with this code; the connection goes on. */
  | { reset: [id: number, code: ErrorName]; and?: string[] }
  /** These lines, and neither GOAWAY nor RST_STREAM. */
  | { lines: string[] };

export interface ServerCase {
  /** Of RFC 9113 where nothing else is said. */
  section: string;
  title: string;
  /** Octets to send in this order; a function waits for something first. */
  send: (Uint8Array | ((peer: RawPeer) => Promise<unknown>))[];
  expect: Expected;
  limits?: Partial<Http2Limits>;
  extendedConnect?: boolean;
  /** Preface and SETTINGS are among `send`. */
  bare?: boolean;
}

const maxWaitMs = 2000;

/** A well-formed request's fields. */
export const get = [":method: GET", ":scheme: http", ":path: /", ":authority: a.example"];
export const post = [":method: POST", ":scheme: http", ":path: /", ":authority: a.example"];

/** A GET of another path: see {@linkcode answer}. */
export function getPath(path: string): string[] {
  return [":method: GET", ":scheme: http", `:path: ${path}`, ":authority: a.example"];
}

/** Runs a row: sends, then waits until the server has handled everything, then looks. */
export async function tryServer(row: ServerCase): Promise<void> {
  const [ours, theirs] = MemoryTransport.pair();
  const connection = new Http2ServerConnection(theirs, {
    onRequest: (stream) => void answer(stream),
    limits: row.limits ?? {},
    extendedConnect: row.extendedConnect ?? false,
    now: () => 0,
  });
  const running = connection.run();
  const peer = new RawPeer(ours);
  // What a row waits for may never come.
  const giveUp = setTimeout(() => ours.destroy(), maxWaitMs);
  if (!row.bare) await peer.send(preface, settings(), settingsAck);
  for (const step of row.send) {
    if (step instanceof Uint8Array) await peer.send(step);
    else await step(peer);
  }
  await peer.settle();
  try {
    await check(row.expect, peer);
  } catch (error) {
    throw new Error(`Seen: ${peer.seen.join(", ")}; error: ${connection.error?.message}`, { cause: error });
  } finally {
    clearTimeout(giveUp);
    ours.destroy();
    await running;
  }
}

async function check(expected: Expected, peer: RawPeer): Promise<void> {
  const has = (start: string) => peer.seen.find((line) => line.startsWith(start));
  if ("lines" in expected) {
    for (const line of expected.lines) assert.ok(await peer.expect(line), `no "${line}"`);
    assert.equal(has("GOAWAY") ?? has("RST_STREAM"), undefined);
    return;
  }
  for (const line of expected.and ?? []) assert.ok(await peer.expect(line), `no "${line}"`);
  if ("goAway" in expected) {
    assert.equal(has("GOAWAY")?.split(" ")[2], expected.goAway);
    assert.ok(!await peer.read(() => false), "the connection must end");
  } else {
    const [id, code] = expected.reset;
    assert.equal(has(`RST_STREAM ${id}`), `RST_STREAM ${id} ${code}`);
    assert.equal(has("GOAWAY"), undefined);
    assert.ok(!peer.ended, "the connection must go on");
  }
}

/**
 * What the server answers: the body's length in octets for a request with a body, "hello" for one without; /hang is
 * never answered, /open never ends, /big has 100 000 octets, /early doesn't wait for the body, /trailers has trailers.
 */
async function answer(stream: ServerStream): Promise<void> {
  try {
    if (stream.path === "/hang") return;
    if (stream.path === "/open") return stream.respond(200, [], false);
    let octets = 0;
    while (stream.path !== "/early") {
      const chunk = await stream.read();
      if (chunk === null) break;
      octets += chunk.length;
    }
    stream.respond(200, [], false);
    if (stream.path === "/trailers") return stream.end(["x-sum", "1"]);
    const body = stream.path === "/big" ? new Uint8Array(100_000) : text(stream.hasBody ? `${octets} octets` : "hello");
    await stream.write(body, true);
  } catch (error) {
    // Reset by the case.
    if (!(error instanceof StreamReset)) throw error;
  }
}
