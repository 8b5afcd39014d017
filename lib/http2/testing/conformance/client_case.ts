/**
 * Rows of the table of what a server may do wrong, and the client they are tried on.
 * @module
 */
import { strict as assert } from "node:assert";
import { Http2ClientConnection } from "../../client.ts";
import type { ClientStream } from "../../client_stream.ts";
import { errorCodeName } from "../../errors.ts";
import type { Http2Limits } from "../../limits.ts";
import { StreamReset } from "../../stream.ts";
import { MemoryTransport } from "../memory_transport.ts";
import { preface, settings, settingsAck } from "../raw_frames.ts";
import { RawPeer } from "../raw_peer.ts";
import type { ErrorName } from "./error_name.ts";

export interface ClientCase {
  section: string;
  title: string;
  /** Default GET; a POST's body isn't ended. */
  method?: "GET" | "HEAD" | "POST" | "CONNECT";
  /** What the server sends; the request is stream 1. */
  send: Uint8Array[];
  /**
   * What the request's owner sees: "200", "200 hello", "200 hello x-sum: 1" (trailers), "103, 200", "reset CODE",
   * "200 reset CODE", with " refused" behind when it may be repeated. And what the server gets to hear.
   */
  sees: string;
  hears?: ErrorName;
  /** The connection ends with GOAWAY of that code. */
  goAway?: boolean;
  limits?: Partial<Http2Limits>;
  /** SETTINGS are among `send`. */
  bare?: boolean;
}

const maxWaitMs = 2000;

/** Runs a row. */
export async function tryClient(row: ClientCase): Promise<void> {
  const [ours, theirs] = MemoryTransport.pair();
  const client = new Http2ClientConnection(ours, { limits: row.limits ?? {}, now: () => 0 });
  const running = client.run();
  const method = row.method ?? "GET";
  const head = { method, scheme: "http", authority: "a.example:80", path: "/", fields: [] };
  const stream = client.request(head, method === "GET" || method === "HEAD");
  const seen = watch(stream);
  // The preface isn't frames: it is taken off before the peer reads.
  const peer = new RawPeer(theirs);
  assert.deepEqual(await peer.take(preface.length), preface);
  const giveUp = setTimeout(() => theirs.destroy(), maxWaitMs);
  try {
    if (!row.bare) await peer.send(settings(), settingsAck);
    await peer.send(...row.send);
    await peer.settle();
    assert.equal(await seen, row.sees);
    await peer.settle();
    const line = peer.seen.find((each) => each.startsWith(row.goAway ? "GOAWAY" : "RST_STREAM"));
    assert.equal(line?.split(" ")[2], row.hears);
    assert.equal(client.error === null, !row.goAway);
  } catch (error) {
    throw new Error(`Seen: ${peer.seen.join(", ")}; error: ${client.error?.message}`, { cause: error });
  } finally {
    clearTimeout(giveUp);
    theirs.destroy();
    await running;
  }
}

async function watch(stream: ClientStream): Promise<string> {
  let seen = "";
  stream.onInterim = (status) => seen += `${status}, `;
  try {
    const { status } = await stream.response();
    seen += status;
    let body = "";
    for (;;) {
      const chunk = await stream.read();
      if (chunk === null) break;
      body += String.fromCharCode(...chunk);
    }
    if (body !== "") seen += ` ${body}`;
    if (stream.trailers !== null) seen += ` ${stream.trailers.join(": ")}`;
  } catch (error) {
    if (!(error instanceof StreamReset)) throw error;
    seen += `${seen === "" || seen.endsWith(" ") ? "" : " "}reset ${errorCodeName(error.code)}`;
  }
  return stream.refused ? `${seen} refused` : seen;
}
