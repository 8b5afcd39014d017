/**
 * TLS clients: TLS 1.3 at least, the name checked against our own trust anchors, errors that say what to mend.
 * @module
 */
import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import { messageOf, type PlatformError, unavailable } from "@lib/errors/mod.ts";
import { formatAddress } from "./address.ts";
import { certificateNames, dateText, listNames } from "./certificate_text.ts";
import { SecureConnection } from "./secure_connection.ts";
import { ConnTransport } from "./transport.ts";

/** Whom to connect to, and as whom it must prove itself. */
export interface DialTlsOptions {
  hostname: string;
  port: number;
  /** The name (or IP address) that the certificate must carry; sent as SNI when it is a name. */
  serverName: string;
  /** Trust anchors, PEM, one or several. */
  ca: string;
  /** Protocols offered; default none. */
  alpn?: string[];
  /** For connection and handshake together, in ms; default 10,000. */
  timeoutMs?: number;
  /** False takes any certificate: only where an operator has said so for this one peer. Default true. */
  verify?: boolean;
  /** Sent in the clear before the handshake: a PROXY header. */
  preface?: Uint8Array;
  /** Ends the attempt. */
  signal?: AbortSignal;
}

/**
 * Opens a verified connection. Needs net permission for `hostname:port` only.
 * @throws PlatformError `unavailable`: refused or unreachable (names the address), wrong name (lists the names the
 *   certificate has and the one asked for), expired (says when), untrusted, no TLS 1.3, timed out, ended by `signal`
 */
export async function dialTls(options: DialTlsOptions): Promise<SecureConnection> {
  const { hostname, port, timeoutMs = 10_000, signal } = options;
  const at = formatAddress({ kind: "tcp", hostname, port });
  const ending = new AbortController();
  const end = () => ending.abort();
  const timer = setTimeout(end, timeoutMs);
  signal?.addEventListener("abort", end);
  if (signal?.aborted) end();
  try {
    return await dial(options, at, ending.signal, timeoutMs);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", end);
  }
}

async function dial(
  options: DialTlsOptions,
  at: string,
  deadline: AbortSignal,
  timeoutMs: number,
): Promise<SecureConnection> {
  const transport = await dialTransport(options, at, deadline, timeoutMs);
  try {
    const socket = await shake(transport, options, options.verify ?? true, deadline);
    return new SecureConnection(socket, transport);
  } catch (error) {
    transport.destroy();
    if (deadline.aborted) throw ended(options, at, timeoutMs, error);
    if (!isVerificationFailure(error)) {
      throw unavailable(`No TLS connection to ${at}: ${messageOf(error)}`, {
        hint: "The server must speak TLS 1.3",
        cause: error,
      });
    }
    throw await explain(options, at, deadline, timeoutMs, error);
  }
}

async function dialTransport(
  options: DialTlsOptions,
  at: string,
  deadline: AbortSignal,
  timeoutMs: number,
): Promise<ConnTransport> {
  const { hostname, port, preface } = options;
  let conn: Deno.TcpConn;
  try {
    conn = await Deno.connect({ hostname, port, signal: deadline });
  } catch (error) {
    if (deadline.aborted) throw ended(options, at, timeoutMs, error);
    if (error instanceof Deno.errors.ConnectionRefused) {
      throw unavailable(`Connection refused by ${at}: nothing listens there`, { cause: error });
    }
    throw unavailable(`Cannot connect to ${at}: ${messageOf(error)}`, { cause: error });
  }
  conn.setNoDelay(true);
  try {
    for (let at = 0; at < (preface?.length ?? 0);) at += await conn.write(preface!.subarray(at));
  } catch (error) {
    conn.close();
    throw unavailable(`The connection to ${at} was closed at once: ${messageOf(error)}`, { cause: error });
  }
  return new ConnTransport(conn, { address: conn.remoteAddr.hostname, port: conn.remoteAddr.port });
}

