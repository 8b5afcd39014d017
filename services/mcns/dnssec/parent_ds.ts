import { delegatedKeys } from "../domain/key_rollover.ts";
import { type DomainName, parentKey, rootKey } from "../domain/name.ts";
import type { Octets } from "../domain/octets.ts";
import { types } from "../domain/rdata/record_type.ts";
import { setOf, type Zone } from "../domain/zone.ts";
import { namesKey } from "./key_records.ts";
import type { ZoneSigning } from "./zone_signing.ts";

/** The DS records that the parent has of the zone, where the parent is served here too; null where it isn't. */
export function localParentDs(
  zones: { zoneFor(key: string): Zone | undefined },
): (zone: DomainName) => readonly Octets[] | null {
  return ({ key }) => {
    const parent = key === rootKey ? undefined : zones.zoneFor(parentKey(key));
    const isDelegated = parent !== undefined && setOf(parent.setsAt(key), types.NS) !== undefined;
    return isDelegated ? setOf(parent.setsAt(key), types.DS)?.data ?? [] : null;
  };
}

/** Whether the parent's DS records are those that the zone waits for: each of its keys named, and no other. */
export function isConfirmedBy(records: readonly Octets[], { zone, phase, keys }: ZoneSigning): boolean {
  if (phase === "leaving") return records.length === 0;
  const wanted = delegatedKeys(phase, keys).map(({ signing }) => signing.dnskey);
  return wanted.every((dnskey) => records.some((ds) => namesKey(ds, zone, dnskey))) &&
    records.every((ds) => wanted.some((dnskey) => namesKey(ds, zone, dnskey)));
}
