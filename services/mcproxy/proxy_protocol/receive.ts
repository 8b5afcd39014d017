/**
 * Who the client of an accepted connection is: the other end, or whom a trusted proxy names.
 * @module
 */
import { closeQuietly } from "../stream/close_quietly.ts";
import type { Deadlines } from "../stream/deadlines.ts";
import { type Endpoint, maxV1Bytes, maxV2Bytes, parseProxyHeader, type ProxyHeader } from "./header.ts";
import { ipOctets, ipText } from "./ip_octets.ts";
import type { TrustedSenders } from "./trusted_senders.ts";

export interface ReceiveLimits {
  /** From the accept to the header's last octet, ms. */
  headerMs: number;
  /** Largest header taken; default `maxV2Bytes`. Never below what version 1 needs. */
  headerBytes?: number;
}

/** Why a connection from a trusted proxy was refused. */
export type ReceiveRefusal =
  | "no_proxy_header"
  | "malformed_proxy_header"
  | "proxy_header_timeout"
  | "closed_early";

export type Received =
  | {
    kind: "client";
    source: Endpoint;
    /** Where the client connected to. */
    destination: Endpoint;
    /** The header that said so; null when the connection's own ends are meant because nobody was asked. */
    header: ProxyHeader | null;
    /** Of the client, read already. */
    bytes: Uint8Array;
  }
  | { kind: "refused"; reason: ReceiveRefusal; detail: string };

/** The first read's size; a header alone has 15 to 300 octets, and a ClientHello often comes in the same segment. */
const firstBytes = 4096;

const nothing = new Uint8Array();

/**
 * Finds out who the client is; at once where no header is wanted. Never rejects; what goes wrong is a refusal. The
 * connection is left open, but for a header that took too long.
 */
export function receiveClient(
  conn: Deno.TcpConn,
  senders: TrustedSenders | null,
  limits: ReceiveLimits,
  deadlines: Deadlines,
): Received | Promise<Received> {
  const source = endOf(conn.remoteAddr);
  const destination = endOf(conn.localAddr);
  if (senders === null || !senders.has(source.address)) {
    return { kind: "client", source, destination, header: null, bytes: nothing };
  }
  return receiveHeader(conn, { source, destination }, limits, deadlines);
}

/** @param ends the connection's own */
async function receiveHeader(
  conn: Deno.TcpConn,
  { source, destination }: { source: Endpoint; destination: Endpoint },
  limits: ReceiveLimits,
  deadlines: Deadlines,
): Promise<Received> {
  const received = await readProxyHeader(conn, limits, deadlines);
  if (received.kind === "refused") return received;
  const { header, bytes } = received;
  // LOCAL, UNKNOWN, UNSPEC and unix clients: the real ends (§2.1, §2.2).
  return {
    kind: "client",
    source: header.source ?? source,
    destination: header.destination ?? destination,
    header,
    bytes,
  };
}

/** A socket for both families has IPv4 clients IPv4-mapped; everybody behind knows them as IPv4. */
function endOf({ hostname, port }: Deno.NetAddr): Endpoint {
  const octets = hostname.includes(":") ? ipOctets(hostname) : null;
  return { address: octets === null ? hostname : ipText(octets), port };
}

/** As `receiveClient`, for a connection that must begin with a header; `bytes` are what came behind it. */
export async function readProxyHeader(
  conn: Deno.Conn,
  limits: ReceiveLimits,
  deadlines: Deadlines,
): Promise<
  { kind: "header"; header: ProxyHeader; bytes: Uint8Array } | {
    kind: "refused";
    reason: ReceiveRefusal;
    detail: string;
  }
> {
  const maxBytes = Math.max(limits.headerBytes ?? maxV2Bytes, maxV1Bytes);
  const buffer = new Uint8Array(Math.max(maxBytes, firstBytes));
  let length = 0;
  let late = false;
  const deadline = deadlines.open(() => {
    late = true;
    // Ends the read that is under way.
    closeQuietly(conn);
  });
  deadline.set(limits.headerMs);
  const refused = (reason: ReceiveRefusal, detail: string) => ({ kind: "refused", reason, detail }) as const;
  const tooLate = () => refused("proxy_header_timeout", `no PROXY header within ${limits.headerMs} ms`);
  try {
    for (;;) {
      const count = await conn.read(buffer.subarray(length));
      if (late) return tooLate();
      if (count === null) return refused("closed_early", `closed after ${length} octets of a PROXY header`);
      length += count;
      const bytes = buffer.subarray(0, length);
      // An incomplete header is shorter than `maxBytes`, so there is always room for the next read.
      const parsed = parseProxyHeader(bytes, maxBytes);
      if (parsed.kind === "header") return { kind: "header", header: parsed, bytes: bytes.subarray(parsed.bytes) };
      if (parsed.kind === "malformed") {
        return refused(parsed.missing ? "no_proxy_header" : "malformed_proxy_header", parsed.reason);
      }
    }
  } catch (error) {
    if (late) return tooLate();
    return refused("closed_early", error instanceof Error ? error.message : "connection broke");
  } finally {
    deadline.close();
  }
}
