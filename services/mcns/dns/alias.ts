/** ALIAS: the addresses of another name, answered as a name's own. */
import { maxLinks, redirected } from "../domain/chain.ts";
import type { Octets } from "../domain/octets.ts";
import type { ZoneDirectory } from "../domain/zone_directory.ts";

/** Where the search for addresses ended. */
export interface AliasResult {
  /** Addresses found; none when the target has none. */
  readonly data: readonly Octets[];
  /** The smallest on the way, the ALIAS's own first. */
  readonly ttlSeconds: number;
  /** The name whose addresses an upstream has to be asked for; null when the search ended in our zones. */
  readonly leftAt: string | null;
}

/**
 * Looks up the A or AAAA records of `target` in our zones, along CNAME, DNAME and further ALIAS records. Null for a loop, or
 * a chain that nobody follows to its end.
 */
export function resolveAlias(
  zones: ZoneDirectory,
  target: string,
  type: number,
  ttlSeconds: number,
): AliasResult | null {
  let key = target;
  for (let links = 0; links < maxLinks; links++) {
    const zone = zones.zoneFor(key);
    if (zone === undefined || !zone.isAnswerable) return { data: [], ttlSeconds, leftAt: key };
    const { kind, set, owner } = zone.find(key, type);
    if (set !== null) ttlSeconds = Math.min(ttlSeconds, set.ttlSeconds);
    switch (kind) {
      case "records":
        return { data: set!.data, ttlSeconds, leftAt: null };
      case "delegation":
        return { data: [], ttlSeconds, leftAt: key };
      case "cname":
      case "alias":
        // The root, too: another server's zone may say that, and nobody has addresses there.
        key = set!.data[0]!;
        break;
      case "dname": {
        const next = redirected(key, owner, set!.data[0]!);
        if (next === null) return null;
        key = next;
        break;
      }
      default:
        // RFC 2308 §5: "no addresses" may be kept as long as the zone says.
        return { data: [], ttlSeconds: Math.min(ttlSeconds, zone.negativeTtlSeconds), leftAt: null };
    }
  }
  return null;
}
