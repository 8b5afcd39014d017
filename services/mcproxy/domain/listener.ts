/**
 * A listener: an address that takes connections, and what they are taken for.
 * @module
 */
import { invalid, quote } from "@lib/errors/mod.ts";

/** `tls`: routes by SNI. `tcp`: any bytes, to the route "*". `http`: redirects to HTTPS, and ACME's challenges. */
export type ListenerKind = "tls" | "tcp" | "http";
export const listenerKinds: readonly ListenerKind[] = ["tls", "tcp", "http"];

/** A checked listener. */
export interface Listener {
  /** What routes and rules call it. */
  readonly name: string;
  /** "host:port". */
  readonly address: string;
  readonly kind: ListenerKind;
  /** Addresses and networks that must send the PROXY header; from all others it is refused. */
  readonly proxyProtocolFrom: readonly string[];
}

/** A listener as callers write it. */
export interface ListenerInput {
  name: string;
  address: string;
  kind: string;
  proxyProtocolFrom: readonly string[];
}

/** More would be an inventory of the internet. */
const maxSenders = 256;

/**
 * Checks all but whether the address may be bound.
 * @param place what errors put before the field's name, "listeners." for the configuration's
 * @throws PlatformError `invalid` naming the field, the rule and the value
 */
export function parseListener(input: ListenerInput, place = ""): Listener {
  if (!/^[a-z0-9-]{1,63}$/.test(input.name)) {
    throw invalid(`${place}name`, `must be letters, digits and hyphens, got ${quote(input.name)}`);
  }
  const kind = input.kind === "" ? "tls" : input.kind;
  if (!isKind(kind)) {
    throw invalid(`${place}kind`, `must be one of ${listenerKinds.join(", ")}, got ${quote(input.kind)}`);
  }
  if (input.proxyProtocolFrom.length > maxSenders) {
    throw invalid(`${place}proxy_protocol_from`, `takes at most ${maxSenders}, got ${input.proxyProtocolFrom.length}`);
  }
  return { name: input.name, address: input.address, kind, proxyProtocolFrom: [...input.proxyProtocolFrom] };
}

function isKind(text: string): text is ListenerKind {
  return (listenerKinds as readonly string[]).includes(text);
}
