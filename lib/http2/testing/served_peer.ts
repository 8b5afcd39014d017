/**
 * A server connection with a client that is played by a test, and a clock that the test moves.
 * @module
 */
import { FakeClock } from "@lib/clock/mod.ts";
import type { Http2Limits } from "../limits.ts";
import { Http2ServerConnection } from "../server.ts";
import type { ServerStream } from "../server_stream.ts";
import { MemoryTransport } from "./memory_transport.ts";
import { preface, settings, settingsAck } from "./raw_frames.ts";
import { RawPeer } from "./raw_peer.ts";

export interface Served extends AsyncDisposable {
  peer: RawPeer;
  connection: Http2ServerConnection;
  clock: FakeClock;
  /** Requests that came, in order. */
  requests: ServerStream[];
  /** The server's end of the transport, whose `writes` show what left together. */
  transport: MemoryTransport;
  /** Settles when the connection is over. */
  running: Promise<void>;
  /** Moves the clock by as many ms, and looks at the time-outs. */
  later(ms: number): void;
}

/** Settles when the client's preface has been handled. @param options.bare nothing is sent */
export async function servedPeer(
  options: { limits?: Partial<Http2Limits>; onRequest?(stream: ServerStream): void; bare?: boolean } = {},
): Promise<Served> {
  const [ours, theirs] = MemoryTransport.pair();
  const clock = new FakeClock();
  const requests: ServerStream[] = [];
  const connection = new Http2ServerConnection(theirs, {
    limits: options.limits ?? {},
    now: () => clock.monotonic(),
    onRequest: (stream) => {
      requests.push(stream);
      options.onRequest?.(stream);
    },
  });
  const running = connection.run();
  const peer = new RawPeer(ours);
  if (!options.bare) {
    await peer.send(preface, settings(), settingsAck);
    await peer.settle();
  }
  return {
    peer,
    connection,
    clock,
    requests,
    transport: theirs,
    running,
    later(ms) {
      clock.advance(ms);
      connection.tick();
    },
    async [Symbol.asyncDispose]() {
      ours.destroy();
      await running;
    },
  };
}

/** A GET's fields. */
export const get = [":method: GET", ":scheme: http", ":path: /", ":authority: a.example"];
/** A POST's fields. */
export const post = [":method: POST", ":scheme: http", ":path: /", ":authority: a.example"];
