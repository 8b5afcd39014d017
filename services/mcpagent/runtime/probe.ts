import { type Address, dialTls, parseAddress } from "@lib/tls/mod.ts";
import { messageOf } from "@lib/errors/mod.ts";

/** How one component is asked whether it is well. */
export interface ProbeTarget {
  readonly kind: "http" | "tcp";
  /** "host:port" or "unix:/path". */
  readonly address: string;
  /** Of "http". */
  readonly path: string;
  /** Over TLS 1.3, as this name, to be proved to this CA (PEM); null: in the clear. */
  readonly tls: { readonly serverName: string; readonly ca: string } | null;
  /** For one check, ms. */
  readonly timeoutMs: number;
}

export interface ProbeResult {
  readonly ok: boolean;
  /** Why not; "" when ok. */
  readonly detail: string;
  /**
   * When the process that answered says it started, ms since the epoch; null when it doesn't say. While a new process
   * takes over the addresses of an old one, either may answer.
   */
  readonly startedAt: number | null;
}

/** An answer's first bytes are enough: health documents are small. */
const maxAnswerBytes = 64 * 1024;

/** Asks once; never throws. @param signal breaks it off */
export async function probe(target: ProbeTarget, signal: AbortSignal): Promise<ProbeResult> {
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(), target.timeoutMs);
  const deadline = AbortSignal.any([timeout.signal, signal]);
  try {
    const connection = await open(target, deadline);
    const hangUp = () => connection.close();
    deadline.addEventListener("abort", hangUp);
    try {
      return target.kind === "tcp" ? { ok: true, detail: "", startedAt: null } : await askHttp(connection, target);
    } finally {
      deadline.removeEventListener("abort", hangUp);
      connection.close();
    }
  } catch (error) {
    const detail = deadline.aborted ? `no answer within ${target.timeoutMs} ms` : messageOf(error);
    return { ok: false, detail: `${target.address}: ${detail}`, startedAt: null };
  } finally {
    clearTimeout(timer);
  }
}

interface Connection {
  send(bytes: Uint8Array): Promise<void>;
  /** The next bytes; null at the end. */
  receive(): Promise<Uint8Array | null>;
  close(): void;
}

async function open(target: ProbeTarget, signal: AbortSignal): Promise<Connection> {
  const address: Address = parseAddress(target.address, "health.address");
  if (address.kind === "tcp" && target.tls !== null) {
    const { hostname, port } = address;
    const secure = await dialTls({ hostname, port, ...target.tls, timeoutMs: target.timeoutMs });
    const chunks = secure[Symbol.asyncIterator]();
    return {
      send: (bytes) => new Promise((resolve, reject) => secure.write(bytes, (e) => e ? reject(e) : resolve())),
      receive: async () => (await chunks.next()).value as Uint8Array | undefined ?? null,
      close: () => secure.destroy(),
    };
  }
  const conn: Deno.Conn = address.kind === "unix"
    ? await Deno.connect({ transport: "unix", path: address.path })
    : await Deno.connect({ hostname: address.hostname, port: address.port, signal });
  const buffer = new Uint8Array(16 * 1024);
  let open = true;
  return {
    async send(bytes) {
      for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));
    },
    async receive() {
      const count = await conn.read(buffer);
      return count === null ? null : buffer.slice(0, count);
    },
    close() {
      if (open) conn.close();
      open = false;
    },
  };
}

async function askHttp(connection: Connection, target: ProbeTarget): Promise<ProbeResult> {
  const host = target.tls?.serverName ?? (target.address.startsWith("unix:") ? "localhost" : target.address);
  await connection.send(
    new TextEncoder().encode(
      `GET ${target.path} HTTP/1.1\r\nHost: ${host}\r\nAccept: application/json, */*\r\nConnection: close\r\n\r\n`,
    ),
  );
  let text = "";
  const decoder = new TextDecoder();
  while (text.length < maxAnswerBytes) {
    const chunk = await connection.receive();
    if (chunk === null) break;
    text += decoder.decode(chunk, { stream: true });
  }
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1] ?? 0);
  if (status === 0) return { ok: false, detail: `${target.address}: the answer is not HTTP/1.1`, startedAt: null };
  const body = text.slice(text.indexOf("\r\n\r\n") + 4);
  if (status < 200 || status > 399) {
    const said = body.replaceAll(/\s+/g, " ").trim().slice(0, 200);
    return { ok: false, detail: `${target.address}${target.path} answered ${status} ${said}`.trim(), startedAt: null };
  }
  return { ok: true, detail: "", startedAt: startOf(body) };
}

/** `started_at` of a platform health document, wherever in the body it stands (the body may be chunked). */
function startOf(body: string): number | null {
  const text = /"started_at"\s*:\s*"([0-9TZ:.+-]{20,35})"/.exec(body)?.[1];
  const at = text === undefined ? NaN : Date.parse(text);
  return Number.isNaN(at) ? null : at;
}
