import { invalid, quote } from "@lib/errors/mod.ts";

/**
 * Splits "host:port", "[v6]:port". The host may be a name or an address and is returned
 * without brackets. Throws Invalid on `field` for anything else.
 * @param minPort 0 where "any free port" makes sense
 */
export function parseHostPort(value: string, field: string, minPort = 0): { hostname: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(value);
  const port = Number(match?.[3]);
  if (!match || port < minPort || port > 65535) {
    throw invalid(field, `must be "host:port" with a port from ${minPort} to 65535, got ${quote(value)}`);
  }
  return { hostname: (match[1] ?? match[2])!, port };
}
