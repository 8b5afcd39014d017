/**
 * The server's side of one TLS handshake.
 * @module
 */
import { type SecureContext, TLSSocket, type TLSSocketOptions } from "node:tls";
import { alertRecord, alerts, type ClientHello, parseClientHello } from "./client_hello.ts";
import { SecureConnection } from "./secure_connection.ts";
import { ConnTransport } from "./transport.ts";

/** How one connection is to be secured. */
export interface AcceptTlsOptions {
  /** The context for what the client asked; null refuses it with alert 112 (unrecognized_name). */
  choose(hello: ClientHello): SecureContext | null;
  alpn: string[];
  /** For the whole of it, in ms. */
  timeoutMs: number;
  /** Bytes already read from the connection. */
  peeked?: Uint8Array;
  /** Gives up when aborted. */
  signal?: AbortSignal;
}

/**
 * Does the server's side of a handshake on an accepted connection, which it owns from the call on.
 * @throws Error with the reason when it fails in any way; the connection is then closed
 */
export async function acceptTls(conn: Deno.TcpConn, options: AcceptTlsOptions): Promise<SecureConnection> {
  const { timeoutMs, signal } = options;
  let stop: (reason: string) => void = () => {};
  const stopped = new Promise<never>((_, reject) => stop = (reason) => reject(new Error(reason)));
  stopped.catch(() => {});
  const timer = setTimeout(() => stop(`no handshake within ${timeoutMs} ms`), timeoutMs);
  const aborted = () => stop("the listener is closing");
  signal?.addEventListener("abort", aborted);
  let transport: ConnTransport | null = null;
  let done = false;
  try {
    conn.setNoDelay(true);
    const { hello, bytes } = await Promise.race([readHello(conn, options.peeked ?? new Uint8Array()), stopped]);
    const context = hello.offersTls13 ? options.choose(hello) : null;
    if (context === null) {
      const alert = hello.offersTls13 ? alerts.unrecognizedName : alerts.protocolVersion;
      await Promise.race([refuse(conn, alert), stopped]);
      throw new Error(
        hello.offersTls13 ? `no certificate for ${hello.serverName}` : "the client doesn't offer TLS 1.3",
      );
    }
    transport = new ConnTransport(conn, { address: conn.remoteAddr.hostname, port: conn.remoteAddr.port }, bytes);
    const connection = await Promise.race([shake(transport, context, options.alpn, hello.serverName), stopped]);
    done = true;
    return connection;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", aborted);
    if (!done) {
      if (transport !== null) transport.destroy();
      else closeQuietly(conn);
    }
  }
}

async function readHello(conn: Deno.TcpConn, peeked: Uint8Array): Promise<{ hello: ClientHello; bytes: Uint8Array }> {
  let buffer = new Uint8Array(Math.max(2048, 2 * peeked.length));
  buffer.set(peeked);
  let length = peeked.length;
  for (;;) {
    const bytes = buffer.subarray(0, length);
    const result = parseClientHello(bytes);
    if (result.kind === "hello") return { hello: result.hello, bytes };
    if (result.kind === "refused") {
      if (result.alert !== null) await refuse(conn, result.alert);
      throw new Error(result.reason);
    }
    if (length === buffer.length) {
      // The parser's limits keep this below twice a hello's greatest length.
      buffer = new Uint8Array(2 * length);
      buffer.set(bytes);
    }
    const count = await conn.read(buffer.subarray(length));
    if (count === null) throw new Error(length === 0 ? "closed before a ClientHello" : "closed inside the ClientHello");
    length += count;
  }
}

function shake(
  transport: ConnTransport,
  secureContext: SecureContext,
  alpn: string[],
  serverName: string | null,
): Promise<SecureConnection> {
  return new Promise((resolve, reject) => {
    // Deno's TLSSocket takes any Duplex; the type asks for a Socket.
    const socket = new TLSSocket(
      transport as unknown as ConstructorParameters<typeof TLSSocket>[0],
      {
        isServer: true,
        secureContext,
        allowHalfOpen: true,
        ALPNProtocols: alpn,
      } as TLSSocketOptions & { allowHalfOpen: boolean },
    );
    const failed = (error?: Error) => {
      socket.destroy();
      transport.destroy();
      reject(error ?? new Error("closed during the handshake"));
    };
    socket.on("error", failed);
    transport.on("error", failed);
    transport.once("close", failed);
    socket.once("secure", () => {
      transport.removeListener("close", failed);
      resolve(new SecureConnection(socket, transport, serverName));
    });
  });
}

async function refuse(conn: Deno.TcpConn, alert: number): Promise<void> {
  try {
    await conn.write(alertRecord(alert));
    await conn.closeWrite();
  } catch {
    // The client is gone; it won't miss the alert.
  }
}

function closeQuietly(conn: Deno.TcpConn): void {
  try {
    conn.close();
  } catch {
    // Closed by an error before.
  }
}
