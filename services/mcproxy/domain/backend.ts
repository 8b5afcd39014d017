/**
 * Where a route's connections go.
 * @module
 */
import { invalid, quote } from "@lib/errors/mod.ts";

/** One backend; `key` ("127.0.0.1:8080", "[::1]:8080") identifies it in pools and counters. */
export interface Backend {
  readonly hostname: string;
  readonly port: number;
  readonly key: string;
}

const form = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+)):(\d{1,5})$/;

/**
 * Reads "host:port" or "[v6]:port".
 * @param allowedHosts what the proxy's sandbox may connect to (`[backends] allow_hosts`); others are refused where the
 * caller can still be told, and not at the first request
 * @throws PlatformError `invalid` on `field`
 */
export function parseBackend(text: string, allowedHosts: readonly string[], field = "backends"): Backend {
  const match = form.exec(text.toLowerCase());
  const port = Number(match?.[3]);
  if (match === null || port < 1 || port > 65535) {
    throw invalid(field, `must be "host:port" with a port from 1 to 65535, got ${quote(text)}`);
  }
  const hostname = (match[1] ?? match[2])!;
  const key = hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
  if (!allowedHosts.some((allowed) => permits(allowed.toLowerCase(), hostname, key))) {
    throw invalid(
      field,
      `${quote(text)} is on a host that the proxy may not connect to; allowed: ${allowedHosts.join(", ")}`,
      { hint: 'Add the host to "[backends] allow_hosts" in mcproxy.toml and restart MC-Proxy' },
    );
  }
  return { hostname, port, key };
}

/** An allowed entry is a host (every port of it), in brackets or not, or "host:port". */
function permits(allowed: string, hostname: string, key: string): boolean {
  return allowed === hostname || allowed === `[${hostname}]` || allowed === key;
}

/** True when both lists name the same backends in the same order. */
export function sameBackends(one: readonly Backend[], other: readonly Backend[]): boolean {
  return one.length === other.length && one.every(({ key }, index) => key === other[index]!.key);
}
