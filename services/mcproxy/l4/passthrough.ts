/**
 * Routes that pass TLS through: every byte of the client, from the first of its
 * ClientHello on, goes to the backend as it is, and every end with it.
 * @module
 */
import { type Backend, sameBackends } from "../domain/backend.ts";
import { ConnStream } from "../stream/conn_stream.ts";
import type { Deadlines } from "../stream/deadlines.ts";
import { tunnel } from "../stream/tunnel.ts";
import type { RouteCounters } from "../traffic/counters.ts";
import type { Lease } from "../upstream/backend_pool.ts";
import { NoBackend, type Upstreams } from "../upstream/upstreams.ts";

export interface PassthroughOptions {
  /** With the ClientHello put back. */
  client: ConnStream;
  backends: readonly Backend[];
  /** The route's backends as they are now, asked when none of `backends` connects: a change may have just come. */
  current(): readonly Backend[];
  /** Sent to the backend before the client's first byte: a PROXY header. */
  preface?: Uint8Array | null;
  counters: RouteCounters;
  upstreams: Upstreams;
  deadlines: Deadlines;
  /** Without a byte in either direction for this long, ms, the connection is closed. */
  idleMs: number;
  /** Called when bytes have moved. */
  moved(): void;
}

/**
 * Runs until both directions have ended; closes both connections. Never rejects.
 * @returns the backend that took it, "host:port"; "" when none did
 */
export async function passthrough(options: PassthroughOptions): Promise<string> {
  const { client, counters, deadlines, idleMs, moved } = options;
  let lease: Lease | null = null;
  const deadline = deadlines.open(() => {
    client.destroy();
    lease?.stream.destroy();
  });
  try {
    lease = await connect(options);
    if (options.preface) await sendPreface(lease, options.preface);
    client.forBulk();
    if (lease.stream instanceof ConnStream) lease.stream.forBulk();
    const clean = await tunnel(client, lease.stream, { deadline, idleMs, moved, closes: true });
    // Both directions are at their end, so nobody uses the buffers any more.
    if (clean) client.finish();
    if (clean && lease.stream instanceof ConnStream) lease.stream.finish();
  } catch (error) {
    if (!(error instanceof NoBackend)) throw error;
    counters.backendErrors++;
  } finally {
    deadline.close();
    lease?.release(0);
    client.destroy();
    moved();
  }
  return lease?.backend.key ?? "";
}

async function sendPreface(lease: Lease, preface: Uint8Array): Promise<void> {
  try {
    await lease.stream.write(preface);
  } catch {
    // The backend is gone already: the tunnel will see that, and end.
  }
}

async function connect({ upstreams, backends, current }: PassthroughOptions): Promise<Lease> {
  try {
    return await upstreams.acquire(backends);
  } catch (error) {
    const now = current();
    if (!(error instanceof NoBackend) || sameBackends(now, backends)) throw error;
    return await upstreams.acquire(now);
  }
}
