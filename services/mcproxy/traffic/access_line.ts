/**
 * What one line of the access log says, in either format.
 *
 * Rules: no secrets (no cookies, no credentials, no query unless asked for), no line longer than a few KiB, and no line
 * that a client can forge or end early: what it sent is quoted, with every control character written as an escape.
 * @module
 */

/** One request, or one connection that passed through. Texts are as the client sent them. */
export interface AccessEntry {
  /** When the request's head, or the connection, was there; milliseconds since the epoch. */
  readonly at: number;
  /** The client's address without a port. */
  readonly client: string;
  readonly listener: string;
  /** The name in SNI; "" for none. */
  readonly hostname: string;
  /** "" for what was no request. */
  readonly method: string;
  /** With its query. */
  readonly target: string;
  readonly protocol: "http/1.0" | "http/1.1" | "h2" | "l4" | "tcp";
  /** Sent to the client; 0 when nothing was, and for what passed through. */
  readonly status: number;
  /** Of the bodies; all that passed, for what passed through. */
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly durationMs: number;
  /** "host:port"; "" for none. */
  readonly backend: string;
  /** The firewall's rule that refused it; "" when none did. */
  readonly rule: string;
  /** The account that has signed in; "" for none. */
  readonly user: string;
  readonly userAgent: string;
  /** False for plain HTTP, and for what passed through. */
  readonly isTls: boolean;
  /** As the handshake agreed; "" without. */
  readonly alpn: string;
  /** What the client has shown of itself in the handshake; null for nothing that is good. */
  readonly certificate: CertifiedClient | null;
  /** Fields that tie it to other programs' logs: `traceparent` and `x-request-id`; "" without them. */
  readonly traceparent: string;
  readonly requestId: string;
  /** The response ended early. */
  readonly isCut: boolean;
}

/** Who a client's certificate says it is. */
export interface CertifiedClient {
  /** RFC 4514. */
  readonly subject: string;
  /** SHA-256 of the certificate, lower-case hex. */
  readonly fingerprint: string;
}

export type AccessFormat = "json" | "combined";

export interface LineOptions {
  format: AccessFormat;
  /** Writes queries, which often hold secrets (sign-in links, keys of APIs). */
  queries: boolean;
}

/** Longer texts are cut off there, characters: real ones are shorter, and a line must not be a way to fill the disk. */
const limits = { target: 2048, userAgent: 512, requestId: 128, subject: 256 };

/** The line with its end. */
export function accessLine(entry: AccessEntry, { format, queries }: LineOptions): string {
  return format === "json" ? jsonLine(entry, queries) : combinedLine(entry, queries);
}

function jsonLine(entry: AccessEntry, queries: boolean): string {
  const { target } = entry;
  const cut = target.indexOf("?");
  const path = cut < 0 ? target : target.slice(0, cut);
  let line = `{"time":"${new Date(entry.at).toISOString()}","client":${quoted(entry.client)},"listener":${
    quoted(entry.listener)
  },"hostname":${quoted(entry.hostname)}`;
  if (entry.method !== "") {
    line += `,"method":${quoted(entry.method)},"path":${quoted(path.slice(0, limits.target))}`;
    if (queries && cut >= 0) line += `,"query":${quoted(target.slice(cut + 1, cut + 1 + limits.target))}`;
  }
  line += `,"protocol":"${entry.protocol}"`;
  if (!isPassed(entry)) line += `,"status":${entry.status}`;
  line += `,"request_bytes":${entry.requestBytes},"response_bytes":${entry.responseBytes},"duration_ms":${
    entry.durationMs.toFixed(1)
  }`;
  if (entry.backend !== "") line += `,"backend":${quoted(entry.backend)}`;
  if (entry.rule !== "") line += `,"rule":${quoted(entry.rule)}`;
  if (entry.user !== "") line += `,"user":${quoted(entry.user)}`;
  if (entry.userAgent !== "") line += `,"user_agent":${quoted(entry.userAgent.slice(0, limits.userAgent))}`;
  // No older version gets as far as a line.
  if (entry.isTls) line += `,"tls":"1.3","alpn":${quoted(entry.alpn)}`;
  if (entry.certificate !== null) {
    const { subject, fingerprint } = entry.certificate;
    line += `,"client_subject":${quoted(subject.slice(0, limits.subject))},"client_fingerprint":"${fingerprint}"`;
  }
  const trace = traceId(entry.traceparent);
  if (trace !== "") line += `,"trace_id":"${trace}"`;
  if (entry.requestId !== "") line += `,"request_id":${quoted(entry.requestId.slice(0, limits.requestId))}`;
  if (entry.isCut) line += `,"cut":true`;
  return `${line}}\n`;
}

/**
 * As Apache and nginx write it. No referrer: it is another site's address with that site's query. What passed through
 * is a CONNECT for its name, with status 0.
 */
function combinedLine(entry: AccessEntry, queries: boolean): string {
  const { method, target, status } = entry;
  const cut = target.indexOf("?");
  const path = queries || cut < 0 ? target : target.slice(0, cut);
  const protocol = entry.protocol === "h2" ? "HTTP/2.0" : entry.protocol.toUpperCase();
  const request = isPassed(entry)
    ? `CONNECT ${escaped(entry.hostname === "" ? "-" : entry.hostname)} ${protocol}`
    : method === ""
    ? "-"
    : `${escaped(method)} ${escaped(path.slice(0, limits.target))} ${protocol}`;
  const userAgent = entry.userAgent === "" ? "-" : escaped(entry.userAgent.slice(0, limits.userAgent));
  const user = entry.user === "" ? "-" : escaped(entry.user);
  return `${escaped(entry.client)} - ${user} [${clfTime(entry.at)}] "${request}" ${
    String(status).padStart(3, "0")
  } ${entry.responseBytes} "-" "${userAgent}"\n`;
}

function isPassed({ protocol }: AccessEntry): boolean {
  return protocol === "l4" || protocol === "tcp";
}

// deno-lint-ignore no-control-regex -- control characters are exactly what is looked for
const plain = /^[^"\\\u0000-\u001f\u007f-\u009f\u2028\u2029]*$/;
// deno-lint-ignore no-control-regex -- as above
const notPlain = /["\\\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;

/** As a JSON string, in which DEL, C1 controls (terminals obey them) and Unicode's line ends are escaped, too. */
function quoted(text: string): string {
  return plain.test(text)
    ? `"${text}"`
    : `"${text.replace(notPlain, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`)}"`;
}

/** As nginx writes what a client sent: quotes, backslashes and all that isn't printable ASCII as \xHH. */
function escaped(text: string): string {
  return text.replace(
    /["\\]|[^ -~]/g,
    (one) => one.charCodeAt(0) > 0xff ? "?" : `\\x${one.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
}

/** W3C Trace Context §3.2: version, trace id, parent id, flags. */
function traceId(traceparent: string): string {
  return /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/.exec(traceparent)?.[1] ?? "";
}

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** "21/Nov/2026:08:15:00 +0000" */
function clfTime(at: number): string {
  const iso = new Date(at).toISOString();
  return `${iso.slice(8, 10)}/${months[Number(iso.slice(5, 7)) - 1]}/${iso.slice(0, 4)}:${iso.slice(11, 19)} +0000`;
}
