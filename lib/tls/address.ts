/**
 * Addresses as configurations write them: `127.0.0.1:8443`, `[::1]:8443`,
 * `localhost:8443`, `unix:/run/x.sock`.
 * @module
 */
import { invalid, quote } from "@lib/errors/mod.ts";

/** A place to listen on or to connect to. */
export type Address = { kind: "tcp"; hostname: string; port: number } | { kind: "unix"; path: string };

/**
 * Reads an address; the port may be 0, which lets the system choose.
 * @throws PlatformError `invalid` on `field` when it is none of the forms above
 */
export function parseAddress(text: string, field = "address"): Address {
  if (text.startsWith("unix:")) {
    const path = text.slice(5);
    if (!path.startsWith("/")) throw invalid(field, `needs an absolute path after "unix:", got ${quote(text)}`);
    return { kind: "unix", path };
  }
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s/]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65535) {
    throw invalid(field, `must be "host:port", "[v6]:port" or "unix:/path", got ${quote(text)}`);
  }
  return { kind: "tcp", hostname: (match[1] ?? match[2])!, port };
}

/** The written form; IPv6 addresses in brackets. */
export function formatAddress(address: Address): string {
  if (address.kind === "unix") return `unix:${address.path}`;
  return address.hostname.includes(":")
    ? `[${address.hostname}]:${address.port}`
    : `${address.hostname}:${address.port}`;
}
