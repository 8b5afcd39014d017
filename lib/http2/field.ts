/**
 * What every field must hold to (RFC 9113 §8.2, RFC 9110 §5).
 * @module
 */
import { MalformedMessage } from "./errors.ts";
import { staticFields } from "./hpack/static_table.ts";

/** Fields that say more than their value. */
export const FieldKind = { plain: 0, host: 1, contentLength: 2, cookie: 3, te: 4, connection: 5 } as const;
export type FieldKind = typeof FieldKind[keyof typeof FieldKind];

/** RFC 9110 §5.6.2 without capitals: RFC 9113 §8.2.1 has names in lower case. */
const lowerToken = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** RFC 9110 §5.5: visible ASCII, obs-text, and blanks, which must be inside. */
const plainValue = /^[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?$/;
const lineOrNul = /[\0\r\n]/;
const blankEdge = /^[\t ]|[\t ]$/;

/** Names that are met often: one look-up says that they are well formed and what they are. */
let known: Map<string, FieldKind> | null = null;

function knownNames(): Map<string, FieldKind> {
  const names = new Map<string, FieldKind>();
  for (let at = 0; at < staticFields.length; at += 2) {
    if (!staticFields[at]!.startsWith(":")) names.set(staticFields[at]!, FieldKind.plain);
  }
  for (const name of frequent) names.set(name, FieldKind.plain);
  // RFC 9113 §8.2.2: they are about a connection of HTTP/1.1.
  for (const name of ["connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade"]) {
    names.set(name, FieldKind.connection);
  }
  names.set("te", FieldKind.te);
  names.set("host", FieldKind.host);
  names.set("content-length", FieldKind.contentLength);
  names.set("cookie", FieldKind.cookie);
  return names;
}

/** Beside those of the static table. */
const frequent = [
  "dnt",
  "grpc-encoding",
  "grpc-message",
  "grpc-status",
  "grpc-timeout",
  "origin",
  "priority",
  "sec-ch-ua",
  "sec-ch-ua-mobile",
  "sec-ch-ua-platform",
  "sec-fetch-dest",
  "sec-fetch-mode",
  "sec-fetch-site",
  "sec-fetch-user",
  "traceparent",
  "upgrade-insecure-requests",
  "x-content-type-options",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
  "x-frame-options",
  "x-request-id",
];

/**
 * Checks one regular field.
 * @throws MalformedMessage naming the rule
 */
export function checkField(name: string, value: string): FieldKind {
  const kind = (known ??= knownNames()).get(name);
  if (kind === undefined && !lowerToken.test(name)) throw badName(name);
  if (value !== "" && !plainValue.test(value)) throw badValue(name, value);
  if (kind === undefined) return FieldKind.plain;
  if (kind === FieldKind.connection) throw new MalformedMessage(`connection-specific field ${name}`);
  // RFC 9113 §8.2.2: the one value that isn't about the connection.
  if (kind === FieldKind.te && value.toLowerCase() !== "trailers") {
    throw new MalformedMessage("te with a value other than trailers");
  }
  return kind;
}

function badName(name: string): MalformedMessage {
  if (name === "") return new MalformedMessage("empty field name");
  return new MalformedMessage(token.test(name) ? "field name in upper case" : "field name is not a token");
}

/** `name` is a token by now, fit to show; the value is not. */
function badValue(name: string, value: string): MalformedMessage {
  if (lineOrNul.test(value)) return new MalformedMessage(`NUL, CR or LF in the value of ${name}`);
  if (blankEdge.test(value)) return new MalformedMessage(`blank at an end of the value of ${name}`);
  return new MalformedMessage(`control character in the value of ${name}`);
}
