/**
 * The server's side of a TLS 1.3 handshake over a connection whose ClientHello has been read.
 * @module
 */
import { type SecureContext, TLSSocket, type TLSSocketOptions } from "node:tls";
import { ConnTransport } from "@lib/tls/mod.ts";
import type { Deadlines } from "../stream/deadlines.ts";
import { TlsStream } from "../stream/tls_stream.ts";

export interface TerminateOptions {
  /** Of the route; made with minVersion TLSv1.3. */
  context: SecureContext;
  /** Read from the connection already: replayed first. */
  peeked: Uint8Array;
  remote: { address: string; port: number };
  deadlines: Deadlines;
  handshakeMs: number;
}

/** HTTP/2 is not offered yet: its own issue brings it. */
const protocols = ["http/1.1"];

/**
 * @returns the decrypted stream, which owns `conn`
 * @throws Error with the reason; `conn` is then closed
 */
export function terminate(conn: Deno.TcpConn, options: TerminateOptions): Promise<TlsStream> {
  return new Promise((resolve, reject) => {
    const transport = new ConnTransport(conn, options.remote, options.peeked);
    // Deno's TLSSocket takes any Duplex; the type asks for a Socket.
    const socket = new TLSSocket(
      transport as unknown as ConstructorParameters<typeof TLSSocket>[0],
      {
        isServer: true,
        secureContext: options.context,
        allowHalfOpen: true,
        ALPNProtocols: protocols,
      } as TLSSocketOptions & { allowHalfOpen: boolean },
    );
    const deadline = options.deadlines.open(() => failed(new Error(`no handshake within ${options.handshakeMs} ms`)));
    deadline.set(options.handshakeMs);
    const failed = (error?: Error) => {
      deadline.close();
      reject(error ?? new Error("closed during the handshake"));
      // A turn later: the alert that tells the client why is on its way out.
      setImmediate(() => {
        socket.destroy();
        transport.destroy();
      });
    };
    const closed = () => failed();
    socket.on("error", failed);
    transport.on("error", failed);
    transport.once("close", closed);
    socket.once("secure", () => {
      deadline.close();
      socket.removeListener("error", failed);
      transport.removeListener("error", failed);
      transport.removeListener("close", closed);
      resolve(new TlsStream(socket, transport));
    });
  });
}
