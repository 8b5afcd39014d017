/** Where connections come from: TLS over TCP, a unix socket, or (in tests) TCP in the clear. */
import type { Logger } from "@lib/log/mod.ts";
import {
  acceptLoop,
  type CertificateFiles,
  ConnTransport,
  formatAddress,
  listenTcp,
  listenTls,
  listenUnix,
  parseAddress,
  type StreamSocket,
} from "@lib/tls/mod.ts";
import { invalid } from "@lib/errors/mod.ts";

/** Connections at once, as lib/tls has it for its listeners. */
const maxConnections = 10_000;

export interface ListenerOptions {
  address: string;
  tls?: CertificateFiles;
  reusePort: boolean;
  log: Logger;
  /** Owns the connection. */
  onConnection(connection: StreamSocket): void;
}

export interface Listener {
  /** With the port in use. */
  readonly address: string;
  /** Settles after `close` was called, when no further connection will come. */
  readonly stopped: Promise<void>;
  /** Stops accepting, waits up to `drainMs` for open connections to end, destroys the rest. */
  close(drainMs: number): Promise<void>;
}

/** Starts listening. Throws `invalid` for a malformed address and for one in the clear that others can reach. */
export function listen(options: ListenerOptions): Listener {
  const { tls, log, reusePort, onConnection } = options;
  const address = parseAddress(options.address);
  if (address.kind === "tcp" && tls !== undefined) {
    return listenTls({
      address: options.address,
      certificates: tls,
      alpn: ["h2"],
      reusePort,
      log,
      onConnection,
    });
  }
  if (address.kind === "unix") return inTheClear(listenUnix(address.path), options.address, options);
  if (address.hostname !== "127.0.0.1" && address.hostname !== "::1") {
    throw invalid("address", `${options.address} without TLS: only unix sockets and loopback may be in the clear`);
  }
  const listener = listenTcp(address, reusePort);
  const { hostname, port } = listener.addr;
  return inTheClear(listener, formatAddress({ kind: "tcp", hostname, port }), options);
}

function inTheClear(
  listener: { accept(): Promise<Deno.Conn>; close(): void },
  address: string,
  { log, onConnection }: ListenerOptions,
): Listener {
  const open = new Set<ConnTransport>();
  let emptied: (() => void) | undefined;
  const accepted = (connection: Deno.Conn) => {
    if (open.size >= maxConnections) return connection.close();
    const from = connection.remoteAddr;
    const remote = from.transport === "tcp" ? { address: from.hostname, port: from.port } : { address: "", port: 0 };
    // Nagle's delay costs 40 ms a call.
    if (from.transport === "tcp") (connection as Deno.TcpConn).setNoDelay(true);
    const transport = new ConnTransport(connection, remote);
    open.add(transport);
    transport.once("close", () => {
      if (open.delete(transport) && open.size === 0) emptied?.();
    });
    transport.on("error", () => {});
    onConnection(transport);
  };
  const stop = new AbortController();
  const accepting = acceptLoop(listener, accepted, log, stop.signal);
  return {
    address,
    stopped: accepting,
    async close(drainMs) {
      // With time to drain, what the kernel has queued is taken first.
      if (drainMs > 0) stop.abort();
      else listener.close();
      await accepting;
      if (open.size === 0) return;
      const drained = new Promise<void>((resolve) => emptied = resolve);
      const timer = setTimeout(() => open.forEach((transport) => transport.destroy()), drainMs);
      await drained;
      clearTimeout(timer);
    },
  };
}
