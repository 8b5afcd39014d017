/**
 * Which fields pass from one side to the other.
 * @module
 */
import type { Fields } from "./message.ts";

/** Dropped: hop by hop (RFC 9110 §7.6.1), written anew (framing, Host, Via), or a claim about who the client is. */
const dropped = new Set([
  "client-cert",
  "client-cert-chain",
  "connection",
  "content-length",
  "expect",
  "forwarded",
  "host",
  "http2-settings",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  // Remote-Name and -Email are ours only in what programs read beside the others.
  "remote-email",
  "remote-groups",
  "remote-name",
  "remote-user",
  "te",
  "transfer-encoding",
  "upgrade",
  "via",
  "x-real-ip",
]);

/** Trailers that would change what the head said (RFC 9110 §6.5.1: routing, framing, authentication, content). */
const droppedTrailers = new Set([
  "authorization",
  "cache-control",
  "content-encoding",
  "content-range",
  "content-type",
  "cookie",
  "expect",
  "max-forwards",
  "range",
  "set-cookie",
  "trailer",
]);

/** Of responses (RFC 9110 §7.6.1); the framing is written anew. */
const droppedResponse = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "te",
  "transfer-encoding",
  "upgrade",
]);

/** Whether a client's field is passed on. Names with "_" are read as with "-", as CGI-like backends do. */
export function passes(name: string): boolean {
  const plain = name.includes("_") ? name.replaceAll("_", "-") : name;
  return !dropped.has(plain) && !plain.startsWith("x-forwarded-");
}

/** Whether a backend's field is passed on in a response of that status. */
export function responsePasses(name: string, status: number): boolean {
  // RFC 9110 §8.6: no length in 1xx and 204; there it would only confuse.
  if (name === "content-length") return status >= 200 && status !== 204;
  return !droppedResponse.has(name);
}

/** The trailers that are passed on, in either direction; null when there are none. */
export function passingTrailers(trailers: Fields | null): Fields | null {
  if (trailers === null) return null;
  const names: string[] = [];
  const shown: string[] = [];
  const values: string[] = [];
  for (let index = 0; index < trailers.names.length; index++) {
    const name = trailers.names[index]!;
    if (!passes(name) || droppedTrailers.has(name)) continue;
    names.push(name);
    shown.push(trailers.shown[index]!);
    values.push(trailers.values[index]!);
  }
  return names.length === 0 ? null : { names, shown, values };
}

/** The first value of a field; null when there is none. @param name in lower case */
export function fieldValue(fields: Fields, name: string): string | null {
  const index = fields.names.indexOf(name);
  return index < 0 ? null : fields.values[index]!;
}

/** An address as `for=` of Forwarded writes it (RFC 7239 §6). */
export function forwardedNode(remote: string): string {
  return remote.includes(":") ? `"[${remote}]"` : remote;
}
