/**
 * The server's side of a TLS 1.3 handshake over a connection whose ClientHello has been read.
 * @module
 */
import type { SecureContext } from "node:tls";
import { ServerEngine } from "@lib/tls/mod.ts";
import type { Deadlines } from "../stream/deadlines.ts";
import { TlsStream } from "../stream/tls_stream.ts";

export interface TerminateOptions {
  /** Of the route; made with minVersion TLSv1.3. */
  context: SecureContext;
  /** Read from the connection already: replayed first. */
  peeked: Uint8Array;
  deadlines: Deadlines;
  handshakeMs: number;
}

/** What l7 routes speak, the better first. */
export const protocols = ["h2", "http/1.1"];

/** A flight of the client after its hello: Finished, and its first request maybe. */
const flightBytes = 16 * 1024;

/**
 * @returns the decrypted stream, which owns `conn`
 * @throws Error with the reason; `conn` is then closed, behind the alert where there is one to send
 */
export async function terminate(conn: Deno.TcpConn, options: TerminateOptions): Promise<TlsStream> {
  const { context, peeked, deadlines, handshakeMs } = options;
  let engine: ServerEngine | null = null;
  let late = false;
  const deadline = deadlines.open(() => {
    late = true;
    // Ends the read or write that is under way.
    closeQuietly(conn);
  });
  deadline.set(handshakeMs);
  try {
    engine = new ServerEngine(context, protocols);
    await shake(conn, engine, peeked);
    deadline.close();
    return new TlsStream(conn, engine);
  } catch (error) {
    deadline.close();
    engine?.close();
    closeQuietly(conn);
    throw late ? new Error(`no handshake within ${handshakeMs} ms`) : error;
  }
}

async function shake(conn: Deno.TcpConn, engine: ServerEngine, peeked: Uint8Array): Promise<void> {
  engine.feed(peeked);
  let buffer: Uint8Array | null = null;
  while (!engine.established) {
    const output = engine.output();
    for (let at = 0; at < output.length;) at += await conn.write(output.subarray(at));
    if (engine.error !== null) throw engine.error;
    const count = engine.ended ? null : await conn.read(buffer ??= new Uint8Array(flightBytes));
    if (count === null) throw new Error("closed during the handshake");
    engine.feed(buffer!.subarray(0, count));
  }
  // What came behind the handshake may be bad; that is the stream's first read then.
}

function closeQuietly(conn: Deno.TcpConn): void {
  try {
    conn.close();
  } catch {
    // Closed by an error before.
  }
}