function shake(
  transport: ConnTransport,
  options: DialTlsOptions,
  verify: boolean,
  deadline: AbortSignal,
): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    // SNI carries names only (RFC 6066 §3); node checks an IP address by `host`.
    const identity = 0 !== isIP(options.serverName) ? { host: options.serverName } : { servername: options.serverName };
    const socket = connect(
      {
        // Deno's tls.connect takes any Duplex; the type asks for a Socket.
        socket: transport as unknown as NonNullable<ConnectionOptions["socket"]>,
        ...identity,
        ca: options.ca,
        minVersion: "TLSv1.3",
        ALPNProtocols: options.alpn ?? [],
        rejectUnauthorized: verify,
        allowHalfOpen: true,
      } as ConnectionOptions & { allowHalfOpen: boolean },
    );
    const failed = (error?: unknown) => {
      settled();
      socket.destroy();
      transport.destroy();
      reject(error instanceof Error ? error : new Error("the server closed the connection during the handshake"));
    };
    const expired = () => failed(new Error("timed out"));
    const closed = () => failed();
    const settled = () => {
      deadline.removeEventListener("abort", expired);
      transport.removeListener("close", closed);
    };
    deadline.addEventListener("abort", expired);
    socket.on("error", failed);
    transport.on("error", failed);
    transport.once("close", closed);
    socket.once("secureConnect", () => {
      settled();
      resolve(socket);
    });
    // While the preface was being written.
    if (deadline.aborted) expired();
  });
}

/**
 * Node says "unable to verify the first certificate" for nearly everything. So, after a failure and only for the
 * message, looks at the certificate over a second, unverified connection that carries no byte of ours and is closed at once.
 */
async function explain(
  options: DialTlsOptions,
  at: string,
  deadline: AbortSignal,
  timeoutMs: number,
  cause: unknown,
): Promise<PlatformError> {
  const asked = JSON.stringify(options.serverName);
  let certificate: X509Certificate;
  try {
    const transport = await dialTransport(options, at, deadline, timeoutMs);
    try {
      const socket = await shake(transport, options, false, deadline);
      certificate = new X509Certificate(socket.getPeerCertificate(true).raw);
      socket.destroy();
    } finally {
      transport.destroy();
    }
  } catch {
    return unavailable(`The certificate of ${at} is not good for ${asked}: ${messageOf(cause)}`, { cause });
  }
  const names = certificateNames(certificate);
  const notAfter = new Date(certificate.validTo);
  const notBefore = new Date(certificate.validFrom);
  const whose = `The certificate of ${at} (${listNames(names)})`;
  if ((cause as { code?: string }).code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    return unavailable(`The certificate of ${at} is not for ${asked}: it has ${listNames(names)}`, {
      hint: `Connect by one of these names, or issue a certificate that has ${asked} too`,
      cause,
    });
  }
  if (notAfter.getTime() <= Date.now()) {
    return unavailable(`${whose} expired at ${dateText(notAfter)}`, { hint: "Issue a new certificate", cause });
  }
  if (notBefore.getTime() > Date.now()) {
    return unavailable(`${whose} is valid only from ${dateText(notBefore)}`, { hint: "Check the clocks", cause });
  }
  return unavailable(`${whose} is not signed by a CA that is trusted here; its issuer is ${issuerText(certificate)}`, {
    hint: "Check that the CA certificate in the configuration is the platform's root",
    cause,
  });
}

/** OpenSSL-style codes of node: certificate problems are named, protocol problems are not. */
function isVerificationFailure(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  return typeof code === "string" &&
    /^(ERR_TLS_CERT_|UNABLE_TO_|CERT_|SELF_SIGNED|DEPTH_ZERO|INVALID_CA|INVALID_PURPOSE|HOSTNAME_)/.test(code);
}

function ended({ signal }: DialTlsOptions, at: string, timeoutMs: number, cause: unknown): PlatformError {
  if (signal?.aborted) return unavailable(`No TLS connection to ${at}: the attempt was ended`, { cause });
  return unavailable(`No TLS connection to ${at} within ${timeoutMs} ms`, { cause });
}

function issuerText(certificate: X509Certificate): string {
  return JSON.stringify(certificate.issuer.replaceAll("\n", ", "));
}
