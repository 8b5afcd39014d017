import { denied, quote } from "@lib/errors/mod.ts";

/** The name that a route answers under. @param zone without dots at its ends, e.g. "svc.mcp.metacircular.net" */
export function routeHostname(service: string, hostname: string | null, zone: string): string {
  return hostname ?? `${service}.${zone}`;
}

/** The name relative to the zone, "@" for the zone itself, or null when it is outside. */
export function nameInZone(hostname: string, zone: string): string | null {
  if (hostname === zone) return "@";
  return hostname.endsWith(`.${zone}`) ? hostname.slice(0, -zone.length - 1) : null;
}

/**
 * A service answers in the service zone only under its own name and names below it: otherwise a deploy could
 * take the name of another part of the platform.
 * @throws PlatformError denied (rule "own-name")
 */
export function refuseForeignName(service: string, hostname: string, zone: string): void {
  const name = nameInZone(hostname, zone);
  if (name === null || name === service || name.endsWith(`.${service}`)) return;
  throw denied("own-name", `Service ${quote(service)} can't answer as ${hostname}: that name is another's`, {
    hint: `Within ${zone} its names are ${service}.${zone} and those below`,
  });
}
