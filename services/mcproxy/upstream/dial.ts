/**
 * New connections to backends, by protocol.
 * @module
 */
import { unavailable } from "@lib/errors/mod.ts";
import { dialTls, DuplexStream } from "@lib/tls/mod.ts";
import { type Endpoint, writeProxyV1, writeProxyV2 } from "../proxy_protocol/mod.ts";
import { ConnStream } from "../stream/conn_stream.ts";
import type { PooledStream } from "./pooled_stream.ts";
import type { Target } from "./target.ts";

/** Whom a connection is for, as PROXY headers say it. */
export interface Peer {
  /** The ends of the client's connection; null for a health check. */
  readonly ends: { readonly source: Endpoint; readonly destination: Endpoint } | null;
  /** The name that the client asked for; "" for none. */
  readonly hostname: string;
}

export interface DialOptions {
  peer: Peer;
  /** `tls`: protocols to offer. */
  alpn: string[];
  timeoutMs: number;
  /** Root certificates, PEM; null when none are configured. */
  ca(): string | null;
  /** Ends the attempt. */
  signal: AbortSignal;
}

export interface Dialled {
  readonly stream: PooledStream;
  readonly isH2: boolean;
}

/** @throws Error with the reason */
export async function dial(target: Target, options: DialOptions): Promise<Dialled> {
  const preface = prefaceOf(target, options.peer);
  if (target.protocol === "tls") return await dialSecure(target, preface, options);
  const { hostname, port } = target.backend;
  const connection = await Deno.connect({ hostname, port, signal: options.signal });
  connection.setNoDelay(true);
  const stream = new ConnStream(connection);
  try {
    if (preface !== null) await stream.write(preface);
  } catch (error) {
    stream.destroy();
    throw error;
  }
  return { stream, isH2: target.protocol === "h2c" };
}

async function dialSecure(target: Target, preface: Uint8Array | null, options: DialOptions): Promise<Dialled> {
  const { hostname, port } = target.backend;
  const ca = options.ca();
  if (target.isVerified && ca === null) {
    throw unavailable("There are no root certificates to verify backends by", {
      hint: "Set ca_file in [backends] of mcproxy.toml and restart MC-Proxy",
    });
  }
  const connection = await dialTls({
    hostname,
    port,
    serverName: target.name === "" ? hostname : target.name,
    ca: ca ?? "",
    alpn: options.alpn,
    timeoutMs: options.timeoutMs,
    verify: target.isVerified,
    signal: options.signal,
    ...(preface === null ? {} : { preface }),
  });
  return { stream: new DuplexStream(connection), isH2: connection.alpnProtocol === "h2" };
}

function prefaceOf({ proxyHeader }: Target, { ends, hostname }: Peer): Uint8Array | null {
  if (proxyHeader === "") return null;
  if (proxyHeader === "v1") return writeProxyV1(ends);
  return writeProxyV2(ends, hostname === "" ? {} : { authority: hostname });
}

/** Whose requests a connection may carry: anybody's (""), or the one client's that its PROXY header names. */
export function ownerOf({ proxyHeader }: Target, { ends }: Peer): string {
  if (proxyHeader === "") return "";
  if (ends === null) return "health check";
  const { source, destination } = ends;
  return `${source.address} ${source.port} ${destination.address} ${destination.port}`;
}
