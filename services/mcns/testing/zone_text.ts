import { DomainName } from "../domain/name.ts";
import { parseSeedRecord, type SeedRecord } from "../domain/seed.ts";
import { Zone } from "../domain/zone.ts";
import { ZoneDirectory } from "../domain/zone_directory.ts";

/** A zone from lines of a zone file, `name [ttl] type value`; its serial is 2026010100. */
export function zoneOf(origin: string, lines: readonly string[]): Zone {
  const name = DomainName.parse(origin, "zone");
  const zone = new Zone(name, {
    primaryNs: DomainName.parse(`ns1.${origin}`, "primary_ns"),
    mailbox: DomainName.parse(`admin.${origin}`, "admin_email"),
    serial: 2026010100,
    refresh: 3600,
    retry: 600,
    expire: 604800,
    minimum: 300,
  });
  const byName = new Map<string, SeedRecord[]>();
  for (const line of lines) {
    const record = parseSeedRecord(line, name, "line");
    byName.set(record.name.relative, [...byName.get(record.name.relative) ?? [], record]);
  }
  for (const records of byName.values()) zone.setRecords(records[0]!.name.absolute, records);
  return zone;
}

export function directoryOf(...zones: Zone[]): ZoneDirectory {
  const directory = new ZoneDirectory();
  for (const zone of zones) directory.put(zone);
  return directory;
}
