/**
 * The server's side of a TLS 1.3 handshake over a connection whose ClientHello has been read.
 * @module
 */
import type { SecureContext } from "node:tls";
import { alertRecord, alerts, type ClientAsk, type ClientChain, ServerEngine } from "@lib/tls/mod.ts";
import { closeQuietly } from "../stream/close_quietly.ts";
import type { Deadlines } from "../stream/deadlines.ts";
import { TlsStream } from "../stream/tls_stream.ts";

/** What is asked of clients about themselves. */
export interface ClientQuestion extends ClientAsk {
  /** Whether a client may go on with a session in which it showed that chain; null for none. */
  takesSession(chain: ClientChain | null): boolean;
}

export interface TerminateOptions {
  /** Of the route; made with minVersion TLSv1.3. */
  context: SecureContext;
  /** Null asks for no certificate. */
  question: ClientQuestion | null;
  /** Read from the connection already: replayed first. */
  peeked: Uint8Array;
  deadlines: Deadlines;
  handshakeMs: number;
}

/** The handshake ended for what the client has, or hasn't, shown of itself; the alert that says so is sent. */
export class ClientRefused extends Error {
  constructor(readonly refusal: "no_client_certificate" | "bad_client_certificate" | "stale_session") {
    super(refusal.replaceAll("_", " "));
  }
}

/** What l7 routes speak, the better first. */
export const protocols = ["h2", "http/1.1"];

/** A flight of the client after its hello: Finished, and its first request maybe. */
const flightBytes = 16 * 1024;

/** A client that is refused has this long to take the alert and close, ms, and may send this much meanwhile, bytes. */
const lingerMs = 1000;
const lingerBytes = 64 * 1024;

/**
 * @returns the decrypted stream, which owns `conn`
 * @throws Error with the reason; `conn` is then closed, behind the alert where there is one to send
 */
export async function terminate(conn: Deno.TcpConn, options: TerminateOptions): Promise<TlsStream> {
  const { context, question, deadlines, handshakeMs } = options;
  let engine: ServerEngine | null = null;
  let late = false;
  const deadline = deadlines.open(() => {
    late = true;
    // Ends the read or write that is under way.
    closeQuietly(conn);
  });
  deadline.set(handshakeMs);
  try {
    engine = new ServerEngine(context, protocols, question);
    await shake(conn, engine, options);
    deadline.close();
    return new TlsStream(conn, engine);
  } catch (error) {
    engine?.close();
    const isRefused = error instanceof ClientRefused;
    if (isRefused) {
      deadline.set(lingerMs);
      await linger(conn);
    }
    deadline.close();
    closeQuietly(conn);
    throw late && !isRefused ? new Error(`no handshake within ${handshakeMs} ms`) : error;
  }
}

/** The client's request comes in one breath with its certificate: a reset for that would overtake the alert. */
async function linger(conn: Deno.TcpConn): Promise<void> {
  try {
    await conn.closeWrite();
    const buffer = new Uint8Array(flightBytes);
    for (let left = lingerBytes; left > 0;) {
      const count = await conn.read(buffer);
      if (count === null) return;
      left -= count;
    }
  } catch {
    // Gone, or closed for being late.
  }
}

async function shake(
  conn: Deno.TcpConn,
  engine: ServerEngine,
  { peeked, question }: Pick<TerminateOptions, "peeked" | "question">,
): Promise<void> {
  engine.feed(peeked);
  let buffer: Uint8Array | null = null;
  while (!engine.established) {
    if (question !== null && engine.isResumed && !question.takesSession(engine.clientChain)) {
      // RFC 8446 §6.2: a client that gets a fatal alert forgets the session, and begins a new one the next time.
      await conn.write(alertRecord(alerts.handshakeFailure));
      throw new ClientRefused("stale_session");
    }
    const output = engine.output();
    for (let at = 0; at < output.length;) at += await conn.write(output.subarray(at));
    if (engine.error !== null) throw refusalOf(engine) ?? engine.error;
    const count = engine.ended ? null : await conn.read(buffer ??= new Uint8Array(flightBytes));
    if (count === null) throw new Error("closed during the handshake");
    engine.feed(buffer!.subarray(0, count));
  }
  // What came behind the handshake may be bad; that is the stream's first read then.
}

function refusalOf({ clientFault }: ServerEngine): ClientRefused | null {
  if (clientFault === null) return null;
  return new ClientRefused(clientFault === "none" ? "no_client_certificate" : "bad_client_certificate");
}
