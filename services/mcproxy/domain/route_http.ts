/**
 * What an L7 route does to requests and responses.
 * @module
 */
import { invalid, quote } from "@lib/errors/mod.ts";

/** How a backend is spoken to. `tls`: HTTP/2 or HTTP/1.1 as ALPN says. */
export type BackendProtocol = "h1" | "h2c" | "tls";

/** One field set, added or removed. */
export interface HeaderEdit {
  readonly op: "set" | "add" | "remove";
  /** Lower case. */
  readonly name: string;
  /** "" for "remove". */
  readonly value: string;
}

/** Answers instead of a backend. */
export interface Redirect {
  readonly status: number;
  /** "{uri}" stands for the request's path and query, "{host}" for its host. */
  readonly to: string;
}

/** More edits than this on one route belong into the backend. */
const maxEdits = 32;
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Framing and hop-by-hop fields are the proxy's own; and so is what tells a backend who the client is. */
const reserved = new Set([
  "client-cert",
  "client-cert-chain",
  "connection",
  "content-length",
  "expect",
  "forwarded",
  "host",
  "keep-alive",
  "proxy-connection",
  "remote-groups",
  "remote-user",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "via",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
]);

/** @throws PlatformError `invalid` on `field` */
export function parseEdits(
  edits: readonly { op: string; name: string; value: string }[],
  field: "request_headers" | "response_headers",
): HeaderEdit[] {
  if (edits.length > maxEdits) throw invalid(field, `takes at most ${maxEdits} edits, got ${edits.length}`);
  return edits.map(({ op, name, value }) => {
    if (op !== "set" && op !== "add" && op !== "remove") {
      throw invalid(field, `op must be "set", "add" or "remove", got ${quote(op)}`);
    }
    if (!token.test(name)) {
      throw invalid(field, `name must be a field name such as "x-frame-options", got ${quote(name)}`);
    }
    const lower = name.toLowerCase();
    if (reserved.has(lower.replaceAll("_", "-"))) {
      throw invalid(field, `${quote(name)} is the proxy's own and can't be edited`);
    }
    if (op === "remove" && value !== "") throw invalid(field, `"remove" of ${quote(name)} takes no value`);
    // Latin-1 without controls (RFC 9110 §5.5), no blanks around.
    if (value !== value.trim() || value.length > 4096 || /[^\t\x20-\x7e\x80-\xff]/.test(value)) {
      throw invalid(field, `the value of ${quote(name)} must be one line of at most 4096 printable characters`);
    }
    return { op, name: lower, value };
  });
}

const redirectStatuses = [301, 302, 303, 307, 308];

/** @throws PlatformError `invalid` on `redirect` */
export function parseRedirect(input: { status: number; to: string } | null | undefined): Redirect | null {
  if (input === undefined || input === null) return null;
  if (!redirectStatuses.includes(input.status)) {
    throw invalid("redirect", `status must be one of ${redirectStatuses.join(", ")}, got ${input.status}`);
  }
  // "//host" would be a whole other place; backslashes are slashes to browsers.
  if (
    !/^(?:https?:\/\/[^/\\\s]+(?:\/[^\\\s]*)?|\/(?:[^/\\\s][^\\\s]*)?|https:\/\/\{host\}\S*)$/.test(input.to) ||
    input.to.length > 2048 || /[^\x21-\x7e]/.test(input.to)
  ) {
    throw invalid("redirect", `to must be "https://…", "http://…" or a path, got ${quote(input.to)}`);
  }
  return { status: input.status, to: input.to };
}
